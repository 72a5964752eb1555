#!/bin/sh
# SPDX-License-Identifier: MIT
# The broker of memfd when all want it at once, when it leaves, when it is
# killed, and when it is attacked (tests/broker/). SHMIPC_STRESS as in
# stress.sh; the long form takes a quarter of an hour.
if [ "${1-}" != inside ]; then
	exec "${srcdir:-.}/tests/lib/on_backend.sh" memfd "$0" inside
fi
status=0
run() {
	"$@"
	case $? in
	0) ;;
	77) [ $status -ne 0 ] || status=77 ;;
	*) status=1 ;;
	esac
}
starts=10 connects=400 kills=30 restarts=5 packets=10000
case ${SHMIPC_STRESS-} in
ci)
	starts=200 connects=5000 kills=500 restarts=100 packets=100000
	;;
long)
	starts=10000 connects=100000 kills=10000 restarts=1000 packets=1000000
	;;
esac
run tests/broker/broker cold $starts
run tests/broker/broker idle $connects
run tests/broker/broker kill $kills
run tests/broker/broker restart $restarts
run tests/broker/broker hostile $packets
# And all that is promised holds while servers are killed.
if [ -n "${SHMIPC_STRESS-}" ] && [ -x tests/conform/check ]; then
	run tests/broker/broker killing 20 tests/conform/check
fi
exit $status
