#!/bin/sh
# SPDX-License-Identifier: MIT
# The modules of the library do not include each other in a circle. A module is
# a path without its extension: x.c and x.h are one.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046 # no name has a blank in it
exec "$AWK" -f "$lint/c.awk" -f "$lint/circles.awk" $(library)
