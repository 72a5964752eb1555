#!/bin/sh
# SPDX-License-Identifier: MIT
# The command shmipc, on the backend SHMIPC_BACKEND.
if [ "$SHMIPC_BACKEND" = memfd ] && [ ! -x shmipc-broker ]; then
	echo "tool: no memfd here"
	exit 77
fi
status=0
for part in objects sem lock; do
	# Should somebody wait for what never comes.
	timeout -k 10 300 sh "${srcdir:-.}/tests/tool/$part.sh" || status=1
done
exit $status
