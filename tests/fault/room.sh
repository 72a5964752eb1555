#!/bin/sh
# SPDX-License-Identifier: MIT
# What there is no room for is told when it is created, by the name of the
# limit, and not by SIGBUS or the out-of-memory killer later; and nothing is
# left behind. Only this test sees its mounts and limits; an ordinary user makes
# them as the root of a user name space.
if [ "${1-}" != inside ]; then
	for unshare_self in "unshare -m -i" "unshare -r -m -i"; do
		# shellcheck disable=SC2086 # words are meant
		$unshare_self mount -t tmpfs shmipc-test /dev/shm 2>/dev/null ||
			continue
		# shellcheck disable=SC2093 # the first that works
		exec $unshare_self "$0" inside
	done
	echo "room.sh: no mounts, neither as root nor in a user name space"
	exit 77
fi
set -eu
build=$(pwd)
SHMIPC_BROKER=$build/shmipc-broker
SHMIPC_RUNTIME_DIR=$(mktemp -d)
export SHMIPC_BACKEND SHMIPC_BROKER SHMIPC_RUNTIME_DIR
group=
clean() {
	rm -rf "$SHMIPC_RUNTIME_DIR" room.tmp
	[ -z "$group" ] || rmdir "$group"
}
trap clean EXIT

# refused WORDS COMMAND...: it fails, and the sentence has these words.
refused() {
	words=$1
	shift
	if "$@" 2>room.tmp; then
		echo "room.sh: this was not refused: $*"
		exit 1
	fi
	grep -e "$words" room.tmp || {
		echo "room.sh: \"$words\" is not in: $(cat room.tmp)"
		exit 1
	}
}

# What there is of objects, in this name space.
objects() {
	ls /dev/shm
	sed 1d /proc/sysvipc/shm
	sed 1d /proc/sysvipc/sem
}

none() {
	[ -z "$(objects)" ] || {
		echo "room.sh: left behind: $(objects)"
		exit 1
	}
}

echo "== posix: /dev/shm of 1 MiB"
SHMIPC_BACKEND=posix
mount -t tmpfs -o size=1m shmipc-test /dev/shm
refused 'region "full" (posix): /dev/shm has no room for' \
	tests/lib/opener create full 1048576
none

# Three quarters fit, all of them can be written, and then no more fit.
tests/lib/opener create fits 786432
[ "$(ls /dev/shm)" = shmipc.shm.fits ]
refused '/dev/shm has no room for' tests/lib/opener create more 262144
[ "$(ls /dev/shm)" = shmipc.shm.fits ]

# A lazy region may be larger than the room there is, but has its header. A
# process that wants all of its pages now is told that they are not there.
tests/lib/opener lazy big 100000000
refused 'not all of its .* bytes can be had' tests/lib/opener prefault big 0
rm /dev/shm/shmipc.shm.big
refused 'not all of its .* bytes can be had' \
	tests/lib/opener prefault huge 2000000
[ ! -e /dev/shm/shmipc.shm.huge ]
n=0
while tests/lib/opener lazy "late$n" 4096 2>room.tmp; do
	n=$((n + 1))
	[ $n -le 1000 ] || {
		echo "room.sh: 1 MiB has room for $n regions"
		exit 1
	}
done
grep '/dev/shm has no room for' room.tmp
# A taken name is taken, room or not.
refused 'the name is taken' tests/lib/opener create late0 4096

# A stranger's file is looked at without touching its holes.
truncate -s 1000000 /dev/shm/shmipc.shm.stranger
refused 'left as it is' tests/lib/opener size stranger 1
umount /dev/shm

echo "== posix: /dev/shm that ends in the middle of a huge page"
mount -t tmpfs -o size=5m shmipc-test /dev/shm
for size in 5238785 6000000 8388608; do
	refused '/dev/shm has no room for' tests/lib/opener reserve full "$size"
	none
done
# With its header all there is, whatever pages it has.
tests/lib/opener reserve fits 5238784
[ "$(stat -c %b /dev/shm/shmipc.shm.fits)" -eq 10240 ]
refused '/dev/shm has no room for' tests/lib/opener reserve more 1
umount /dev/shm

echo "== posix: few inodes, and a small RLIMIT_FSIZE"
mount -t tmpfs -o nr_inodes=3 shmipc-test /dev/shm
tests/lib/opener create one 1
tests/lib/opener create two 1
refused 'no inode is left in /dev/shm' tests/lib/opener create three 1
refused 'no inode is left in /dev/shm' tests/lib/opener newsem three 1
rm /dev/shm/shmipc.shm.*
none
refused 'RLIMIT_FSIZE' \
	sh -c 'ulimit -f 8; exec tests/lib/opener create limit 65536'
none
SHMIPC_BACKEND=memfd
if [ -x "$SHMIPC_BROKER" ]; then
	refused 'RLIMIT_FSIZE' \
		sh -c 'ulimit -f 8; exec tests/lib/opener create limit 65536'
fi

# Sanitizers need more than this for themselves.
few="ulimit -v 200000 && exec tests/lib/opener"
if sh -c "$few create probe 1" 2>/dev/null; then
	tests/lib/opener unlink probe 0
	echo "== all: a small RLIMIT_AS"
	for SHMIPC_BACKEND in posix sysv memfd; do
		[ $SHMIPC_BACKEND != memfd ] || [ -x "$SHMIPC_BROKER" ] || break
		refused 'RLIMIT_AS allows 204800000 bytes' \
			sh -c "$few lazy limit 400000000"
		none
	done
else
	echo "== all: a small RLIMIT_AS: not tried"
fi

SHMIPC_BACKEND=sysv
if [ -w /proc/sys/kernel/shmmni ]; then
	echo "== sysv: its limits"
	max=$(cat /proc/sys/kernel/shmmax) all=$(cat /proc/sys/kernel/shmall)
	mni=$(cat /proc/sys/kernel/shmmni) sem=$(cat /proc/sys/kernel/sem)
	limit() {
		echo "$2" >"/proc/sys/kernel/$1"
	}
	limit shmmax 10000
	refused 'kernel.shmmax' tests/lib/opener create big 65536
	limit shmmax "$max"
	limit shmall 4
	refused 'kernel.shmall' tests/lib/opener create big 65536
	limit shmall "$all"
	limit shmmni 1
	tests/lib/opener create one 1
	refused 'kernel.shmmni' tests/lib/opener create two 1
	tests/lib/opener unlink one 0
	# The second segment of a transient object does not fit either.
	refused 'kernel.shmmni' tests/lib/opener transient three 1
	limit shmmni "$mni"
	none
	limit sem "1 32000 500 32000"
	refused 'SEMMSL' tests/lib/opener newsem few 1
	limit sem "32000 1 500 32000"
	refused 'SEMMNS' tests/lib/opener newsem few 1
	limit sem "32000 32000 500 1"
	tests/lib/opener newsem one 1
	refused 'SEMMNI' tests/lib/opener newsem few 1
	tests/lib/opener unlinksem one 0
	limit sem "$sem"
	none
else
	echo "== sysv: its limits cannot be set here: not tried"
fi

# A control group of 16 MiB, if we may make one.
for base in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	for file in memory.limit_in_bytes memory.max; do
		group=$base/shmipc-test.$$
		[ -w "$base/cgroup.procs" ] && mkdir "$group" 2>/dev/null || {
			group=
			continue
		}
		[ -w "$group/$file" ] && echo 16777216 >"$group/$file" &&
			break 2
		rmdir "$group"
		group=
	done
done
if [ -n "$group" ]; then
	echo "== all: a control group of 16 MiB"
	for SHMIPC_BACKEND in posix sysv memfd; do
		refused "memory limit of this process's control group" \
			sh -c "echo \$\$ >$group/cgroup.procs &&
				exec tests/lib/opener create big 67108864"
		none
		# More than half of it, and all mapped. (The other one has
		# the broker started outside.)
		tests/lib/opener create other 1
		sh -c "echo \$\$ >$group/cgroup.procs &&
			exec tests/lib/opener reserve half 10000000"
		tests/lib/opener unlink half 0
		tests/lib/opener unlink other 0
		none
	done
else
	echo "== all: no control group may be made here: not tried"
fi
echo "room.sh: all refused, and nothing left"
