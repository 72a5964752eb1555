#!/bin/sh
# SPDX-License-Identifier: MIT
# The command shmipc: behaviour that does not belong to one backend.
. "${srcdir:-.}/tests/tool/common.sh"
unset SHMIPC_BACKEND NO_COLOR COLUMNS
other=sysv
broker=$SHMIPC_BROKER
commands='ls stat create rm cat write sem lock gc backends'

echo "== help and version"
gives 0 shmipc --help
cp "$tmp/out" "$tmp/help"
for command in $commands; do
	grep -q "^  $command " "$tmp/help" || complain "--help has no $command"
	gives 0 shmipc "$command" --help
	cp "$tmp/out" "$tmp/one"
	grep -q "^usage: shmipc $command" "$tmp/one" ||
		complain "$command --help: $(cat "$tmp/one")"
	prints "$(cat "$tmp/one")" shmipc help "$command"
done
# shellcheck disable=SC2013 # words are meant
for command in $(sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' "$tmp/help")
do
	gives 0 shmipc help "$command"
	cp "$tmp/out" "$tmp/one"
	expand "$tmp/one" | grep -n '.\{81\}' &&
		complain "$command --help is wider than 80 columns"
	refuses 2 'unrecognized option' shmipc "$command" --no-such-option
done
expand "$tmp/help" | grep -n '.\{81\}' &&
	complain "--help is wider than 80 columns"
prints "$(cat "$tmp/help")" shmipc -h
prints "$(cat "$tmp/help")" shmipc help
gives 0 shmipc --version
grep -qx 'shmipc [0-9].*' "$tmp/out" || complain "version: $(cat "$tmp/out")"
grep -qx 'backends: posix.*sysv.*' "$tmp/out" ||
	complain "version: $(cat "$tmp/out")"
grep -q '^json: ' "$tmp/out" || complain "version: $(cat "$tmp/out")"
grep -q '^broker: .*confined' "$tmp/out" ||
	complain "version: $(cat "$tmp/out")"
prints "$(cat "$tmp/out")" shmipc -V

echo "== called wrongly"
refuses 2 'usage: shmipc COMMAND' shmipc
refuses 2 'no command "sl"' shmipc sl
refuses 2 'no command ""' shmipc ''
refuses 2 'did you mean ls?' shmipc lss
refuses 2 'did you mean stat?' shmipc stta
refuses 2 'did you mean doctor?' shmipc help docter
refuses 2 'no command "x"' shmipc help x
refuses 2 'unknown option --json' shmipc --json ls
for words in "ls x" "gc x" "backends x" "stat" "stat a b" "create --size 1" \
	"create --size 1 a b" "cat" "cat a b" "write" "write a b" \
	"ls --kind file" "rm --kind= x" "stat --kind x x" "ls --backend"; do
	# shellcheck disable=SC2086 # words are meant
	refuses 2 . shmipc $words
done

echo "== lists of backends"
for b in posix $other; do
	silent shmipc create "$n.$b" --backend "$b" --size 1
done
# list OPTIONS...: which of the two does ls show?
list() {
	shmipc ls "$@" | sed -n "s/.* $n\.\(posix\|$other\)$/\1/p" | xargs
}
is "posix $other" "all" "$(list)"
is posix "posix" "$(list --backend posix)"
is "$other" "$other" "$(list --backend $other)"
is "posix $other" "both" "$(list --backend posix,$other)"
is "posix $other" "both" "$(list --backend=$other,posix)"
is "$other" "not posix" "$(list --backend ^posix)"
is "" "neither" "$(list --backend ^posix,$other)"
# Lists are of all that work, whatever programs use.
is "posix $other" "all" "$(SHMIPC_BACKEND=$other list)"
for command in ls gc; do
	for list in posx '' ',' 'posix,' "posix,,$other" ^ ^posx 'posix ' \
		POSIX; do
		refuses 2 'backend' shmipc $command --backend "$list"
	done
	refuses 2 'did you mean posix' shmipc $command --backend posx
done
for command in "stat x" "cat x" "rm x" "write x" "create x --size 1" \
	"sem create x" "sem wait x" "lock x -- true"; do
	# shellcheck disable=SC2086
	set -- $command
	first=$1
	shift
	refuses 2 'did you mean posix' \
		env SHMIPC_BACKEND=posx "$tool" "$first" "$@"
	case $first in
	sem)
		second=$1
		shift
		refuses 2 'did you mean posix' \
			shmipc sem "$second" --backend posx "$@"
		;;
	*) refuses 2 'did you mean posix' shmipc "$first" --backend posx "$@" ;;
	esac
done

echo "== a name is looked for everywhere, unless a backend is named"
gives 0 shmipc stat "$n.$other"
grep -qx "backend  *$other" "$tmp/out" || complain "stat: $(cat "$tmp/out")"
printf x | silent shmipc write "$n.$other"
prints x shmipc cat "$n.$other"
prints x env SHMIPC_BACKEND=$other "$tool" cat "$n.$other"
prints x env SHMIPC_BACKEND=posix "$tool" cat --backend $other "$n.$other"
refuses 4 "$other has one" env SHMIPC_BACKEND=posix "$tool" cat "$n.$other"
refuses 4 "$other has one" shmipc stat "$n.$other" --backend posix
refuses 4 "posix has one" shmipc rm --backend $other "$n.posix"
# As the library itself does it, an empty variable says nothing.
prints x env SHMIPC_BACKEND= "$tool" cat "$n.$other"
prints $other shmipc lock "$n.$other" -- sh -c \
	"'$tool' stat '$n.$other' | sed -n 's/^backend *//p'"
# A new object is made on the backend that programs use.
silent shmipc create "$n.new" --size 1
shmipc stat "$n.new" | grep -qx 'backend  *posix' || complain "not on posix"
silent env SHMIPC_BACKEND=$other "$tool" sem create "$n.new"
shmipc stat "$n.new" --kind sem | grep -qx "backend  *$other" ||
	complain "not on $other"
silent shmipc rm --all "$n.new" # a region on one, a semaphore on the other

echo "== a name on two backends"
for b in posix $other; do
	silent shmipc create "$n.twice" --size 2 --backend "$b"
	printf %.2s "$b" | silent shmipc write "$n.twice" --backend "$b"
	silent shmipc sem create "$n.twice" --backend "$b"
done
refuses 1 'several' shmipc cat "$n.twice"
cp "$tmp/err" "$tmp/several"
for b in posix $other; do
	grep -qx "  region on $b" "$tmp/several" ||
		complain "no list: $(cat "$tmp/several")"
	prints "$(printf %.2s "$b")" shmipc cat "$n.twice" --backend "$b"
	prints "$(printf %.2s "$b")" \
		env SHMIPC_BACKEND="$b" "$tool" cat "$n.twice"
done
for command in "write" "rm" "rm --kind sem" "rm -f" "sem value" "sem post" \
	"sem wait --timeout 0" ; do
	# shellcheck disable=SC2086
	refuses 1 'several' shmipc $command "$n.twice" </dev/null
done
refuses 1 'several' shmipc lock "$n.twice" -- echo no
is 4 "what stat shows" "$(shmipc stat "$n.twice" | grep -c "^name *$n.twice$")"
silent shmipc rm --kind sem --backend posix "$n.twice"
silent shmipc rm --kind sem "$n.twice"
silent shmipc rm --backend $other "$n.twice"
silent shmipc rm "$n.twice"
refuses 4 . shmipc stat "$n.twice"
for b in posix $other; do
	silent shmipc create "$n.twice" --size 1 --backend "$b"
	silent shmipc sem create "$n.twice" --backend "$b"
done
silent shmipc rm --all "$n.twice"
refuses 4 . shmipc stat "$n.twice"

echo "== --json"
has_json && json=yes || json=
if [ -n "$json" ]; then
	for command in "ls" "gc" "backends" "stat $n.posix"; do
		# shellcheck disable=SC2086
		shmipc $command --json | jq -e 'type == "array"' >/dev/null ||
			complain "$command --json is no array"
		# shellcheck disable=SC2086
		shmipc $command --json >/dev/full 2>"$tmp/err"
		is 1 "exit status of $command --json, no room" $?
	done
	keys='name kind backend size value mode uid gid owner created creator'
	keys="$keys in_use attached transient verdict state holder id"
	is "$keys" "the keys of an object" \
		"$(shmipc stat --json "$n.posix" |
			jq -r '.[0] | keys_unsorted[]' | xargs)"
	shmipc stat --json "$n.posix" | jq -e '.[0] | [.size, .uid, .gid,
		.created, .creator, .attached] | all(type == "number" and
		. == floor)' >/dev/null || complain "numbers are not integers"
	is "name objects works reason other_users fds" "the keys of a backend" \
		"$(shmipc backends --json | jq -r '.[0] | keys_unsorted[]' |
			xargs)"
	is "posix true null true false" "what is said about posix" \
		"$(shmipc backends --json | jq -r '.[] |
			select(.name == "posix") | [.name, .works, .reason,
			.other_users, .fds] | map(tostring) | join(" ")')"
	is '[]' "an empty list" \
		"$(shmipc ls --backend ^posix,sysv,memfd --json | jq -c .)"
	refuses 4 . shmipc stat --json "$n.none"
	refuses 2 . shmipc ls --json --backend posx
	refuses 2 . shmipc ls --json --sort x
else
	for command in ls gc "gc --force" backends "stat $n.posix"; do
		# shellcheck disable=SC2086
		refuses 2 'without jansson' shmipc $command --json
	done
fi

echo "== stdout that takes nothing"
for command in --help --version help "help ls" "ls --help" ls gc backends \
	"stat $n.posix"; do
	# shellcheck disable=SC2086
	shmipc $command >/dev/full 2>"$tmp/err"
	is 1 "exit status of $command, no room" $?
	grep -q '^shmipc: standard output: No space left' "$tmp/err" ||
		complain "$command: $(cat "$tmp/err")"
	# shellcheck disable=SC2086
	shmipc $command >&- 2>"$tmp/err"
	is 1 "exit status of $command, closed" $?
	grep -q '^shmipc: standard output: ' "$tmp/err" ||
		complain "$command: $(cat "$tmp/err")"
done
# Nothing to say: no failure. And no object takes the descriptor's place.
shmipc create "$n.quiet" --size 3 >&- 2>&- <&- || complain "create: $?"
printf abc | shmipc write "$n.quiet" >&- 2>&- || complain "write: $?"
shmipc cat "$n.quiet" >&- 2>&- && complain "cat into nothing"
prints abc shmipc cat "$n.quiet"
silent shmipc rm "$n.quiet"

echo "== a backend that cannot be looked at"
if [ -x shmipc-broker ]; then
	for command in ls gc; do
		SHMIPC_RUNTIME_DIR=relative shmipc $command >"$tmp/out" \
			2>"$tmp/err"
		is 1 "exit status of $command" $?
		grep -q '^shmipc: .*memfd' "$tmp/err" ||
			complain "no word about it: $(cat "$tmp/err")"
	done
	SHMIPC_RUNTIME_DIR=relative shmipc ls >"$tmp/out" 2>/dev/null
	grep -q "$n\.posix" "$tmp/out" || complain "the others are not shown"
	gives 1 env SHMIPC_RUNTIME_DIR=relative "$tool" ls --backend memfd
	SHMIPC_RUNTIME_DIR=relative shmipc gc --backend posix >/dev/null ||
		complain "gc of posix: $?"

	echo "== a backend that does not work here"
	SHMIPC_BROKER=/no/such/broker
	for backends in ^posix,sysv ^posix ^sysv; do
		gives 0 shmipc ls --backend $backends
		[ ! -s "$tmp/err" ] || complain "on stderr: $(cat "$tmp/err")"
	done
	for command in ls gc; do
		gives 1 shmipc $command --backend posix,memfd
		grep -q '^shmipc: memfd does not work here: .' "$tmp/err" ||
			complain "no word about it: $(cat "$tmp/err")"
	done
	gives 1 shmipc ls --backend posix,memfd
	grep -q "$n\.posix" "$tmp/out" || complain "the other is not shown"
	refuses 1 'no allowed backend works' \
		shmipc create --backend ^posix,sysv "$n.x" --size 1
	gives 0 shmipc backends
	grep -q '^memfd  *no  ' "$tmp/out" && grep -q '/no/such/broker' \
		"$tmp/out" || complain "backends: $(cat "$tmp/out")"
	gives 0 shmipc --version
	grep -q 'memfd (does not work here)' "$tmp/out" ||
		complain "--version: $(cat "$tmp/out")"
	[ -z "$json" ] || shmipc backends --json | jq -e '.[] |
		select(.name == "memfd") | .works == false and
		(.reason | length > 0)' >/dev/null || complain "no reason"
	SHMIPC_BROKER=$broker

	echo "== looking starts no broker"
	for command in ls gc backends "stat $n.posix" \
		"cat $n.posix" "lock $n.a -- true" --version; do
		# shellcheck disable=SC2086
		gives 0 shmipc $command
	done
	refuses 4 . shmipc rm "$n.none"
	refuses 4 . shmipc stat --backend memfd "$n.none"
	[ -z "$(ls -A "$SHMIPC_RUNTIME_DIR")" ] ||
		complain "in the broker's place: $(ls -A "$SHMIPC_RUNTIME_DIR")"
fi

echo "== terminals"
# terminal WIDTH COMMAND...: its output on a terminal WIDTH columns wide.
terminal() {
	width=$1
	shift
	tests/tool/terminal "$width" '' env "$@"
}
long=$n.$(printf '%050d' 0)
silent shmipc create --size 1 "$long"
for width in 20 40 60 72 73 74 80 132; do
	terminal $width NO_COLOR=1 "$tool" ls |
		grep -v "$long" >"$tmp/out"
	grep -q "$n\.posix" "$tmp/out" ||
		complain "$width columns: $(cat "$tmp/out")"
	head -n 1 "$tmp/out" | grep -q 'VERDICT  NAME$' ||
		complain "$width columns: $(cat "$tmp/out")"
	# A terminal narrower than verdict and name is too narrow.
	[ $width -eq 20 ] || ! awk -v w=$width 'length($0) > w' \
		"$tmp/out" | grep . ||
		complain "wider than $width columns"
done
terminal 40 NO_COLOR=1 "$tool" ls | grep -q " $long$" ||
	complain "a long name is cut"
# No terminal has all columns, as a wide one has. (Ages change.)
ours() {
	grep "$n" | sed 's/ *[0-9]*[smh]  idle/ idle/'
}
terminal 200 NO_COLOR=1 "$tool" ls | ours >"$tmp/wide"
shmipc ls | ours >"$tmp/all"
cmp -s "$tmp/wide" "$tmp/all" || complain "200 columns are not all:" \
	"$(diff "$tmp/wide" "$tmp/all")"
silent shmipc rm "$long"

escape=$(printf '\033')
# coloured VARIABLES: are there escapes in the list?
coloured() {
	terminal 100 "$@" "$tool" lock "$n.a" -- "$tool" ls |
		grep -q "$escape\[.*used"
}
coloured TERM=xterm || complain "no colours on a terminal"
coloured TERM=xterm NO_COLOR= || complain "no colours, NO_COLOR empty"
coloured TERM=xterm NO_COLOR=1 && complain "colours, with NO_COLOR"
coloured TERM=dumb && complain "colours, on a dumb terminal"
coloured TERM= && complain "colours, on an unknown terminal"
TERM=xterm shmipc lock "$n.a" -- "$tool" ls | grep "$escape" &&
	complain "colours, on no terminal"

for b in posix $other; do
	silent shmipc rm "$n.$b"
done
finish
