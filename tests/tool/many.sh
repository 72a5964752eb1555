#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc ls where there are 10,000 objects, on each backend and on all of them:
# it takes a second at most, or on a slow machine three times of what it took to
# make them. That is the command's own time on a processor; when other programs
# want the processors, it may last five times as long.
. "${srcdir:-.}/tests/tool/common.sh"
unset SHMIPC_BACKEND
all=10000

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# The processor time of all commands of this shell so far, in user and in kernel
# mode. Not in a subshell, which would have its own: cpu is set to it, in ms.
read_cpu() {
	times >"$tmp/times"
	cpu=$(awk -F '[ms ]+' \
		'NR == 2 { print int(($1 * 60 + $2 + $3 * 60 + $4) * 1000) }' \
		"$tmp/times")
}

# make BACKEND NUMBER: and adds to how long that took.
make() {
	read_cpu
	start=$cpu
	SHMIPC_BACKEND=$1 tests/tool/many "$2" || complain "$1: many: $?"
	read_cpu
	made=$((made + cpu - start))
}

# see WHAT NUMBER OPTIONS...: ls shows NUMBER of them, in time.
see() {
	what=$1
	number=$2
	shift 2
	limit=$((made * 3))
	[ $limit -ge 1000 ] || limit=1000
	most=$((limit * 5))
	for _ in 1 2 3 4 5; do
		start=$(now_ms)
		read_cpu
		before=$cpu
		gives 0 shmipc ls "$@"
		read_cpu
		took=$((cpu - before))
		lasted=$(($(now_ms) - start))
		[ $took -gt $limit ] || [ $lasted -gt $most ] || break
	done
	echo "$what: ls of $number objects took $took ms, lasted $lasted ms;" \
		"making them took $made ms"
	[ "$took" -le "$limit" ] || complain "$what: it took too long"
	[ "$lasted" -le $most ] || complain "$what: it lasted too long"
	is "$number" "lines of $what" "$(($(wc -l <"$tmp/out") - 1))"
	[ -z "$json" ] || is "$number" "$what, by jq" \
		"$(shmipc ls --json "$@" | jq length)"
	# Each once, and all of them.
	is "$number" "names of $what" \
		"$(awk 'NR > 1 { print $1, $NF }' "$tmp/out" | sort -u | wc -l)"
}

# forget BACKEND...
forget() {
	for b in "$@"; do
		shmipc ls --backend "$b" | awk 'NR > 1 { print $NF }' |
			xargs -r "$tool" rm --backend "$b" ||
			complain "rm: $?"
		is 1 "lines after rm" "$(shmipc ls --backend "$b" | wc -l)"
	done
}

has_json && json=yes || json=
backends="posix sysv"
[ ! -x shmipc-broker ] || backends="$backends memfd"
# It is of this name space alone.
[ ! -w /proc/sys/kernel/shmmni ] || echo 32768 >/proc/sys/kernel/shmmni
for backend in $backends; do
	number=$all
	room=$(cat /proc/sys/kernel/shmmni)
	if [ "$backend" = sysv ] && [ "$room" -lt $all ]; then
		number=$((room / 2))
		echo "$self: kernel.shmmni cannot be raised: $number of $all"
	fi
	made=0
	make "$backend" $number
	see "$backend" $number --backend "$backend"
	forget "$backend"
done

made=0
left=$all
share=$((all / $(echo "$backends" | wc -w)))
for backend in $backends; do
	[ $((left - share)) -ge $share ] || share=$left # the last: all the rest
	make "$backend" $share
	left=$((left - share))
done
see mixed $all
# shellcheck disable=SC2086 # words are meant
forget $backends
finish
