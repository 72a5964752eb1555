#!/bin/sh
# SPDX-License-Identifier: MIT
# Set-user-id programs ignore SHMIPC_* and start no broker. Root makes one for
# another user. An ordinary user becomes the root of a user name space, and
# gives the program capabilities there; a process without root that runs it in
# a name space below gets them, and the system treats both kinds alike:
# ld.so(8), secure-execution mode.
dir=${2-}
case ${1-} in
'')
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	if [ "$(id -u)" -eq 0 ]; then
		if ! command -v setpriv >/dev/null; then
			echo "secure.sh: no setpriv(1): not tried"
			exit 77
		fi
		# A broker of this user, say the demo's, must not be found.
		unshare -m true 2>/dev/null && unshare_self="unshare -m"
		# shellcheck disable=SC2086 # words are meant
		${unshare_self-} sh "$0" root "$dir"
		exit
	fi
	if ! unshare -r -m unshare -U true 2>/dev/null; then
		echo "secure.sh: not root, and no user name spaces: not tried"
		exit 77
	fi
	unshare -r -m sh "$0" other "$dir"
	exit
	;;
esac

set -eu
mount -t tmpfs -o mode=1777 shmipc-test /dev/shm 2>/dev/null ||
	echo "secure.sh: a broker that runs would disturb"
chmod 755 "$dir"
cp tests/run/secure "$dir/secure"

# A program that uses this directory is told that it is invalid, and not why no
# broker is started.
SHMIPC_BACKEND=sysv
SHMIPC_RUNTIME_DIR=relative
SHMIPC_BROKER=$dir/no-broker
export SHMIPC_BACKEND SHMIPC_RUNTIME_DIR SHMIPC_BROKER
if [ "$1" = root ]; then
	chmod 4755 "$dir/secure"
	# A user that does not own the program.
	setpriv --reuid=65533 --regid=65533 --clear-groups "$dir/secure"
else
	tests/run/secure grant "$dir/secure"
	unshare -U "$dir/secure"
fi
