#!/bin/sh
# SPDX-License-Identifier: MIT
# Make configure. With --install-deps, first install what building and testing
# need, with the system's package manager. Without it, nothing is installed.
set -eu
cd "$(dirname "$0")"

usage() {
	echo "usage: ./autogen.sh [--install-deps]" >&2
	exit 2
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "autogen.sh: cannot install without root or sudo: $*" >&2
		exit 1
	fi
}

install_deps() {
	if command -v apt-get >/dev/null; then
		as_root apt-get update -q
		as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y \
			--no-install-recommends autoconf automake libtool \
			make gcc g++ libc6-dev pkg-config check \
			libjansson-dev libseccomp-dev mandoc jq libncurses-dev \
			tmux
	elif command -v dnf >/dev/null; then
		as_root dnf install -y autoconf automake libtool make gcc \
			gcc-c++ glibc-static pkgconf-pkg-config check-devel \
			jansson-devel libseccomp-devel mandoc jq \
			ncurses-devel tmux
	elif command -v apk >/dev/null; then
		as_root apk add autoconf automake libtool make gcc g++ \
			musl-dev linux-headers pkgconf check-dev jansson-dev \
			libseccomp-dev mandoc jq ncurses-dev tmux
	else
		echo "autogen.sh: unknown package manager; please install" \
			"autoconf, automake, libtool, make, a C and a C++" \
			"compiler, pkg-config, check, jansson, ncurses," \
			"libseccomp, mandoc, jq and tmux" >&2
		exit 1
	fi
}

case ${1-} in
--install-deps) [ $# -eq 1 ] || usage; install_deps ;;
'') ;;
*) usage ;;
esac

missing=
for tool in autoconf automake libtoolize pkg-config make; do
	command -v $tool >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
	echo "autogen.sh: missing:$missing (install them with" \
		"./autogen.sh --install-deps, or by hand)" >&2
	exit 1
fi

mkdir -p m4 # aclocal needs it before libtool fills it
exec autoreconf --install --force
