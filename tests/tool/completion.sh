#!/bin/sh
# SPDX-License-Identifier: MIT
# What Tab offers behind shmipc, in bash and in zsh. In both the words are given
# to the function, and what it would show is printed, a line each.
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
PATH=$PWD/tools:$PATH
SHMIPC_BROKER=$PWD/shmipc-broker
SHMIPC_RUNTIME_DIR=$tmp/run
SHMIPC_BROKER_IDLE_MS=300
export PATH SHMIPC_BROKER SHMIPC_RUNTIME_DIR SHMIPC_BROKER_IDLE_MS
unset SHMIPC_BACKEND
region=complete.$$.region
semaphore=complete.$$.semaphore
failed=0

cat >"$tmp/ask.bash" <<'END'
source "$1" || exit
shift
_command_offset() { COMPREPLY=("command: ${COMP_WORDS[*]:$1}"); }
COMP_WORDS=(shmipc "$@")
COMP_CWORD=$#
_shmipc shmipc
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
END

cat >"$tmp/ask.zsh" <<'END'
compadd() {
	if [[ $1 == -a ]]; then
		set -- ${(P)2}
	elif [[ $1 == -- ]]; then
		shift
	fi
	set -- ${(M)@:#$words[CURRENT]*}
	(($# == 0)) || print -l -- "$@"
}
compset() { words[CURRENT]=${words[CURRENT]#*=} }
_describe() { local all=(${${(P)2}%%:*}); compadd -a all }
_normal() { print -- "command: $words" }
_shmipc_file=$1
shift
words=(shmipc "$@")
CURRENT=$#words
complete() { source $_shmipc_file }
complete
END

complain() {
	echo "completion.sh: $shell: $*" >&2
	failed=1
}

ask() {
	case $shell in
	bash) bash --norc "$tmp/ask.bash" "$files/shmipc" "$@" ;;
	zsh) zsh -f "$tmp/ask.zsh" "$files/_shmipc" "$@" ;;
	esac 2>"$tmp/err" | sort | paste -s -d ' ' -
	[ ! -s "$tmp/err" ] || complain "$*: $(cat "$tmp/err")"
}

# EXPECTED WORD...
offers() {
	expected=$1
	shift
	offered=$(ask "$@")
	[ "$offered" = "$expected" ] ||
		complain "shmipc $*: $offered, and not $expected"
}

check() {
	commands=$(shmipc --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' |
		sort | paste -s -d ' ' -)
	# shellcheck disable=SC2086 # words are meant
	offers "$(printf '%s\n' $commands $1 | sort |
		paste -s -d ' ' -)" ''
	offers 'stat' st
	offers '--help --version' -
	offers "$commands" help ''

	offers '--backend --help --json --kind --reverse --sort' ls --
	offers '--backend --conflict-exit-code --help --recover --timeout' \
		lock --
	offers '-E' lock -E
	offers '--backend --help --timeout' sem wait -
	offers 'create post value wait' sem ''
	offers 'value' sem v

	offers 'memfd posix sysv' ls --backend ''
	offers 'sysv' ls --json --backend s
	offers 'shm' stat --kind sh
	offers 'age attached' ls --sort a
	offers '' create --size ''
	offers '' lock -E ''

	offers "$region" cat complete.$$.
	offers "$region" lock --timeout 2s complete.$$.
	offers "$semaphore" sem post --count 3 complete.$$.
	offers "$region $semaphore" rm complete.$$.
	offers "$semaphore" stat --kind sem complete.$$.
	offers "$region" stat --backend sysv complete.$$.
	offers '' cat --backend posix complete.$$.
	offers "$semaphore" sem value --backend posix complete.$$.
	offers "command: ls --ba" lock name -- ls --ba
}

# The words of --option=value are three to bash.
check_bash() {
	check '--help --version help'
	offers 'sysv' ls --backend = s
	offers 'memfd posix sysv' ls --backend =
	offers "$region" stat --kind = shm complete.$$.
}

check_zsh() {
	check ''
	offers 'sysv' ls --backend=s
	offers "$region" stat --kind=shm complete.$$.
}

SHMIPC_BACKEND=sysv shmipc create "$region" --size 1 || exit 1
SHMIPC_BACKEND=posix shmipc sem create "$semaphore" || failed=1
trap 'shmipc rm -f "$region" "$semaphore"; rm -rf "$tmp"' EXIT
files=${srcdir:-.}/tools/completion
for shell in bash zsh; do
	if command -v $shell >/dev/null; then
		check_$shell
	else
		echo "completion.sh: no $shell: not tried"
	fi
done
exit $failed
