#!/bin/sh
# SPDX-License-Identifier: MIT
# English, as far as a pattern can tell: comments and messages in C, comments in
# scripts and makefiles, the manual, and all that is plain text. prose.rules has
# the patterns. This folder is left out, since it has to name what it forbids.
. "$(dirname "$0")/files.sh"
text=$(tracked | grep -Ev '^(tests/lint/|debian/|COPYING$|\.git)' |
	grep -E '\.([ch1-8]|sh|awk|mk|ac|am|md|pml|in)$|^[A-Z]+$|^\.ci/')
# shellcheck disable=SC2086 # no name has a blank in it
exec "$AWK" -v rules="$lint/prose.rules" -f "$lint/c.awk" \
	-f "$lint/prose.awk" $text
