#!/bin/sh
# SPDX-License-Identifier: MIT
# The library exports what its headers declare, under the version of the map,
# and nothing else.
set -u
failed=0
library=.libs/libshmipc.so
[ -e $library ] || {
	echo "exports.sh: no shared library was built"
	exit 77
}

${NM:-nm} -D --defined-only $library | awk '$2 != "A" { print $3 }' |
	sort >exports.tmp
sed -n 's/^[^#]*[ *]\(shmipc_[a-z_]*\)(.*/\1/p' \
	"${srcdir:-.}/include/shmipc.h" \
	"${srcdir:-.}/include/shmipc-info.h" \
	"${srcdir:-.}/include/shmipc-backend.h" |
	grep -v '^ \*' | sort -u >declared.tmp
# The sentences about functions in comments name the same ones.
sed 's/$/@@SHMIPC_0.1/' declared.tmp | diff - exports.tmp || failed=1
[ "$(wc -l <exports.tmp)" -ge 30 ] || failed=1
rm -f exports.tmp declared.tmp
exit $failed
