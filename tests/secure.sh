#!/bin/sh
# SPDX-License-Identifier: MIT
# Set-user-id programs ignore SHMIPC_* and start no broker. Needs root.
if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
	echo "secure.sh: not root, or no setpriv(1)"
	exit 77
fi
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp tests/secure "$dir/secure"
chmod 4755 "$dir/secure"
mkdir -m 700 "$dir/run"

SHMIPC_BACKEND=sysv
SHMIPC_RUNTIME_DIR=$dir/run
SHMIPC_BROKER=$dir/no-broker
export SHMIPC_BACKEND SHMIPC_RUNTIME_DIR SHMIPC_BROKER
# As nobody, whose program it is not.
setpriv --reuid=65533 --regid=65533 --clear-groups "$dir/secure"
[ -z "$(ls "$dir/run")" ] || {
	echo "secure.sh: somebody used SHMIPC_RUNTIME_DIR"
	exit 1
}
