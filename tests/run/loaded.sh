#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library, loaded at run time. Without one (--disable-shared) there
# is nothing to load.
library=.libs/libshmipc.so
if [ ! -e $library ]; then
	echo "loaded.sh: no shared library"
	exit 77
fi
for backend in posix sysv; do
	SHMIPC_BACKEND=$backend tests/run/loaded "$PWD/$library" || exit 1
done
