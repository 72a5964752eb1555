#!/bin/sh
# SPDX-License-Identifier: MIT
# clang-tidy with the checks of .clang-tidy, on all C but the tests, whose
# macros of libcheck hide from it where a test ends. One process a file: with
# more of them, version 14 finds lists of arguments that nobody began.
. "$(dirname "$0")/files.sh"
export flags
# shellcheck disable=SC2086 # words are meant
found=$(c_files util core backends tools bench examples | grep '\.c$' |
	xargs -P "$jobs" -n 1 sh -c '
		clang-tidy --quiet "$1" -- -std=gnu11 $flags' sh 2>&1)
status=$?
echo "$found" | sed -E "s|^$(pwd)/||; /^[0-9]+ warnings? /d; /^\$/d"
exit $status
