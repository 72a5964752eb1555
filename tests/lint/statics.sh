#!/bin/sh
# SPDX-License-Identifier: MIT
# No two static functions of the library share a name, so that a debugger's
# `break name' and a reader's search have one answer.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046 # no name has a blank in it
exec "$AWK" -f "$lint/c.awk" -f "$lint/statics.awk" $(library)
