#!/bin/sh
# SPDX-License-Identifier: MIT
# Check the packages: build them from the last commit, and install the Debian
# ones on a copy of this system, in memory, which disappears afterwards. Then
# build a user's programs there and run them on all backends. The check changes
# nothing else.
# It takes a minute. It does not run the tests of the library, unless
# DEB_BUILD_OPTIONS is set without nocheck.
#
# usage: packaging/check.sh, as root; it names the tools that are missing
set -eu

skip() {
	echo "packaging/check.sh: $*: not tried"
	exit 77
}

fail() {
	echo "packaging/check.sh: $*" >&2
	exit 1
}

step() {
	echo "packages: $*"
}

# ---- in the copy of the system

# In containers, dpkg may be configured to leave out documentation.
inside() {
	libdir=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
	step "install"
	dpkg --path-include='/usr/share/*' -i /packages/*.deb >/packages/log ||
		fail "$(cat /packages/log)"

	step "build and run programs"
	sh /packages/source/tests/run/install.sh "$libdir" \
		/usr/share/doc/libshmipc-dev/examples

	step "the command, its completion, the manual"
	shmipc doctor || echo "(these are problems of this machine)"
	shmipc --version
	if [ -e /usr/share/bash-completion/bash_completion ]; then
		bash -c '. /usr/share/bash-completion/bash_completion
			_completion_loader shmipc; complete -p shmipc' \
			2>/dev/null || fail "bash does not find the completion"
	else
		echo "bash-completion: not tried"
	fi
	for page in 1:shmipc 3:shmipc_sem_wait 3:shmipc-backend 7:shmipc \
		8:shmipc-broker; do
		man "${page%:*}" "${page#*:}" | grep -qi "${page#*:}" ||
			fail "no manual page $page"
	done

	step "remove"
	dpkg --purge shmipc-tools libshmipc-dev libshmipc0 shmipc-broker \
		>/packages/log || fail "$(cat /packages/log)"
	find /usr /etc /var ! -path '/var/cache/man/*' -name '*shmipc*' |
		grep . && fail "these files were left behind"
	step "ok"
}

if [ "${1-}" = inside ]; then
	inside
	exit
fi

# ---- outside the copy

cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || skip "not root"
for tool in dpkg-buildpackage dh cmake man git; do
	command -v $tool >/dev/null || skip "no $tool"
done

# Everything is in memory, in a mount name space that ends with this script.
if [ "${1-}" != apart ]; then
	unshare -m true 2>/dev/null || skip "no mount name spaces"
	exec unshare -m -i -p -f --mount-proc "$0" apart
fi
tmp=$(mktemp -d)
trap 'umount -l "$tmp"; rmdir "$tmp"' EXIT
mount -t tmpfs -o mode=755 none "$tmp"
mount -t tmpfs -o mode=1777 none /dev/shm
mkdir "$tmp/packages" "$tmp/changed" "$tmp/work" "$tmp/system"
mount -t overlay -o "lowerdir=/,upperdir=$tmp/changed,workdir=$tmp/work" \
	none "$tmp/system" 2>/dev/null || skip "no overlay"

step "build the Debian packages"
git clone -q . "$tmp/packages/source"
cd "$tmp/packages/source"
DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck parallel=$(nproc)}
case $DEB_BUILD_OPTIONS in
*nocheck*) export DEB_BUILD_PROFILES=nocheck ;;
esac
export DEB_BUILD_OPTIONS
dpkg-checkbuilddeps || skip "build dependencies are missing"
dpkg-buildpackage -us -uc -b >"$tmp/packages/log" 2>&1 ||
	fail "$(tail -50 "$tmp/packages/log")"
[ -z "$(git status --short)" ] || fail "left behind: $(git status --short)"
if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error,warning "$tmp"/packages/*.changes
else
	echo "lintian: not tried"
fi

if command -v rpmbuild >/dev/null; then
	step "build the Fedora packages"
	make -s -C debian/build dist >"$tmp/packages/log" 2>&1 ||
		fail "$(tail -50 "$tmp/packages/log")"
	rpmbuild -tb --nodeps --without check --define "_topdir $tmp/rpm" \
		debian/build/libshmipc-*.tar.gz >"$tmp/packages/log" 2>&1 ||
		fail "$(tail -50 "$tmp/packages/log")"
	find "$tmp/rpm" -name '*.rpm' ! -name '*debug*' >"$tmp/rpms"
	[ "$(wc -l <"$tmp/rpms")" -eq 5 ] || fail "$(cat "$tmp/rpms")"
else
	echo "rpmbuild: not tried"
fi

rm -f "$tmp"/packages/*-dbgsym_*.deb
mkdir "$tmp/system/packages"
mount --bind "$tmp/packages" "$tmp/system/packages"
for dir in proc dev dev/shm; do
	mount --bind "/$dir" "$tmp/system/$dir"
done
mount -t tmpfs none "$tmp/system/tmp"
env -i PATH="$PATH" LC_ALL=C.UTF-8 chroot "$tmp/system" \
	sh /packages/source/packaging/check.sh inside
