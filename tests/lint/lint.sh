#!/bin/sh
# SPDX-License-Identifier: MIT
# Run checks of the sources, all of them or those that are named, and say which
# failed. Runs in a configured build directory, for the tools that compile.
set -u
here=$(dirname "$0")
rules="layers kinds circles statics prose style selftest"
tools="clang-format shellcheck cppcheck analyzer clang-tidy"
# shellcheck disable=SC2086 # words are meant
[ $# -gt 0 ] || set -- $rules $tools

# The Debian package of each tool, which is also its command.
missing=
for check; do
	case $check in
	clang-format | shellcheck | cppcheck | clang-tidy)
		command -v "$check" >/dev/null || missing="$missing $check"
		;;
	esac
done
if [ -n "$missing" ]; then
	echo "lint: missing:$missing (packages of these names)" >&2
	exit 1
fi

failed=
for check; do
	if [ ! -f "$here/$check.sh" ]; then
		echo "lint: no such check: $check ($rules $tools)" >&2
		exit 2
	fi
	start=$(date +%s)
	sh "$here/$check.sh" || failed="$failed $check"
	result=ok
	[ "${failed##* }" = "$check" ] && result=FAILED
	echo "lint: $check: $result ($(($(date +%s) - start)) s)"
done
[ -z "$failed" ] && exit
echo "lint: failed:$failed"
exit 1
