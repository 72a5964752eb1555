#!/bin/sh
# SPDX-License-Identifier: MIT
# What a file looks like: lines of at most 80 columns with tabs of 8, no blanks
# at their ends, at most 600 lines of C or shell, a licence in each source, and
# nothing left to do. clang-format.sh does the rest for C.
. "$(dirname "$0")/files.sh"
text=$(tracked | grep -Ev '\.(png|svg|ico|gz)$|^(COPYING$|debian/)')
source='\.([chly]|cc|hh|sh|awk|mk|ac|am|pml|py|rs|gp|map|in)$|^\.ci/'
# shellcheck disable=SC2086 # no name has a blank in it
exec "$AWK" -v source="$source" -f "$lint/style.awk" $text
