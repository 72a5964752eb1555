#!/bin/sh
# SPDX-License-Identifier: MIT
# The demo: the same lines on every backend; and what a failing child, a taken
# name and a wrong backend come to.
set -u
here=$(pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

complain() {
	echo "demo.sh: $*" >&2
	failed=1
}

# Its names are fixed, so that two runs at once would meet.
exec 9>"${TMPDIR:-/tmp}/shmipc-demo.$(id -u).lock"
flock 9

sh "${srcdir:-.}/examples/demo.sh" examples || complain "make demo fails"

# A child that prints the same and opens nothing is no evidence, not even if the
# path of its program looks like an object of ours.
mkdir "$tmp/shmipc" && cp examples/parent "$(command -v sh)" "$tmp/shmipc/" &&
	cat >"$tmp/shmipc/child" <<END && chmod +x "$tmp/shmipc/child" || exit 1
#!$tmp/shmipc/$(basename "$(command -v sh)")
i=0
while [ \$i -lt 1024 ]; do
	echo "Data at index \$i: \$((i % 256))"
	i=\$((i + 1))
done
END
sh "${srcdir:-.}/examples/demo.sh" "$tmp/shmipc" >"$tmp/out" &&
	complain "make demo is content without an object"
[ "$(grep -c 'FAILED: the kernel objects were not found' "$tmp/out")" -eq 6 ] ||
	complain "make demo without objects: $(cat "$tmp/out")"

# The same parent with a child that fails, and with none at all.
cp examples/parent "$tmp/parent"
for backend in posix sysv memfd; do
	for child in 'exit 3' 'kill -9 $$' none; do
		rm -f "$tmp/child"
		if [ "$child" != none ]; then
			printf '#!/bin/sh\n%s\n' "$child" >"$tmp/child"
			chmod +x "$tmp/child"
		fi
		SHMIPC_BACKEND=$backend "$tmp/parent" >"$tmp/out" 2>&1 &&
			complain "$backend: failure of '$child' not reported"
		grep -q 'the child failed' "$tmp/out" ||
			complain "$backend: no word about '$child'"
	done

	# Nothing was left: it runs again.
	SHMIPC_BACKEND=$backend examples/parent >"$tmp/out" 2>&1 ||
		complain "$backend: something was left: $(cat "$tmp/out")"
	[ "$(wc -l <"$tmp/out")" -eq 1024 ] ||
		complain "$backend: not 1024 lines"
done

SHMIPC_BACKEND=posx examples/parent >"$tmp/out" 2>&1 &&
	complain "an unknown backend is not refused"
grep -q 'did you mean posix' "$tmp/out" || complain "no hint: $(cat "$tmp/out")"

grep -liwE 'posix|sysv|memfd' "${srcdir:-.}"/examples/*.c &&
	complain "a program of the demo names a backend"
cd "$here" && exit $failed
