#!/bin/sh
# SPDX-License-Identifier: MIT
# shmipc create, stat, ls, cat, write, rm, on the backend SHMIPC_BACKEND.
. "${srcdir:-.}/tests/tool/common.sh"
backend=$SHMIPC_BACKEND

echo "== create, and what stat and ls say about it"
silent shmipc create "$n.a" --size 16K
gives 0 shmipc stat "$n.a"
for line in "name  *$n.a" "backend  *$backend" 'kind  *shm (region)' \
	'size  *16384 bytes (16K)' 'mode  *0600' 'in use  *no' 'attached  *0' \
	'transient  *no' 'verdict  *idle'; do
	grep -qx "$line" "$tmp/out" || complain "stat does not say: $line"
done
gives 0 shmipc ls --kind shm
grep -q "^$backend  *shm  *16K  *-  *0600 .* - *0  *[0-9]*s  idle  *$n\.a$" \
	"$tmp/out" || complain "ls says: $(cat "$tmp/out")"
head -n 1 "$tmp/out" | grep -q '^BACKEND  KIND  .*VERDICT  NAME$' ||
	complain "no titles: $(head -n 1 "$tmp/out")"
gives 0 shmipc ls --kind sem
grep -q "$n\.a" "$tmp/out" && complain "a region among the semaphores"
refuses 1 'the name is taken' shmipc create "$n.a" --size 1
refuses 1 'the name is taken' shmipc create --size=1 "/$n.a"

if has_json; then
	now=$(date +%s)
	is "shm $backend 16384 null 0600 $(id -u) $(id -g)" "in --json" \
		"$(json "$n.a" '[.kind, .backend, .size, .value, .mode, .uid,
			.gid] | map(tostring) | join(" ")')"
	is "0 false false idle" "in --json" \
		"$(json "$n.a" '[.attached, .in_use, .transient, .verdict] |
			map(tostring) | join(" ")')"
	is true "the owner in --json" \
		"$(json "$n.a" ".owner == $(id -un | jq -R .)")"
	created=$(json "$n.a" '(.created / 1000000000) | floor')
	[ $((now - created)) -lt 60 ] && [ $((now - created)) -ge -1 ] ||
		complain "created at $created, and now is $now"
	is "$(json "$n.a" .)" "what stat --json says" \
		"$(shmipc stat --json "$n.a" | jq -r '.[]')"
fi

echo "== sizes are exact, and an invalid size is refused"
for size in 1 1000 4097 3KiB 1M 2MiB; do
	silent shmipc create "$n.size" --size $size
	shmipc cat "$n.size" | wc -c >>"$tmp/sizes"
	silent shmipc rm "$n.size"
done
is '1 1000 4097 3072 1048576 2097152' "sizes" "$(xargs <"$tmp/sizes")"
for size in '' x -1 +1 ' 1' '1 ' 1.5M 16X 1Kib 1MM 0x10 0 \
	18446744073709551616 99999999999999999999 9223372036854775808 \
	8388608T 9007199254740993K 18014398509481985K; do
	refuses 2 . shmipc create "$n.size" --size "$size"
done
for size in 10KB 10kb 10mB; do
	refuses 2 'KiB' shmipc create "$n.size" --size $size
done
# A size, but more than any machine has.
gives 1 shmipc create "$n.size" --size 4194304T
refuses 2 'whole number' shmipc create "$n.size" --size 1.5M
refuses 2 '--size is missing' shmipc create "$n.size"
refuses 4 'no object' shmipc stat "$n.size"

echo "== modes"
for mode in '' 8 0800 1000 1777 -1 rw 0600x 00000001777; do
	refuses 2 'is not a mode' \
		shmipc create "$n.mode" --size 1 --mode "$mode"
done
if [ "$backend" = memfd ]; then
	refuses 1 'one user' shmipc create "$n.mode" --size 1 --mode 0640
	mode=0400
else
	mode=0644
fi
(umask 077 && silent shmipc create "$n.mode" --size 1 --mode $mode)
shmipc stat "$n.mode" | grep -qx "mode  *$mode" || complain "not mode $mode"
silent shmipc rm "$n.mode"

echo "== lazy and prefaulted"
silent shmipc create "$n.lazy" --size 64M --lazy
silent shmipc create "$n.touched" --prefault --size 1M
silent shmipc rm "$n.lazy" "$n.touched"

echo "== names"
long=$(printf '%0200d' 0)
silent shmipc create --size 1 "$long"
silent shmipc rm "/$long"
for name in '' / 'a b' a/b //a "${nl}a" "0$long"; do
	for command in stat cat write rm "rm -f" "create --size 1" \
		"sem create" "sem post" "sem value" "sem wait --timeout 0"; do
		# shellcheck disable=SC2086 # words are meant
		refuses 2 . shmipc $command "$name" </dev/null
	done
	refuses 2 . shmipc lock "$name" -- true
done
for command in stat cat write rm "sem post" "sem value" "sem wait"; do
	# shellcheck disable=SC2086
	refuses 4 "\"$n.none\"" shmipc $command "$n.none" </dev/null
done

echo "== bytes"
head -c 100003 /dev/urandom >"$tmp/bytes"
silent shmipc create "$n.bytes" --size 100003
silent shmipc write "$n.bytes" <"$tmp/bytes"
gives 0 shmipc cat "$n.bytes"
cmp "$tmp/bytes" "$tmp/out" || complain "other bytes came back"
# In pieces, through a pipe.
silent shmipc create "$n.pieces" --size 100003
{ head -c 70000; cat; } <"$tmp/bytes" | silent shmipc write "$n.pieces"
shmipc cat "/$n.pieces" | cmp - "$tmp/bytes" || complain "pieces do not fit"

silent shmipc create "$n.five" --size 5
printf 12345 | silent shmipc write "$n.five"
printf ab | silent shmipc write --offset 3 "$n.five"
prints 123ab shmipc cat "$n.five"
printf x | silent shmipc write "$n.five" --offset 0
prints x23ab shmipc cat "$n.five"
silent shmipc write "$n.five" </dev/null
silent shmipc write "$n.five" --offset 5 </dev/null
prints x23ab shmipc cat "$n.five"
printf 123456 >"$tmp/six"
refuses 1 '5 bytes were written' shmipc write "$n.five" <"$tmp/six"
refuses 1 'has 5 bytes' shmipc write "$n.five" <"$tmp/six"
refuses 1 '^shmipc: 3 bytes were written' \
	shmipc write "$n.five" --offset 2 <"$tmp/six"
prints 12123 shmipc cat "$n.five"
refuses 1 '^shmipc: 0 bytes were written' \
	shmipc write "$n.five" --offset 5 <"$tmp/six"
refuses 1 'beyond its end' shmipc write "$n.five" --offset 6 <"$tmp/six"
refuses 1 'beyond its end' \
	shmipc write "$n.five" --offset 9223372036854775807 <"$tmp/six"
refuses 2 'not a size' shmipc write "$n.five" --offset -1 <"$tmp/six"
prints 12123 shmipc cat "$n.five"
gives 1 shmipc write "$n.five" <&-
grep -q 'standard input' "$tmp/err" || complain "no word about stdin"
gives 1 shmipc write "$n.five" </
for command in cat stat; do
	shmipc $command "$n.five" >/dev/full 2>"$tmp/err"
	is 1 "exit status of $command with a full stdout" $?
	grep -q 'No space left' "$tmp/err" || complain "$command: no sentence"
	shmipc $command "$n.five" >&- 2>"$tmp/err"
	is 1 "exit status of $command with a closed stdout" $?
	grep -q 'standard output' "$tmp/err" || complain "$command: no sentence"
done
# A reader that stops ends it silently, like any filter.
{
	shmipc cat "$n.bytes" 2>"$tmp/err"
	echo $? >"$tmp/status"
} | head -c 1 >/dev/null
case $(cat "$tmp/status") in
0 | 141) ;;
*) complain "cat into a broken pipe: $(cat "$tmp/status" "$tmp/err")" ;;
esac
[ ! -s "$tmp/err" ] || complain "cat into a broken pipe: $(cat "$tmp/err")"

echo "== rm"
silent shmipc rm "$n.five" "$n.pieces"
refuses 4 "$n.five" shmipc rm "$n.five"
silent shmipc rm -f "$n.five"
silent shmipc rm --force
gives 2 shmipc rm
# rm removes the objects that exist, even if others do not.
refuses 4 "$n.five" shmipc rm "$n.five" "$n.bytes"
refuses 4 "$n.bytes" shmipc stat "$n.bytes"
# A region and a semaphore of one name.
silent shmipc create "$n.both" --size 1
silent shmipc sem create "$n.both"
refuses 1 'several' shmipc rm "$n.both"
refuses 1 'several' shmipc rm -f "$n.both"
grep -q "region on $backend" "$tmp/err" || complain "no list: $(cat "$tmp/err")"
grep -q "semaphore on $backend" "$tmp/err" ||
	complain "no list: $(cat "$tmp/err")"
is 2 "objects of this name" "$(shmipc stat "$n.both" | grep -c ^name)"
# A command for only one kind has nothing to ask.
silent shmipc cat "$n.both" --backend "$backend" | tr -d '\0'
prints 0 shmipc sem value "$n.both"
silent shmipc rm --kind shm "$n.both"
refuses 4 'no region' shmipc rm --kind shm "$n.both"
shmipc stat --kind sem "$n.both" | grep -q '^state *0$' ||
	complain "the semaphore is gone"
silent shmipc create "$n.both" --size 1
silent shmipc rm --all "$n.both"
refuses 4 'no object' shmipc stat "$n.both"

echo "== sort"
silent shmipc create "$n.s1" --size 3000
silent shmipc create "$n.s2" --size 1
silent shmipc create "$n.s3" --size 20000
sorted() {
	shmipc ls "$@" | sed -n "s/.* $n\.s//p" | xargs
}
is '1 2 3' "by name" "$(sorted)"
is '3 2 1' "by name, reverse" "$(sorted -r)"
is '2 1 3' "by size" "$(sorted --sort size)"
is '3 1 2' "by size, reverse" "$(sorted --sort=size --reverse)"
is '3 2 1' "by age" "$(sorted --sort age)"
for key in backend kind value mode owner use attached verdict; do
	is '1 2 3' "by $key" "$(sorted --sort $key)"
done
refuses 2 'cannot sort by' shmipc ls --sort shoesize
refuses 2 'cannot sort by' shmipc ls --sort ''
silent shmipc rm "$n.s1" "$n.s2" "$n.s3"

echo "== other users"
if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
	echo "$self: not root, or no setpriv(1): not tried"
	silent shmipc rm "$n.a"
	finish
fi
# A directory that the user nobody may enter, with room for its own broker.
copy=$SHMIPC_TEST_DIR
lib=$copy
cp "$real" "$copy/shmipc"
[ "$real" = "$tool" ] || cp .libs/libshmipc.so.* "$copy/"
nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		env LD_LIBRARY_PATH="$lib" SHMIPC_RUNTIME_DIR="$copy/nobody" \
		"$copy/shmipc" "$@"
}
case $backend in
memfd)
	# Each user has its own name space.
	for command in stat cat write rm; do
		refuses 4 "$n.a" nobody $command "$n.a" </dev/null
	done
	refuses 4 "$n.a" nobody sem wait "$n.a"
	;;
*)
	for command in stat cat write "rm" "rm -f" "lock"; do
		case $command in lock) what="-- true" ;; *) what= ;; esac
		# shellcheck disable=SC2086
		refuses 1 'ermission' nobody $command "$n.a" $what </dev/null
	done
	# Readable, but no more.
	silent shmipc create "$n.ro" --size 3 --mode 0644
	printf abc | silent shmipc write "$n.ro"
	prints abc nobody cat "$n.ro"
	printf xyz | refuses 1 'ermission' nobody write "$n.ro"
	refuses 1 'ermission' nobody rm "$n.ro"
	refuses 1 'ermission' nobody lock "$n.ro" -- true
	prints abc shmipc cat "$n.ro"
	silent shmipc sem create "$n.sem" --value 1 --mode 0444
	prints 1 nobody sem value "$n.sem"
	refuses 1 'ermission' nobody sem wait "$n.sem"
	refuses 1 'ermission' nobody sem post "$n.sem"
	silent shmipc rm "$n.ro" "$n.sem"
	;;
esac
gives 0 nobody ls
grep -q "$n" "$tmp/out" && complain "nobody sees $(cat "$tmp/out")"
silent nobody create "$n.own" --size 1
gives 0 nobody ls
grep -q " idle  *$n\.own" "$tmp/out" || complain "nobody has no own object"
silent nobody rm "$n.own"
# An owner may remove an object that it may not even read.
silent nobody create "$n.closed" --size 1 --mode 0
refuses 1 'ermission' nobody cat "$n.closed"
refuses 1 'ermission' nobody stat "$n.closed"
silent nobody rm "$n.closed"
refuses 4 . nobody rm "$n.closed"
silent shmipc rm "$n.a"
finish
