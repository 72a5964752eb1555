#!/bin/sh
# SPDX-License-Identifier: MIT
# cppcheck on all C, without its opinions on style. It does not read the headers
# of the system, which it does not need.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046,SC2086 # no name has a blank in it
exec cppcheck --quiet --error-exitcode=1 -j "$jobs" --std=c11 \
	--enable=warning,performance,portability \
	--suppress=missingIncludeSystem \
	--template='{file}:{line}: {severity}: {message} [{id}]' \
	$flags $(tracked | grep '\.c$')
