#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples on the backend SHMIPC_BACKEND: what they are for, and kill -9 in
# the middle of that, again and again. Run by on_backend.sh.
set -u
kills=50
tmp=$SHMIPC_TEST_DIR
# In a substitution, dash has no jobs.
# shellcheck disable=SC2046 # words are meant
trap 'jobs -p >"$tmp/jobs"; kill -9 $(cat "$tmp/jobs") 2>/dev/null' EXIT

# Their names are fixed, so that two runs at once would meet.
exec 9>"${TMPDIR:-/tmp}/shmipc-examples.$SHMIPC_BACKEND.$(id -u).lock"
flock 9

complain() {
	echo "examples.sh: $SHMIPC_BACKEND: $*" >&2
	exit 1
}

# Until a command succeeds; not for ever.
await() {
	for _ in $(seq 600); do
		"$@" && return
		sleep 0.02
	done
	complain "never true: $*"
}

# PID STATE: R, S, T or Z.
is_in_state() {
	{ read -r _ _ state _ <"/proc/$1/stat"; } 2>/dev/null &&
		[ "$state" = "$2" ]
}

# The shell may have reaped it already.
has_ended() {
	[ ! -e "/proc/$1" ] || is_in_state "$1" Z
}

# Wait for a process, not for ever.
finish() {
	await has_ended "$1"
	wait "$1" 2>/dev/null
}

# Without a word of the shell about it.
kill_hard() {
	kill -9 "$@"
	wait "$@" 2>/dev/null
}

# PID, who made it. What the library does not show any more, the system does;
# memfd's objects are gone with their broker, and on_backend.sh sees to that.
nothing_is_left() {
	case $SHMIPC_BACKEND in
	posix) find /dev/shm -user "$(id -u)" \( -name 'shmipc.*.ring*' \
		-o -name 'shmipc.*.once' -o -name 'shmipc.*.pool.*' \) ;;
	sysv) awk -v pid="$1" '$5 == pid { print "segment", $2 }' \
		/proc/sysvipc/shm ;;
	esac >"$tmp/left" 2>/dev/null
	[ ! -s "$tmp/left" ] || complain "left: $(cat "$tmp/left")"
}

# ---- frames

start_receiver() {
	examples/frames receive >"$tmp/copy" 2>"$tmp/receiver" 9>&- &
	receiver=$!
	await tests/lib/opener size ring 524416 2>/dev/null
}

copy_is_longer_than() {
	[ "$(wc -c <"$tmp/copy")" -gt "$1" ]
}

start_sender() {
	examples/frames send <"$1" 2>"$tmp/sender" 9>&- &
	sender=$!
}

# FILE: both end well, and the copy is one.
both_end() {
	finish $receiver || complain "receiver: $(cat "$tmp/receiver")"
	finish $sender || complain "sender: $(cat "$tmp/sender")"
	cmp "$1" "$tmp/copy" || complain "$(wc -c <"$1") bytes are not the same"
	nothing_is_left $receiver
}

frames_arrive() {
	for size in 0 1 65536 524289 30000000; do
		head -c $size /dev/urandom >"$tmp/frames"
		start_receiver
		start_sender "$tmp/frames"
		both_end "$tmp/frames"
	done
}

# A signal without a handler, and yet it ends some waits.
frames_survive_a_stop() {
	head -c 200000 /dev/urandom >"$tmp/frames"
	mkfifo "$tmp/pipe"
	start_receiver
	start_sender "$tmp/pipe"
	exec 8>"$tmp/pipe"
	cat "$tmp/frames" >&8
	await copy_is_longer_than 131072
	await is_in_state $receiver S
	kill -STOP $receiver
	await is_in_state $receiver T
	kill -CONT $receiver
	cat "$tmp/frames" >&8
	exec 8>&-
	cat "$tmp/frames" "$tmp/frames" >"$tmp/twice"
	both_end "$tmp/twice"
}

frames_survive_kills() {
	for i in $(seq $kills); do
		start_receiver
		start_sender /dev/zero
		await copy_is_longer_than 0
		if [ $((i % 2)) -eq 0 ]; then
			kill_hard $receiver $sender
		else
			kill_hard $sender $receiver
		fi
	done
}

# The one who is left notices.
frames_miss_the_other() {
	start_receiver
	start_sender /dev/zero
	await copy_is_longer_than 0
	kill_hard $receiver
	finish $sender && complain "nobody received, and the sender is content"
	start_receiver
	start_sender /dev/zero
	await copy_is_longer_than 0
	kill_hard $sender
	finish $receiver && complain "nobody sent, and the receiver is content"
}

# ---- once

# The dead are users until their memory is gone, which others who look at them
# may delay.
start_the_one() {
	for _ in $(seq 50); do
		: >"$tmp/one"
		examples/once <"$tmp/open" >"$tmp/one" 6>&- 9>&- &
		one=$!
		await test -s "$tmp/one"
		[ "$(cat "$tmp/one")" = running ] && return
		wait $one
		sleep 0.02
	done
	complain "nobody runs: $(cat "$tmp/one")"
}

only_one_runs() {
	mkfifo "$tmp/open"
	exec 6<>"$tmp/open"
	for _ in $(seq $kills); do
		start_the_one
		said=$(timeout 9 examples/once <"$tmp/open" 6>&-) &&
			complain "there are two"
		[ "$said" = "already running, pid $one" ] ||
			complain "pid $one runs, and it says: $said"
		kill_hard "$one"
	done
}

# Many start at the same time, one runs, and it exits at once.
one_of_many_runs() {
	for i in $(seq 20); do
		examples/once <"$tmp/open" >"$tmp/one.$i" 6>&- 9>&- &
		eval "many$i=$!"
	done
	for i in $(seq 20); do
		await test -s "$tmp/one.$i"
		[ "$(cat "$tmp/one.$i")" = running ] && eval "one=\$many$i"
	done
	[ "$(cat "$tmp"/one.* | sort | uniq -c | awk '{ print $1, $2 }')" = "\
19 already
1 running" ] || complain "not one of many: $(cat "$tmp"/one.*)"
	exec 6>&-
	wait
	nothing_is_left "$one"
	[ "$(examples/once </dev/null)" = running ] ||
		complain "it has ended, and another one cannot run"
}

# ---- pool

jobs=800

is_right() {
	cmp "$tmp/expected" "$tmp/primes" || complain "jobs were lost: $1"
}

jobs_are_done() {
	timeout 60 examples/pool $jobs >"$tmp/expected" 2>"$tmp/deaths" ||
		complain "pool fails: $(cat "$tmp/deaths")"
	for line in 'below 0: 0' 'below 1000: 168' 'below 10000: 1229'; do
		grep -q "$line\$" "$tmp/expected" || complain "no $line"
	done
	[ "$(wc -l <"$tmp/expected")" -eq $jobs ] || complain "not $jobs jobs"
}

# 40 at each of 6 steps. A death inside the lock is reported.
jobs_survive_deaths() {
	timeout 60 tests/run/pool_dies $jobs >"$tmp/primes" 2>"$tmp/deaths" ||
		complain "deaths end the pool: $(tail -1 "$tmp/deaths")"
	is_right "deaths"
	grep -v '^pool: ' "$tmp/deaths" | sort | uniq -c |
		sed 's/^ *//' >"$tmp/counts"
	cmp - "$tmp/counts" <<-END || complain "deaths: $(cat "$tmp/counts")"
		40 died after the lock
		40 died after the unlock
		40 died after the wait
		40 died before the lock
		40 died before the unlock
		40 died before the wait
		80 told
	END
}

# The workers of the pool that live, as it says itself: other children of it are
# not to be killed, such as one that looks for leaks when it exits.
workers_of() {
	awk -v parent="$1" '/^pool: worker [0-9]+ was started$/ {
		stat = ""
		getline stat <("/proc/" $3 "/stat")
		split(stat, field)
		if (field[4] == parent && field[3] != "Z")
			print $3
	}' "$tmp/deaths"
}

# The shell's own kill: kill(1) may not be installed.
kill_a_worker() {
	worker=$(workers_of "$1" | shuf -n 1)
	[ -z "$worker" ] || kill -9 "$worker"
}

start_pool() {
	examples/pool "$1" >"$tmp/primes" 2>"$tmp/deaths" 9>&- &
	pool=$!
}

jobs_survive_kills() {
	killed=0
	for _ in $(seq 100); do
		[ $killed -lt $kills ] || return 0
		start_pool $jobs
		for _ in $(seq 5000); do
			has_ended $pool && break
			kill_a_worker $pool
		done 2>/dev/null
		finish $pool || complain "kills end the pool"
		is_right "kills"
		nothing_is_left $pool
		killed=$((killed + $(grep -c 'was killed$' "$tmp/deaths")))
	done
	complain "only $killed workers were killed in 100 runs"
}

nobody_works() {
	for pid in $servers; do
		[ -e "/proc/$pid" ] && return 1
	done
	return 0
}

servers_miss_their_parent() {
	start_pool 10000000
	await four_work
	kill_hard $pool
	await nobody_works
	nothing_is_left $pool
}

# shellcheck disable=SC2086 # words are meant
four_work() {
	servers=$(workers_of $pool)
	set -- $servers
	[ $# -eq 4 ]
}

frames_arrive
frames_survive_a_stop
frames_survive_kills
frames_miss_the_other
frames_arrive
only_one_runs
one_of_many_runs
jobs_are_done
jobs_survive_deaths
jobs_survive_kills
servers_miss_their_parent
exit 0
