#!/bin/sh
# SPDX-License-Identifier: MIT
# gcc -fanalyzer on the library, with optimization, since it then sees into
# more functions. Other compilers have no such option; clang-tidy has clang's
# analyzer.
. "$(dirname "$0")/files.sh"
CC=${CC:-gcc}
if ! echo 'int x;' | $CC -fanalyzer -xc -c -o /dev/null - 2>/dev/null; then
	echo "analyzer.sh: $CC has no -fanalyzer; CC=gcc has (package gcc)"
	exit 1
fi
export flags CC
library | grep '\.c$' | xargs -P "$jobs" -n 1 sh -c '
	exec $CC -std=gnu11 $flags -O2 -Wall -Wextra -Werror -fanalyzer \
		-c -o /dev/null "$1"' sh
