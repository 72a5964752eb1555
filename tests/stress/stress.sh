#!/bin/sh
# SPDX-License-Identifier: MIT
# What must hold when things go wrong, on the backend SHMIPC_BACKEND: death and
# refusal at every step (tests/fault/), and races and kills in numbers
# (tests/stress/). SHMIPC_STRESS=ci: with the numbers of .ci/run; =long: with
# those of `make stress'; else once through all.
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
deaths=3 refusals=97 races=200 kills=50 opens=500 names=10000
locks=300 steps=1000 wakes=5 sleepers=100
case ${SHMIPC_STRESS-} in
ci)
	deaths=1 refusals=29 races=2000 kills=300 opens=3000
	locks=10000 steps=5000 wakes=20 sleepers=500
	;;
long)
	deaths=1 refusals=1 races=100000 kills=10000 opens=100000
	locks=100000 steps=5000 wakes=1000 sleepers=3000
	;;
esac
run tests/fault/faultwalk kill $deaths
run tests/fault/faultwalk refuse $refusals
run tests/stress/stress race $races
run tests/stress/stress kill $kills
run tests/stress/stress transient $opens
run tests/stress/stress names $names
run tests/stress/stress lock $locks
run tests/stress/stress steps $steps
run tests/stress/stress wake $wakes
run tests/stress/stress sleepers $sleepers
[ $status -eq 0 ] && [ -n "$skipped" ] && exit 77
exit $status
