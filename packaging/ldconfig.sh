#!/bin/sh
# SPDX-License-Identifier: MIT
# After make install: programs that were linked with the library must find it.
# Root's ldconfig(8) sees to that where the linker looks into the directory of
# the library. Otherwise say what the user has to do.
#
# usage: ldconfig.sh run|advise LIBDIR
set -eu
libdir=$2
PATH=$PATH:/sbin:/usr/sbin

# The path of a directory without symbolic links.
real() {
	(cd -P "$1" 2>/dev/null && pwd)
}

# Does the linker look there?
is_known() {
	for known in $directories; do
		[ "$(real "$known")" != "$(real "$libdir")" ] || return 0
	done
	return 1
}

# Only glibc's ldconfig prints them. Without it there is no cache.
directories=$(ldconfig -v -N -X 2>/dev/null | sed -n 's/^\(\/[^:]*\):.*/\1/p')
[ -n "$directories" ] || exit 0

case $1 in
run)
	if is_known && [ "$(id -u)" -eq 0 ]; then
		ldconfig
	fi
	;;
advise)
	if ! is_known; then
		echo "Programs find the library with" \
			"LD_LIBRARY_PATH=$libdir in their environment."
	elif [ "$(id -u)" -ne 0 ]; then
		echo "Now run ldconfig as root; until then, programs do not" \
			"find the library in $libdir."
	fi
	;;
esac
