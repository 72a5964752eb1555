# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # its variables are for others
# What the tests of the command shmipc share; they read it with `.'.

self=$(basename "$0")
tool=$(pwd)/tools/shmipc
# The program itself, not libtool's script that starts it. The library of the
# build tree is in .libs.
real=$(pwd)/tools/.libs/shmipc
[ -x "$real" ] || real=$tool
tmp=$(mktemp -d) || exit 1
# Names of this run alone.
n=t$$
nl='
'

leave() {
	rm -rf "$tmp"
}
trap leave EXIT
trap 'exit 1' INT TERM HUP

# complain TEXT: something is not as it should be.
complain() {
	echo "$self: ${SHMIPC_BACKEND:-all}: $*"
	echo >>"$tmp/failures" # in a pipeline, a variable would be lost
}

shmipc() {
	"$tool" "$@"
}

# gives STATUS COMMAND...: with this exit status. What it prints is in $tmp/out,
# and $tmp/err.
gives() {
	wanted=$1
	shift
	"$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status -eq "$wanted" ] || {
		complain "exit status $status, not $wanted: $*"
		sed 's/^/    /' "$tmp/out" "$tmp/err"
	}
}

# refuses STATUS WORDS COMMAND...: with a sentence that has the words, and
# nothing on stdout.
refuses() {
	wanted=$1
	words=$2
	shift 2
	gives "$wanted" "$@"
	grep -q -e "$words" "$tmp/err" ||
		complain "\"$words\" is not in \"$(cat "$tmp/err")\": $*"
	[ ! -s "$tmp/out" ] || complain "on stdout: $(cat "$tmp/out"): $*"
}

# prints TEXT COMMAND...: this, and nothing on stderr.
prints() {
	text=$1
	shift
	gives 0 "$@"
	[ "$(cat "$tmp/out")" = "$text" ] ||
		complain "\"$(cat "$tmp/out")\", not \"$text\": $*"
	[ ! -s "$tmp/err" ] || complain "on stderr: $(cat "$tmp/err"): $*"
}

# silent COMMAND...: it works, and says nothing.
silent() {
	prints '' "$@"
}

# is TEXT WHAT VALUE
is() {
	[ "$3" = "$1" ] || complain "$2 is \"$3\", not \"$1\""
}

# What --json says about the objects of a name, and a jq filter of one of them.
json() {
	shmipc ls --json | jq -r ".[] | select(.name == \"$1\") | $2"
}

# await COMMAND...: until it succeeds; at most 20 s.
await() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 1000 ] || {
			complain "this never came: $*"
			return 1
		}
		sleep 0.02
	done
}

# May --json, and its tests, be used?
has_json() {
	shmipc --version | grep -q '^json: no$' && {
		echo "$self: built without jansson: --json not tried"
		return 1
	}
	command -v jq >/dev/null || {
		echo "$self: no jq(1): --json not tried"
		return 1
	}
}

finish() {
	[ -e "$tmp/failures" ] || exit 0
	echo "$self: ${SHMIPC_BACKEND:-all}: $(wc -l <"$tmp/failures") failures"
	exit 1
}
