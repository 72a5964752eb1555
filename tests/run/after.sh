#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs last: is anything of ours on the machine that was not there before?
# Brokers leave by themselves, after some seconds.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	left=$("${srcdir:-.}/tests/lib/objects.sh" |
		diff tests/run/objects.before - | sed -n 's/^> //p')
	[ -z "$left" ] && exit 0
	sleep 1
done
echo "after.sh: the tests left behind:"
echo "$left"
exit 1
