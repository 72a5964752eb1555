#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc bench: a number in every row for every backend, within the time that it
# promises, nothing left behind, also if it is interrupted. How fast anything is
# does not matter here.
set -u
tool=tools/shmipc
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0
unset SHMIPC_BACKEND SHMIPC_RUNTIME_DIR # it has a broker of its own
SHMIPC_BROKER=$(pwd)/shmipc-broker
export SHMIPC_BROKER

complain() {
	echo "tool-bench.sh: $*" >&2
	failed=1
}

# nothing_left PID
nothing_left() {
	for file in /dev/shm/*bench."$1"*; do
		[ ! -e "$file" ] || complain "$file is left"
	done
	$tool ls 2>/dev/null | grep -e "bench\.$1\." && complain "that is left"
}

backends=$($tool backends | awk '$2 == "yes" { print $1 }')
count=$(echo "$backends" | wc -l)
[ "$count" -ge 2 ] || complain "these are not the backends: $backends"

$tool bench >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait $pid || complain "it ended with $?: $(cat "$tmp/err")"
nothing_left $pid
grep -v -e '\.\.\.$' "$tmp/err" && complain "it has complained"

# "title  backend  1.2 ns  raw  3.4 us  1/5", or why it was skipped.
number='[0-9][0-9.]* [num]*s'
numbers="$number +[a-z_+]+ +$number +[0-9.1/]+"
for backend in $backends; do
	lines=$(grep -c -E -e " $backend +($numbers|skipped: .*)\$" "$tmp/out")
	[ "$lines" -eq 6 ] || complain "$lines lines of $backend"
done
[ "$(wc -l <"$tmp/out")" -eq $((6 * count + 1)) ] ||
	complain "too many lines, or too few"
for title in "wait + post" "lock + unlock" "round trip, one core" \
	"open + close" "create + unlink"; do
	grep -q "^$title  " "$tmp/out" || complain "no line of $title"
done
[ $failed -eq 0 ] || cat "$tmp/out" >&2

if $tool bench --backend sysv --json >"$tmp/json" 2>"$tmp/err"; then
	if command -v jq >/dev/null; then
		jq -e 'length == 6 and all(.backend == "sysv" and
			(.skipped != null or (.against != "" and
			.shmipc_ps > 0 and .raw_ps > 0)))' "$tmp/json" \
			>/dev/null || complain "not as JSON: $(cat "$tmp/json")"
	else
		echo "tool-bench.sh: no jq(1): not tried"
	fi
else
	grep -q jansson "$tmp/err" || complain "--json: $(cat "$tmp/err")"
fi

# Interrupted as soon as it has made something.
$tool bench --backend posix >/dev/null 2>&1 &
pid=$!
until ls /dev/shm/shmipc.*.bench.$pid.* >/dev/null 2>&1; do
	kill -0 $pid 2>/dev/null || break
done
kill -INT $pid
wait $pid
[ $? -eq 1 ] || complain "interrupted, it ended with another status"
nothing_left $pid

# told STATUS WORDS ARGUMENT...
told() {
	wanted=$1
	words=$2
	shift 2
	$tool bench "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status -eq "$wanted" ] || complain "exit status $status of: $*"
	grep -q -e "$words" "$tmp/err" ||
		complain "not said: $words; but $(cat "$tmp/err")"
}
told 2 usage: more
told 2 known --backend nosuch
if [ -x shmipc-broker ]; then
	SHMIPC_BROKER=/nonexistent told 1 /nonexistent --backend memfd
fi
exit $failed
