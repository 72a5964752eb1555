#!/bin/sh
# SPDX-License-Identifier: MIT
# The broker refuses a directory that other users can change, or that has no
# room: started by hand or by a program that needs it, it says why, its exit
# status is not 0, and existing files stay as they are. Only this test sees its
# mounts; an ordinary user makes them as the root of a user name space, and has
# no directories of other users.
if [ ! -x shmipc-broker ]; then
	echo "refuse.sh: no memfd here"
	exit 77
fi
if [ "${1-}" != inside ]; then
	for unshare_self in "unshare -m" "unshare -r -m"; do
		# shellcheck disable=SC2086 # words are meant
		$unshare_self mount -t tmpfs shmipc-test /dev/shm 2>/dev/null ||
			continue
		# shellcheck disable=SC2093 # the first that works
		exec $unshare_self "$0" inside
	done
	echo "refuse.sh: no mounts, neither as root nor in a user name space"
	exit 77
fi
set -eu
SHMIPC_BACKEND=memfd
SHMIPC_BROKER=$(pwd)/shmipc-broker
export SHMIPC_BACKEND SHMIPC_BROKER SHMIPC_RUNTIME_DIR
dir=$(mktemp -d)
trap 'rm -rf "$dir" refuse.tmp' EXIT
mount -t tmpfs -o mode=700 shmipc-test "$dir"
trap 'umount "$dir"; rm -rf "$dir" refuse.tmp' EXIT
refused=0

# What there is in a place: names, kinds, modes, owners.
look() {
	# shellcheck disable=SC2012 # for a diff, whatever it looks like
	ls -lAnR "$1" 2>/dev/null | sed 's/ [^ ]* *[0-9]* [0-9:]* / /'
}

# told WORDS COMMAND...: it fails, in time, and says these words.
told() {
	words=$1
	shift
	status=0
	timeout 10 "$@" >/dev/null 2>refuse.tmp || status=$?
	if [ $status -eq 0 ] || [ $status -ge 124 ]; then
		echo "refuse.sh: exit status $status of: $*"
		exit 1
	fi
	grep -e "$words" refuse.tmp || {
		echo "refuse.sh: \"$words\" is not in: $(cat refuse.tmp)"
		exit 1
	}
}

# refuse WORDS PLACE: with these words; what is in the place stays.
refuse() {
	before=$(look "$2")
	told "$1" "$SHMIPC_BROKER"
	told "$1" tests/lib/opener create x 8
	told "$1" tests/lib/opener newsem x 1
	[ "$(look "$2")" = "$before" ] || {
		echo "refuse.sh: something was changed: $(look "$2")"
		exit 1
	}
	refused=$((refused + 1))
}

echo "== a directory that is named"
SHMIPC_RUNTIME_DIR=$dir/run
mkdir -m 700 "$dir/good"
ln -s good "$dir/run"
refuse "$dir/run" "$dir"
rm "$dir/run"
: >"$dir/run"
refuse "$dir/run" "$dir"
rm "$dir/run"
mkdir "$dir/run"
for mode in 0777 1777 0755 0710 0701; do
	chmod $mode "$dir/run"
	refuse "mode $mode" "$dir"
done
chmod 700 "$dir/run"
if chown 65534 "$dir/run" 2>/dev/null; then
	refuse 'belongs to uid 65534' "$dir"
	chown 0 "$dir/run"
fi
mkdir "$dir/run/sock"
refuse "$dir/run" "$dir"
rmdir "$dir/run/sock" "$dir/run"
SHMIPC_RUNTIME_DIR=good
refuse absolute "$dir"
SHMIPC_RUNTIME_DIR=$dir/none/run
refuse "$dir/none/run" "$dir"

echo "== a file system that is read-only, or has no inode left"
SHMIPC_RUNTIME_DIR=$dir/run
mount -o remount,bind,ro "$dir"
refuse 'Read-only' "$dir"
mount -o remount,bind,rw "$dir"
mkdir -m 700 "$dir/run"
mount -o remount,bind,ro "$dir"
refuse 'Read-only' "$dir"
mount -o remount,bind,rw "$dir"
mkdir "$dir/small"
mount -t tmpfs -o mode=700,nr_inodes=2 shmipc-test "$dir/small"
SHMIPC_RUNTIME_DIR=$dir/small/run
mkdir -m 700 "$dir/small/run"
refuse 'No space left' "$dir/small"
rmdir "$dir/small/run"
: >"$dir/small/file"
refuse 'No space left' "$dir/small"
umount "$dir/small"

echo "== the one in /dev/shm"
SHMIPC_RUNTIME_DIR=
unset SHMIPC_RUNTIME_DIR
mount -t tmpfs -o mode=1777 shmipc-test /dev/shm
place=/dev/shm/shmipc-0
mkdir -m 700 $place
if chown 65534 $place 2>/dev/null; then
	refuse 'belongs to uid 65534' /dev/shm
	chown 0 $place
fi
chmod 777 $place
refuse 'mode 0777' /dev/shm
rmdir $place
ln -s "$dir/good" $place
refuse $place /dev/shm
rm $place
mount -o remount,bind,ro /dev/shm
refuse 'Read-only' /dev/shm
told 'Read-only.*; SHMIPC_RUNTIME_DIR can name' tests/lib/opener create x 8
umount /dev/shm
mount -t tmpfs -o nr_inodes=1 shmipc-test /dev/shm
refuse 'No space left' /dev/shm
umount /dev/shm
# Without a free page there is still a directory, and a memfd is not in there.
mount -t tmpfs -o size=4096 shmipc-test /dev/shm
head -c 4096 /dev/zero >/dev/shm/full
tests/lib/opener create x 8
tests/lib/opener unlink x 0

echo "== an invalid time"
export SHMIPC_RUNTIME_DIR="$dir/idle"
for ms in 0 86400001 1s; do
	told 'SHMIPC_BROKER_IDLE_MS is not a number of ms' \
		env SHMIPC_BROKER_IDLE_MS=$ms tests/lib/opener create x 8
	told 'SHMIPC_BROKER_IDLE_MS is not a number of ms' \
		env SHMIPC_BROKER_IDLE_MS=$ms "$SHMIPC_BROKER"
done
[ -z "$(ls "$dir/good")" ]
echo "refuse.sh: $refused places refused, and nothing changed"
