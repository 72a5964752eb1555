#!/bin/sh
# SPDX-License-Identifier: MIT
# C is laid out as clang-format does it with the rules of .clang-format; with
# --fix it is done here.
how="--dry-run -Werror"
if [ "${1-}" = --fix ]; then
	how=-i
	shift
fi
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046,SC2086 # words are meant
exec clang-format $how $(tracked | grep '\.[ch]$')
