#!/bin/sh
# SPDX-License-Identifier: MIT
# Run a command on one backend, in directories of its own, which are gone
# afterwards, with whatever brokers it started.
#
# usage: on_backend.sh BACKEND COMMAND...
set -u
build=$(pwd)
SHMIPC_BACKEND=$1
shift

# Other users must be able to reach this one, but not the other.
SHMIPC_TEST_DIR=$(mktemp -d) && SHMIPC_RUNTIME_DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$SHMIPC_RUNTIME_DIR" "$SHMIPC_TEST_DIR"' EXIT
trap 'exit 1' INT TERM HUP # a broker without a directory leaves
chmod 1777 "$SHMIPC_TEST_DIR"
SHMIPC_TEST_OPENER=$build/tests/lib/opener

# The build tree may be closed to them, so that the broker is copied.
if [ -e shmipc-broker ]; then
	cp shmipc-broker "$SHMIPC_TEST_DIR/shmipc-broker" || exit 1
fi
SHMIPC_BROKER=$SHMIPC_TEST_DIR/shmipc-broker
# Nobody waits here for a broker that is not needed any more.
SHMIPC_BROKER_IDLE_MS=${SHMIPC_BROKER_IDLE_MS:-300}
export SHMIPC_BACKEND SHMIPC_BROKER SHMIPC_RUNTIME_DIR SHMIPC_BROKER_IDLE_MS
export SHMIPC_TEST_DIR SHMIPC_TEST_OPENER

"$@"
status=$?

# Brokers leave by themselves, soon after the last client.
tries=0
while [ -e "$SHMIPC_RUNTIME_DIR/sock" ] ||
	[ -e "$SHMIPC_TEST_DIR/nobody/sock" ]; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ]; then
		echo "on_backend.sh: a broker has not left" >&2
		status=1
		break
	fi
	sleep 0.1
done
exit $status
