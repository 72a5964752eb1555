#!/bin/sh
# SPDX-License-Identifier: MIT
# Run the same two demo programs on each backend, and show which kernel objects
# they use.
#
# usage: demo.sh DIRECTORY-OF-THE-PROGRAMS
#
# To read the child's memory map while it runs, its output goes into a pipe that
# is nearly full of empty lines. The child blocks in the middle of its output
# until this script has read the map and drains the pipe.
set -u
dir=$1
lines=1024
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
mkfifo "$tmp/pipe"

i=0
while [ $i -lt $lines ]; do
	echo "Data at index $i: $((i % 256))"
	i=$((i + 1))
done >"$tmp/expected"

# The shared mappings of a process: of the backend's kernel objects, no other.
# A process's program and libraries are private mappings.
shared_maps() {
	awk -v backend="$backend" '
		BEGIN {
			begins["posix"] = "/dev/shm/"
			begins["sysv"] = "/SYSV"
			begins["memfd"] = "/memfd:"
		}
		$2 ~ /s$/ && index($6, begins[backend]) == 1
	' "/proc/$1/maps" 2>/dev/null
}

# await_maps PID OBJECTS: wait until the child of PID maps that many objects.
await_maps() {
	for _ in $(seq 100); do
		child=$(awk -v parent="$1" '$4 == parent { print $1 }' \
			/proc/[0-9]*/stat 2>/dev/null)
		shared_maps "${child:-0}" >"$tmp/maps"
		[ "$(wc -l <"$tmp/maps")" -ge "$2" ] && return
		sleep 0.02
	done
}

# run BACKEND OBJECTS [OPTION]: set status, write the files maps and output.
run() {
	backend=$1
	objects=$2
	shift 2
	exec 3<>"$tmp/pipe"
	head -c 61440 /dev/zero | tr '\0' '\n' >&3
	SHMIPC_BACKEND=$backend "$dir/parent" "$@" >&3 3>&- &
	pid=$!
	exec 4<"$tmp/pipe" 3>&- # now the pipe ends when the programs exit
	await_maps $pid "$objects"
	grep . <&4 >"$tmp/output"
	exec 4<&-
	wait $pid
	status=$?
}

verdict() {
	if [ $status -ne 0 ]; then
		echo "   FAILED: exit status $status"
	elif ! cmp -s "$tmp/expected" "$tmp/output"; then
		echo "   FAILED: the output is wrong"
	elif [ "$(wc -l <"$tmp/maps")" -lt "$objects" ]; then
		echo "   FAILED: the kernel objects were not found"
	else
		echo "   ok: $lines lines, all correct"
		return
	fi
	failed=1
}

show() {
	echo "== SHMIPC_BACKEND=$backend parent${1+ $1}"
	echo "   kernel objects in /proc/PID/maps of the child:"
	awk '{ print "    ", $1, $2, $6, $7 }' "$tmp/maps"
	echo "   the child prints:"
	sed -n '1,3s/^/     /p' "$tmp/output"
	echo "     ..."
	sed -n '$s/^/     /p' "$tmp/output"
	verdict
	echo
}

failed=0
for backend in posix sysv memfd; do
	# A region and a semaphore. On posix, sem_open(3) maps another file.
	# shellcheck disable=SC2046 # a number
	run $backend $([ $backend = posix ] && echo 3 || echo 2)
	show
	run $backend 1 --no-sync
	show --no-sync
done
[ $failed -eq 0 ] && echo "The same two programs ran on three kinds of memory."
exit $failed
