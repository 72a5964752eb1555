#!/bin/sh
# SPDX-License-Identifier: MIT
# A full /dev/shm is told when a region is created, not by SIGBUS later, and
# leaves nothing behind. Needs root, for a mount that only this test sees.
if [ "${1-}" != inside ]; then
	unshare -m true 2>/dev/null || {
		echo "room.sh: not root, or in a container that allows no mounts"
		exit 77
	}
	exec unshare -m "$0" inside
fi
set -eu
mount -t tmpfs -o size=1m shmipc-test /dev/shm || exit 77
SHMIPC_BACKEND=posix
export SHMIPC_BACKEND
if tests/opener create full 1048576 2>room.tmp; then
	echo "room.sh: 1 MiB and a header fit into 1 MiB"
	exit 1
fi
grep 'region "full" (posix): /dev/shm has no room for' room.tmp
rm room.tmp
[ -z "$(ls /dev/shm)" ]

# Three quarters fit, all of them can be written, and then no more fit.
tests/opener create fits 786432
[ "$(ls /dev/shm)" = shmipc.shm.fits ]
if tests/opener create more 262144 2>/dev/null; then
	exit 1
fi
[ "$(ls /dev/shm)" = shmipc.shm.fits ]

# A lazy region may be larger than the room there is, but has its header.
tests/opener lazy big 100000000
rm /dev/shm/shmipc.shm.big
n=0
while tests/opener lazy "late$n" 4096 2>room.tmp; do
	n=$((n + 1))
done
grep '/dev/shm has no room for' room.tmp
rm room.tmp

# A stranger's file is looked at without touching its holes.
truncate -s 1000000 /dev/shm/shmipc.shm.stranger
if tests/opener size stranger 1 2>room.tmp; then
	exit 1
fi
grep 'left as it is' room.tmp
rm room.tmp
