#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc sem, on the backend SHMIPC_BACKEND.
. "${srcdir:-.}/tests/tool/common.sh"

# Has somebody the semaphore open?
in_use() {
	shmipc stat --kind sem "$1" | grep -q '^in use *yes$'
}

echo "== create and value"
silent shmipc sem create "$n.a"
prints 0 shmipc sem value "$n.a"
silent shmipc sem create --value 7 "$n.b" --mode 400
prints 7 shmipc sem value "/$n.b"
gives 0 shmipc stat "$n.b"
for line in 'kind  *sem (semaphore)' 'state  *7' 'mode  *0400' 'verdict  *idle'
do
	grep -qx "$line" "$tmp/out" || complain "stat does not say: $line"
done
gives 0 shmipc ls
grep -q "^$SHMIPC_BACKEND  *sem  *-  *7  *0400 .*  idle  *$n\.b$" "$tmp/out" ||
	complain "ls says: $(cat "$tmp/out")"
if has_json; then
	is 'sem null 7 0400' "what --json says" \
		"$(json "$n.b" '"\(.kind) \(.size) \(.value) \(.mode)"')"
fi
refuses 1 'the name is taken' shmipc sem create "$n.b" --value 1
prints 7 shmipc sem value "$n.b"
silent shmipc rm "$n.b"
for value in '' -1 x 1x ' 1' 2147483648 99999999999999999999 0x1; do
	refuses 2 'is not a value' shmipc sem create "$n.b" --value "$value"
	refuses 2 'is not a number of units' shmipc sem post --count "$value" \
		"$n.a"
done
# Regions are another name space.
silent shmipc create "$n.b" --size 1
for action in value post wait; do
	refuses 4 'no semaphore' shmipc sem $action "$n.b"
done
silent shmipc rm "$n.b"

echo "== post, and wait where there are units"
silent shmipc sem post "$n.a"
silent shmipc sem post "$n.a" --count 3
silent shmipc sem post "$n.a" --count 0
prints 4 shmipc sem value "$n.a"
silent shmipc sem wait "$n.a"
silent shmipc sem wait --timeout 0 "$n.a"
silent shmipc sem wait --timeout 0.000s "$n.a"
silent shmipc sem wait --timeout 2h "$n.a"
prints 0 shmipc sem value "$n.a"

echo "== not in time"
refuses 3 'timed out' shmipc sem wait --timeout 0 "$n.a"
refuses 3 'timed out' shmipc sem wait --timeout 1ns "$n.a"
for duration in 300ms 0.3s 300000us 0.005m; do
	start=$(date +%s%N)
	refuses 3 'timed out' shmipc sem wait "$n.a" --timeout $duration
	took=$((($(date +%s%N) - start) / 1000000))
	[ $took -ge 300 ] || complain "$duration took $took ms"
done
for duration in '' 1 0.5 s x -1s 1..5s .5s 1.s 1e3s 1S 1sec '1 s' 0x \
	99999999999999999999s 2562048h; do
	refuses 2 'is not a duration' \
		shmipc sem wait --timeout "$duration" "$n.a"
done

echo "== wait, and somebody posts"
"$tool" sem wait "$n.a" &
first=$!
"$tool" sem wait --timeout 1h "$n.a" &
second=$!
both() {
	shmipc stat --kind sem "$n.a" | grep -q '^attached *2$'
}
await both
silent shmipc sem post --count 2 "$n.a"
wait $first
is 0 "exit status of the waiter" $?
wait $second
is 0 "exit status of the waiter with a timeout" $?
prints 0 shmipc sem value "$n.a"

echo "== wait, and a signal comes"
"$tool" sem wait "$n.a" &
await in_use "$n.a"
kill -TERM $!
wait $!
is 143 "exit status of a waiter ended by a signal" $?
prints 0 shmipc sem value "$n.a"

echo "== as many as there can be"
silent shmipc sem create --value 2147483646 "$n.full"
refuses 1 '^shmipc: 1 of 3 units were posted' \
	shmipc sem post --count 3 "$n.full"
prints 2147483647 shmipc sem value "$n.full"
refuses 1 . shmipc sem post "$n.full"
prints 2147483647 shmipc sem value "$n.full"
silent shmipc rm "$n.full"

echo "== called wrongly"
gives 2 shmipc sem
for words in dance wait post value create "wait a b" "wait --value 1 a" \
	"post --timeout 1s a" "value --count 1 a" "create --count 1 a" --foo; do
	# shellcheck disable=SC2086 # words are meant
	refuses 2 'usage: shmipc sem' shmipc sem $words
done
silent shmipc rm "$n.a"
finish
