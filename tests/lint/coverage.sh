#!/bin/sh
# SPDX-License-Identifier: MIT
# How much of the library `make check' runs: builds a copy of the sources with
# counters, tests it, and reads the counters by lcov. Prints what was not run,
# by file, and fails below LIMIT percent of the lines. Runs in a configured
# build directory.
#
# Not counted: processes that are killed, of which the tests have many, and
# those that may not write here, since they are of another user or confined.
set -eu
limit=${LIMIT:-95}
folder=build-coverage
here=$(cd "$(dirname "$0")" && pwd)
make=${MAKE:-make}
jobs="-j$(getconf _NPROCESSORS_ONLN)"

for tool in lcov gcov; do
	if ! command -v $tool >/dev/null; then
		echo "coverage: missing: $tool (packages lcov and gcc)" >&2
		exit 1
	fi
done

rm -rf "$folder"
"$make" --silent distdir distdir="$folder"
cd "$folder"
top=$(pwd)
# Atomic: threads count, too.
./configure --quiet --disable-static --without-seccomp \
	CFLAGS="-g -O0 --coverage -fprofile-update=atomic"
"$make" "$jobs"
"$make" "$jobs" check || echo "coverage: make check failed; counted anyway"

lcov --quiet --capture --directory . --output-file all.info
lcov --quiet --extract all.info "$top/util/*" "$top/core/*" \
	"$top/backends/*" --output-file library.info
"${AWK:-awk}" -v top="$top/" -v limit="$limit" -f "$here/coverage.awk" \
	library.info
