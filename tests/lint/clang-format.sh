#!/bin/sh
# SPDX-License-Identifier: MIT
# C is laid out as clang-format does it with the rules of .clang-format; `make
# format' does it.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046 # no name has a blank in it
exec clang-format --dry-run -Werror $(tracked | grep '\.[ch]$')
