#!/bin/sh
# SPDX-License-Identifier: MIT
# What must hold when things go wrong, on the backend SHMIPC_BACKEND: death and
# refusal at every step (tests/walk/), and races and kills in numbers
# (tests/stress/). SHMIPC_STRESS=long: the long form, for `make stress'; for
# .ci/run, =ci: a little more than `make check' does, =short: once through all.
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
# A stride that is prime to the number of errors meets all of them.
stride=29 races=2000 kills=300 opens=3000 names=10000
locks=2000 wakes=20 graves=500
case ${SHMIPC_STRESS-} in
ci)
	locks=10000
	;;
short)
	stride=97 races=200 kills=50 opens=500 locks=300 wakes=5 graves=100
	;;
long)
	stride=1 races=100000 kills=10000 opens=100000
	locks=100000 wakes=1000 graves=3000
	;;
esac
run tests/walk/walk kill
run tests/walk/walk refuse $stride
run tests/stress/stress race $races
run tests/stress/stress kill $kills
run tests/stress/stress transient $opens
run tests/stress/stress names $names
run tests/stress/stress lock $locks
run tests/stress/stress steps 5000
run tests/stress/stress wake $wakes
run tests/stress/stress graves $graves
[ $status -eq 0 ] && [ -n "$skipped" ] && exit 77
exit $status
