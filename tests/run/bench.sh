#!/bin/sh
# SPDX-License-Identifier: MIT
# The measurements run: a sane number in every row for every backend, nothing
# left behind, also if they are interrupted. How fast anything is does not
# matter here.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

complain() {
	echo "bench.sh: $*" >&2
	failed=1
}

# Its System V objects, which have no names. What others make comes and goes.
# A user that may have its own IPC name space measures there, and the objects
# end with it; then there is nothing to see.
ids() {
	unshare -i true 2>/dev/null && return
	awk -v uid="$(id -u)" 'FNR > 1 && $(FILENAME ~ /shm$/ ? 8 : 5) == uid {
		print FILENAME, $2 }' /proc/sysvipc/shm /proc/sysvipc/sem | sort
}

# nothing_left PID
nothing_left() {
	for file in /dev/shm/*bench."$1"*; do
		[ ! -e "$file" ] || complain "$file is left"
	done
	for _ in 1 2 3 4 5 6; do
		ids >"$tmp/ids.after"
		comm -13 "$tmp/ids" "$tmp/ids.after" >"$tmp/left"
		[ -s "$tmp/left" ] || return
		sleep 0.5
	done
	complain "left: $(cat "$tmp/left")"
}

ids >"$tmp/ids"
bench/bench --quick --csv >"$tmp/csv" 2>"$tmp/errors" &
pid=$!
wait $pid || complain "it ended with $?: $(cat "$tmp/errors")"
nothing_left $pid

backends=$(sed -n '2,$s/^[^,]*,\([^,]*\),.*/\1/p' "$tmp/csv" | sort -u)
case $backends in
*posix*sysv*) ;;
*) complain "these are not the backends: $backends" ;;
esac
rows=$(bench/bench --help | sed -n '/^Rows:/,/^$/s/^  \([^ ]*\) .*/\1/p')
[ "$(echo "$rows" | wc -l)" -ge 16 ] || complain "too few rows: $rows"
for row in $rows; do
	for backend in $backends; do
		echo "$row,$backend"
	done
done >"$tmp/wanted"
awk -F, 'NF == 14 && ($14 ~ /^skipped: / || ($5 > 0 && $7 > 0 && $9 > 0)) {
	print $1 "," $2 }' "$tmp/csv" | sort -u >"$tmp/measured"
sort "$tmp/wanted" | comm -23 - "$tmp/measured" >"$tmp/missing"
[ -s "$tmp/missing" ] && complain "no numbers: $(cat "$tmp/missing")"

# Interrupted as soon as it has made something.
ids >"$tmp/ids"
bench/bench --row=handover-4 >/dev/null 2>&1 &
pid=$!
for _ in $(seq 2000); do
	ls /dev/shm/shmipc.sem.bench.$pid.* >/dev/null 2>&1 && break
	kill -0 $pid || break
	sleep 0.01
done
kill -INT $pid
wait $pid
[ $? -eq 2 ] || complain "interrupted, it ended with $?"
nothing_left $pid

exit $failed
