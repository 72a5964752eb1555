#!/bin/sh
# SPDX-License-Identifier: MIT
# Check the protocol of core/semword.h, as tests/model/semword.pml states it,
# in several sizes, and see that every fault put into it is found. Skipped
# without spin.
set -u
if ! command -v spin >/dev/null || ! command -v cc >/dev/null; then
	echo "model.sh: no spin, or no cc"
	exit 77
fi
model=$(cd "${srcdir:-.}" && pwd)/tests/model/semword.pml
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
cp "$model" "$dir" && cd "$dir" || exit 1

status=0
wrong() {
	echo "model.sh: $*" >&2
	status=1
}

# Everything that can be reached is looked at, in at most 1,000 MB. What the
# model is, and how it is searched, are arguments for the compiler: CPP... --
# CC... Leaves pan's report in ./out.
search() {
	cpp=
	while [ "$1" != -- ]; do
		cpp="$cpp $1"
		shift
	done
	shift
	rm -f pan* out
	# Words, not one: none has a blank.
	# shellcheck disable=SC2086
	if spin $cpp -a semword.pml >out 2>&1 &&
		cc -w -O1 -DNOREDUCE -DMEMLIM=1000 "$@" -o pan pan.c >>out 2>&1
	then
		if [ "$*" = -DNP ]; then
			./pan -l -m100000 >out 2>&1
		else
			./pan -m100000 >out 2>&1
		fi
	fi
}

sizes=0
states=0
: >unreached
# Must hold. The lines that no size has reached are collected.
good() {
	search "$@"
	sizes=$((sizes + 1))
	if ! grep -q 'errors: 0$' out ||
		grep -Eq 'max search depth|not completed|MEMLIM|error:' out
	then
		wrong "it does not hold:$cpp"
		cat out >&2
		return
	fi
	n=$(awk '/states, stored/ { print $1 }' out)
	echo "model.sh: $n states:$cpp"
	states=$((states + n))
	sed -n '/-end-/!s/^\tsemword.pml:\([0-9]*\), state .*/\1/p' out |
		sort -u >>unreached
}

mutants=0
found=0
# Must be found, by what comes of it and not by the invariants alone.
mutant() {
	m=$1
	shift
	mutants=$((mutants + 1))
	search -DNO_INVARIANTS "-DMUTANT=$m" "$@" -- -O0 -DSAFETY
	said=$(sed -n 's/^pan:1: //p' out)
	case $said in
	'assertion violated'*) found=$((found + 1)) ;;
	*)
		wrong "mutant $m is not found"
		cat out >&2
		;;
	esac
	echo "model.sh: mutant $m: $said"
}

# Posters and waiters, two and two, with so many kills at most; then one and many, and many and one.
good -DKILLS=0 -- -DSAFETY
good -DKILLS=1 -- -DSAFETY
good -DKILLS=2 -- -DSAFETY
good -DPOSTERS=1 -DPOSTS=2 -DWAITERS=3 -DKILLS=1 -- -DSAFETY
good -DPOSTERS=3 -DWAITERS=1 -DWAITS=2 -DKILLS=1 -- -DSAFETY
# Again and again.
good -DPOSTERS=1 -DPOSTS=3 -DWAITS=2 -DKILLS=1 -- -DSAFETY
# At the maximum.
good -DVALUE_MAX=1 -DINITIAL=1 -DKILLS=1 -- -DSAFETY
# No slice, no wake-up without a token: who sleeps beside a unit stays there.
good -DFATE=0 -DPOSTERS=1 -DPOSTS=3 -DWAITERS=3 -DWAITS=2 -- -DSAFETY
# The same, and nobody goes round for ever.
good -DFATE=0 -DINITIAL=1 -- -DNP

# What all of them leave out is not checked by any.
sort unreached | uniq -c | awk -v all=$sizes '$1 == all { print $2 }' |
	while read -r line; do
		sed -n "$line{/never/!p;}" semword.pml
	done >left_out
if [ -s left_out ]; then
	wrong "no size reaches these:"
	cat left_out >&2
fi

for m in 1 2 3 4 5 6 7 8 9 10 11 12; do
	mutant $m -DKILLS=1
done
mutant 13 -DVALUE_MAX=1
there=$(grep -o 'MUTANT [!=]= [1-9][0-9]*' semword.pml | sed 's/.* //' |
	sort -u | wc -l)
[ $mutants -eq "$there" ] || wrong "there are $there mutants"

echo "model: $sizes configurations, $states states, 0 errors;" \
	"$mutants mutants, $found found"
exit $status
