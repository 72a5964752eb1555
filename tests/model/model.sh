#!/bin/sh
# SPDX-License-Identifier: MIT
# Check the protocols of core/semword.h and core/lockword.h, as the files in
# tests/model state them, in several sizes, and see that every fault put into
# them is found.
set -u
if ! command -v spin >/dev/null || ! command -v cc >/dev/null; then
	echo "model.sh: no spin, or no cc" >&2
	exit 1
fi
models=$(cd "${srcdir:-.}" && pwd)/tests/model
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
cp "$models"/*.pml "$dir" && cd "$dir" || exit 1

status=0
wrong() {
	echo "model.sh: $model: $*" >&2
	status=1
}

# All calls from here until done_with_it are about this model.
start() {
	model=$1
	sizes=0
	states=0
	mutants=0
	found=0
	: >unreached
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
	# Several words, each without a blank. To compile takes as long as to
	# search.
	# shellcheck disable=SC2086
	if spin $cpp -a "$model.pml" >out 2>&1 &&
		cc -w -Og -DNOREDUCE -DMEMLIM=1000 "$@" -o pan pan.c >>out 2>&1
	then
		if [ "$*" = -DNP ]; then
			./pan -l -m100000 -w20 >out 2>&1
		else
			./pan -m100000 -w20 >out 2>&1
		fi
	fi
}

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
	echo "model.sh: $model: $n states:$cpp"
	states=$((states + n))
	sed -n "/-end-/!s/^\t$model.pml:\([0-9]*\), state .*/\1/p" out |
		sort -u >>unreached
}

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
	echo "model.sh: $model: mutant $m: $said"
}

done_with_it() {
	# What all sizes leave out is not checked by any.
	sort unreached | uniq -c | awk -v all=$sizes '$1 == all { print $2 }' |
		while read -r line; do
			sed -n "$line{/never/!p;}" "$model.pml"
		done >left_out
	if [ -s left_out ]; then
		wrong "no size reaches these:"
		cat left_out >&2
	fi
	there=$(grep -o 'MUTANT [!=]= [1-9][0-9]*' "$model.pml" |
		sed 's/.* //' | sort -u | wc -l)
	[ $mutants -eq "$there" ] || wrong "there are $there mutants"
	echo "model: $model: $sizes configurations, $states states, 0 errors;" \
		"$mutants mutants, $found found"
}

start semword
# Posters and waiters, two and two, with at most KILLS kills; then one and
# many, and many and one.
good -DKILLS=0 -- -DSAFETY -O0
good -DKILLS=1 -- -DSAFETY
good -DKILLS=2 -- -DSAFETY
good -DPOSTERS=1 -DPOSTS=2 -DWAITERS=3 -DKILLS=1 -- -DSAFETY
good -DPOSTERS=3 -DWAITERS=1 -DWAITS=2 -DKILLS=1 -- -DSAFETY
# Again and again.
good -DPOSTERS=1 -DPOSTS=3 -DWAITS=2 -DKILLS=1 -- -DSAFETY
# At the maximum.
good -DVALUE_MAX=1 -DINITIAL=1 -DKILLS=1 -- -DSAFETY -O0
# No recheck, no wake-up without a token: a thread that sleeps beside a unit
# stays there.
good -DFATE=0 -DPOSTERS=1 -DPOSTS=3 -DWAITERS=3 -DWAITS=2 -- -DSAFETY
# The same, and nobody goes round for ever.
good -DFATE=0 -DINITIAL=1 -- -DNP
for m in 1 2 3 4 5 6 7 8 9 10 11 12; do
	mutant $m -DKILLS=1
done
mutant 13 -DVALUE_MAX=1
done_with_it

start lockword
# Two threads, again and again; three, with at most KILLS kills.
good -DTHREADS=2 -DLOCKS=3 -DKILLS=2 -- -DSAFETY -O0
good -DKILLS=0 -- -DSAFETY -O0
good -DKILLS=2 -- -DSAFETY
# One on its way and one asleep.
good -DBEGUN=1 -DKILLS=1 -- -DSAFETY
good -DBEGUN=1 -DKILLS=1 -DWAKES=0 -DOLD_KERNEL=1 -- -DSAFETY
# No recheck, and nobody wakes by itself: a thread that sleeps beside a free
# lock stays there; and no thread loops for ever.
good -DFATE=0 -DLOCKS=2 -DBEGUN=1 -- -DNP
for m in 1 3 4 5 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do
	mutant $m -DKILLS=1 -DWAKES=0
done
for m in 2 6 7; do
	mutant $m -DKILLS=1 -DWAKES=0 -DBEGUN=1
done
done_with_it
exit $status
