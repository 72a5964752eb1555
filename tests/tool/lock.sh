#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc lock, on the backend SHMIPC_BACKEND.
. "${srcdir:-.}/tests/tool/common.sh"
mkfifo "$tmp/held" "$tmp/go"

# hold: in the background, until somebody writes to the pipe "go"; returns when
# the lock is held.
hold() {
	"$tool" lock "$@" -- sh -c 'echo >"$1/held"; read -r _ <"$1/go"' \
		sh "$tmp" &
	holder=$!
	read -r _ <"$tmp/held"
}

let_go() {
	echo >"$tmp/go"
	wait $holder
	is 0 "exit status of the holder" $?
}

echo "== what comes of the command"
silent shmipc lock "$n.a" -- true
refuses 4 . shmipc stat "$n.a"
for status in 0 1 7 255; do
	gives $status shmipc lock "$n.a" -- sh -c "exit $status"
done
gives 137 shmipc lock "$n.a" -- sh -c 'kill -9 $$'
gives 143 shmipc lock "$n.a" -- sh -c 'kill -TERM $$'
gives 131 shmipc lock "$n.a" -- sh -c 'ulimit -c 0; kill -QUIT $$'
refuses 127 'no-such-command' \
	env PATH=/usr/bin:/bin "$tool" lock "$n.a" -- no-such-command
refuses 127 '/no/such' shmipc lock "$n.a" -- /no/such/command
refuses 126 'ermission' shmipc lock "$n.a" -- /etc/passwd
refuses 126 . shmipc lock "$n.a" -- /
prints '<a b><><--><-x><--help>' \
	shmipc lock "$n.a" -- printf '<%s>' 'a b' '' -- -x --help
is hello "what the command got from stdin" \
	"$(echo hello | shmipc lock "$n.a" -- cat)"
refuses 0 to-stderr shmipc lock "$n.a" -- sh -c 'echo to-stderr >&2'
# Nothing of ours comes along: this one reads its own directory.
(ls /proc/self/fd) >"$tmp/without"
gives 0 shmipc lock "$n.a" -- ls /proc/self/fd
cmp -s "$tmp/without" "$tmp/out" ||
	complain "descriptors: $(xargs <"$tmp/out"), without the lock" \
		"$(xargs <"$tmp/without")"
# The C library's posix_spawn() ignores signals of its own, 32 and 33.
signals='s/^\(Sig[BI].*\).\{9\}\(.\{7\}\)$/\1 \2/p'
sed -n "$signals" /proc/self/status >"$tmp/without"
gives 0 shmipc lock "$n.a" -- sed -n "$signals" /proc/self/status
cmp -s "$tmp/without" "$tmp/out" ||
	complain "signals: $(xargs <"$tmp/out"), without the lock" \
		"$(xargs <"$tmp/without")"
refuses 4 . shmipc stat "$n.a"

echo "== a region that is not there is made, and gone afterwards"
gives 0 shmipc lock "$n.a" -- "$tool" stat "$n.a"
for line in 'size  *1 bytes (1)' 'mode  *0600' 'in use  *yes' 'attached  *1' \
	'transient  *yes' 'verdict  *used'; do
	grep -qx "$line" "$tmp/out" || complain "stat does not say: $line"
done

echo "== ps and stat say who has it, and who holds its lock"
gives 0 shmipc lock "$n.a" -- sh -c '"$1" stat "$2" && "$1" ps "$2"' sh \
	"$tool" "$n.a"
holder=$(sed -n 's/^state  *locked by \([0-9]*\)$/\1/p' "$tmp/out")
[ -n "$holder" ] || complain "stat does not say who holds the lock"
grep -Eq "^ *$holder  shmipc\$" "$tmp/out" ||
	complain "ps does not show $holder: $(cat "$tmp/out")"
refuses 4 . shmipc ps "$n.none"
refuses 2 . shmipc ps

echo "== one that is there is used, and stays as it was"
silent shmipc create "$n.region" --size 3
printf abc | silent shmipc write "$n.region"
silent shmipc lock "$n.region" -- true
prints abc shmipc lock "$n.region" -- "$tool" cat "$n.region"
printf xyz | silent shmipc lock "$n.region" -- "$tool" write "$n.region"
prints xyz shmipc cat "$n.region"

echo "== one at a time"
compete() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		shmipc lock "$n.a" -- sh -c '
			mkdir "$1/inside" || echo two inside >>"$1/overlap"
			read -r count <"$1/count"
			: >"$1/count.new"
			echo $((count + 1)) >>"$1/count.new"
			mv "$1/count.new" "$1/count"
			rmdir "$1/inside"' sh "$tmp" || complain "lock: $?"
	done
}
echo 0 >"$tmp/count"
compete 2>"$tmp/err" &
first=$!
compete 2>"$tmp/err2"
wait $first
is 40 "the count" "$(cat "$tmp/count")"
[ ! -e "$tmp/overlap" ] || complain "$(sort "$tmp/overlap" | uniq -c)"

echo "== held by somebody else"
hold "$n.a"
refuses 3 'timed out' shmipc lock --timeout 0 "$n.a" -- echo no
start=$(date +%s%N)
refuses 3 'timed out' shmipc lock "$n.a" --timeout 0.2s -- echo no
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 200 ] || complain "0.2s took $took ms"
refuses 44 'timed out' shmipc lock --timeout 0 -E 44 "$n.a" -- echo no
refuses 0 'timed out' shmipc lock -E0 --timeout 1ms "$n.a" -- echo no
refuses 9 'timed out' \
	shmipc lock --conflict-exit-code=9 --timeout 1us "$n.a" -- echo no
silent shmipc lock --timeout 0 "$n.other" -- true
# One who waits gets it.
"$tool" lock --timeout 1h "$n.a" -- sh -c 'exit 8' &
waiter=$!
attached() {
	shmipc stat "$n.a" | grep -q '^attached *2$'
}
await attached
let_go
wait $waiter
is 8 "exit status of the waiter" $?
refuses 4 . shmipc stat "$n.a"

echo "== signals"
# SIGTERM is passed on, and does not end it before its command.
"$tool" lock "$n.a" -- sh -c '
	trap "echo told >\"$1/told\"; exit 9" TERM
	echo >"$1/held"
	for _ in $(seq 200); do sleep 0.1; done' sh "$tmp" &
holder=$!
read -r _ <"$tmp/held"
kill -TERM $holder
wait $holder
is 9 "exit status after SIGTERM" $?
is told "what the command says" "$(cat "$tmp/told")"
# One who waits for the lock is ended by it.
hold "$n.a"
"$tool" lock "$n.a" -- echo no >"$tmp/out" 2>&1 &
waiter=$!
await attached
kill -TERM $waiter
wait $waiter
is 143 "exit status of a waiter ended by a signal" $?
[ ! -s "$tmp/out" ] || complain "it says: $(cat "$tmp/out")"
let_go
# What a terminal sends, the command gets once, and shmipc waits for it.
gives 42 tests/tool/terminal 80 ^C \
	"$tool" lock "$n.a" -- tests/tool/interrupts
is 10 "signals that came of ten ^C" "$(tail -n 1 "$tmp/out")"
refuses 4 . shmipc stat "$n.a"
# A process that ignores SIGCHLD still waits.
if env --ignore-signal=CHLD true 2>/dev/null; then
	gives 6 env --ignore-signal=CHLD LD_LIBRARY_PATH="$(pwd)/.libs" \
		"$real" lock "$n.a" -- sh -c 'exit 6'
else
	echo "$self: no env --ignore-signal: not tried"
fi

echo "== the holder dies"
# A command that ends itself does not do it.
gives 137 shmipc lock "$n.region" -- sh -c 'kill -9 $$'
silent shmipc lock "$n.region" -- true
gives 137 shmipc lock "$n.region" -- sh -c 'kill -9 $PPID; exit 0'
for _ in 1 2 3; do
	refuses 5 'died holding it' shmipc lock "$n.region" -- echo no
	refuses 5 '(.*).*--recover' \
		shmipc lock --timeout 0 "$n.region" -- echo no
done
# So does one who waits when it happens.
gives 0 shmipc lock --recover "$n.region" -- true
hold "$n.region"
"$tool" lock "$n.region" -- echo no >"$tmp/out" 2>&1 &
waiter=$!
attached() {
	shmipc stat "$n.region" | grep -q '^attached *2$'
}
await attached
kill -9 $holder
wait $holder 2>/dev/null
wait $waiter
is 5 "exit status of the waiter for a killed holder" $?
grep -q 'died holding it' "$tmp/out" || complain "it says: $(cat "$tmp/out")"
echo >"$tmp/go" # its command has survived
gives 3 shmipc lock --recover "$n.region" -- sh -c 'echo ran; exit 3'
is ran "what the command says" "$(cat "$tmp/out")"
grep -q 'died holding it' "$tmp/err" || complain "--recover says nothing"
silent shmipc lock "$n.region" -- true
prints ok shmipc lock --recover "$n.region" -- echo ok
# The bytes have nothing to do with it.
prints xyz shmipc cat "$n.region"

echo "== called wrongly"
gives 2 shmipc lock
for words in "$n.a" "$n.a true" "$n.a --" "-- true" "$n.a b -- true" \
	"--timeout 1 $n.a -- true" "-E 256 $n.a -- true" "-E $n.a -- true" \
	"-E -1 $n.a -- true" "--foo $n.a -- true" "$n.a -x -- true"; do
	# shellcheck disable=SC2086 # words are meant
	refuses 2 'shmipc' shmipc lock $words
done
refuses 4 . shmipc stat "$n.a"
silent shmipc sem create "$n.sem"
silent shmipc lock "$n.sem" -- true # regions are another name space
prints 0 shmipc sem value "$n.sem"
silent shmipc rm "$n.sem" "$n.region"
finish
