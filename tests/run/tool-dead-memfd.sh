#!/bin/sh
# SPDX-License-Identifier: MIT
if [ ! -x shmipc-broker ]; then
	echo "tool: no memfd here"
	exit 77
fi
# One who is idle removes garbage.
SHMIPC_BROKER_IDLE_MS=60000
export SHMIPC_BROKER_IDLE_MS
exec "${srcdir:-.}/tests/tool/unshare.sh" \
	"${srcdir:-.}/tests/lib/on_backend.sh" memfd \
	timeout -k 10 300 sh "${srcdir:-.}/tests/tool/dead.sh"
