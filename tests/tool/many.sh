#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc ls where there are 10,000 objects, on each backend and on all of them:
# it takes a second at most. On a slow or busy machine it may take longer, up to
# twice of what it took to make them.
. "${srcdir:-.}/tests/tool/common.sh"
unset SHMIPC_BACKEND
all=10000

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# make BACKEND NUMBER: and adds to how long that took.
make() {
	start=$(now_ms)
	SHMIPC_BACKEND=$1 tests/tool/many "$2" || complain "$1: many: $?"
	made=$((made + $(now_ms) - start))
}

# see WHAT NUMBER OPTIONS...: ls shows NUMBER of them, in time.
see() {
	what=$1
	number=$2
	shift 2
	limit=$((made * 2))
	[ $limit -ge 1000 ] || limit=1000
	best=
	for _ in 1 2 3 4 5; do
		start=$(now_ms)
		gives 0 shmipc ls "$@"
		took=$(($(now_ms) - start))
		[ "${best:-$took}" -ge $took ] && best=$took
		[ $took -gt 1000 ] || break
	done
	echo "$what: ls of $number objects took $best ms, making them $made ms"
	[ "$best" -le $limit ] || complain "$what: ls took $best ms"
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
	most=$(cat /proc/sys/kernel/shmmni)
	if [ "$backend" = sysv ] && [ "$most" -lt $all ]; then
		number=$((most / 2))
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
