#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual says what the headers, the README and the command say, of
# everything and of nothing else; its C compiles, and its mdoc is clean.
set -u
src=${srcdir:-.}
awk=$src/tests/run/man
headers="$src/include/shmipc.h $src/include/shmipc-info.h"
headers="$headers $src/include/shmipc-backend.h"
pages=$(ls "$src"/man/*.[1-8])
library=$(ls "$src"/man/*.3)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
status=0

wrong() {
	echo "man.sh: $*"
	status=1
}

# Two lists: what is said elsewhere, and what is said in the manual.
same() {
	what=$1
	sort -u "$tmp/there" >"$tmp/there.sorted"
	sort -u "$tmp/here" >"$tmp/here.sorted"
	[ -s "$tmp/there" ] || wrong "$what: nothing was found"
	diff "$tmp/there.sorted" "$tmp/here.sorted" >"$tmp/diff" && return
	wrong "$what: < missing in the manual, > in the manual alone:"
	sed -n '/^[<>]/p' "$tmp/diff"
}

# ---- clean?

# References to others lead into what is installed here, or not.
for page in $pages; do
	name=${page##*/}
	grep -q "man/$name" "$src/man/man.mk" || wrong "$name: not in man.mk"
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W style "$page" 2>&1 | grep -Ev \
			'referenced manual not found|outdated mandoc.db' &&
			wrong "$name: not clean"
	fi
	if command -v groff >/dev/null; then
		groff -mdoc -Tutf8 -ww -z "$page" 2>&1 | grep . &&
			wrong "$name: groff complains"
	fi
done
command -v mandoc >/dev/null || echo "man.sh: no mandoc: not tried: lint"
command -v groff >/dev/null || echo "man.sh: no groff: not tried: warnings"

# ---- names

sed -n 's/^\t\(shmipc_[a-z_]*\);$/\1/p' "$src/core/libshmipc.map" >"$tmp/there"
# shellcheck disable=SC2086 # words are meant, as in what follows
sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \(shmipc_[a-z_]*\).*/\1/p' \
	$library >"$tmp/here"
same "exported functions"
sort "$tmp/here" | uniq -d | grep . && wrong "in two pages"

# What a reader is sent to must be there.
{
	for page in $pages; do
		basename "$page"
	done
	for page in $library; do
		awk -f "$src/man/names.awk" "$page" | sed 's/$/.3/'
	done
} >"$tmp/there"
# shellcheck disable=SC2086
sed -n 's/^\.Xr \(shmipc[^ ]*\) \([1-8]\).*/\1.\2/p' $pages >"$tmp/here"
sort -u "$tmp/there" >"$tmp/all"
sort -u "$tmp/here" | comm -13 "$tmp/all" - | grep . &&
	wrong "references to pages that are not there"

# ---- declarations, members and constants

# shellcheck disable=SC2086
awk -f "$awk/declarations.awk" $headers >"$tmp/there"
for page in $library; do
	awk -f "$awk/c.awk" "$page" >"$tmp/c"
	awk -f "$awk/declarations.awk" "$tmp/c" >"$tmp/of_page"
	cat "$tmp/of_page" >&3
	sed -n '/^struct/{s/.*{//;s/}//;p;}' "$tmp/of_page" | tr ';' '\n' |
		sed 's/^[a-z]*(\*\([a-z_]*\)).*/\1/;s/\[.*//;s/.*[ *]//;/./!d' |
		while read -r member; do
			grep -Eq "^\.It .*F[an] $member( |\$)" "$page" ||
				echo "${page##*/}: member $member"
		done >>"$tmp/members"
done 3>"$tmp/here"
same "declarations"
grep . "$tmp/members" && wrong "members that are not described"

# shellcheck disable=SC2086
cat $headers | sed -n '/^#define SHMIPC_API/d
	s/^#define \(SHMIPC_[A-Z_]*\)[ 	]\{1,\}[^ 	].*/\1/p
	s/^	\(SHMIPC_[A-Z]*\) = .*/\1/p' >"$tmp/there"
# shellcheck disable=SC2086
cat $pages | sed -n 's/^\.\(It \)\{0,1\}Dv \(SHMIPC_[A-Z_]*\).*/\2/p' \
	>"$tmp/here"
same "constants"
# shellcheck disable=SC2086
cat $pages | sed -n 's/^\.Dv \(SHMIPC_[A-Z_]*\) Pq \([^ ]*\).*/\1 \2/p' |
	sort -u >"$tmp/here"
while read -r constant value; do
	# shellcheck disable=SC2086
	cat $headers | grep -Eq "^#define ${constant}[ 	]+${value}U?\$" ||
		wrong "$constant is not $value"
done <"$tmp/here"

# ---- errors

# shellcheck disable=SC2086
awk -f "$awk/errors_declared.awk" $headers >"$tmp/there"
for page in $library; do
	awk -f "$awk/errors_written.awk" "$page"
done >"$tmp/here"
same "errors"

# ---- does its C compile?

cc=$(sed -n 's/^CC = //p' Makefile)
for page in $library "$src/man/shmipc.7"; do
	name=${page##*/}
	awk -v examples="$tmp/$name." -f "$awk/c.awk" "$page"
	[ -e "$tmp/$name.1.c" ] || wrong "$name: no example"
	{
		echo "#include <shmipc-backend.h>"
		awk -f "$awk/c.awk" "$page" | grep '^SHMIPC_API'
	} >"$tmp/$name.0.c"
	for c in "$tmp/$name".*.c; do
		# shellcheck disable=SC2086
		${cc:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$src/include" \
			-c -o "$tmp/o" "$c" || wrong "$name: ${c##*/}"
	done
done

# ---- environment

sed -n '/^Environment/,/^Limits/s/^  \(SHMIPC_[A-Z_]*\) .*/\1/p' \
	"$src/README" >"$tmp/there"
sed -n '/^\.Sh ENVIRONMENT/,/^\.Sh FILES/s/^\.It Ev \(SHMIPC_[A-Z_]*\).*/\1/p' \
	"$src/man/shmipc.7" >"$tmp/here"
same "environment"

# ---- the command

if [ -x tools/shmipc ]; then
	awk -f "$awk/options.awk" "$src/man/shmipc.1" >"$tmp/written"
	tools/shmipc help |
		sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' >"$tmp/there"
	while read -r command; do
		# How it is called, and what each option does.
		tools/shmipc help "$command" |
			sed -n '1,/^$/p;/^ *\(-[a-zA-Z], \)\{0,1\}--/p' |
			grep -o -e '--[a-z][-a-z]*' | sed "s/^/$command /"
	done <"$tmp/there" >"$tmp/options"
	sed 's/ .*//' "$tmp/written" >"$tmp/here"
	same "commands"
	cp "$tmp/options" "$tmp/there"
	grep ' ' "$tmp/written" >"$tmp/here"
	same "options"
else
	echo "man.sh: no tools/shmipc: not tried: its options"
fi
exit $status
