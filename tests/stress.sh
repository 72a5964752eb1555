#!/bin/sh
# SPDX-License-Identifier: MIT
# What must hold when things go wrong, on the backend SHMIPC_BACKEND: death and
# refusal at every step (tests/walk/), and races and kills in numbers
# (tests/stress/). SHMIPC_STRESS=long: the long form, for `make stress'.
status=0
skipped=
run() {
	"$@"
	case $? in
	0) ;;
	77) skipped=yes ;;
	*) status=1 ;;
	esac
}
if [ "${SHMIPC_STRESS-}" = long ]; then
	stride=1 races=100000 kills=10000 opens=100000 names=10000
else
	# A stride that is prime to the number of errors meets all of them.
	stride=29 races=2000 kills=300 opens=3000 names=10000
fi
run tests/walk/walk kill
run tests/walk/walk refuse $stride
run tests/stress/stress race $races
run tests/stress/stress kill $kills
run tests/stress/stress transient $opens
run tests/stress/stress names $names
[ $status -eq 0 ] && [ -n "$skipped" ] && exit 77
exit $status
