#!/bin/sh
# SPDX-License-Identifier: MIT
# Kinds: what differs between a region and a semaphore is in the table of
# core/kind.c and in the file of each kind, so that a new kind needs no change
# elsewhere. Backends do not know kinds at all.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046 # no name has a blank in it
exec "$AWK" -f "$lint/c.awk" -f "$lint/kinds.awk" \
	$(c_files util core backends tools)
