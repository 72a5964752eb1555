#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317 # targets are called by name
# Build and test for other machines and C libraries than this one's, from the
# source tree around this script. Each target has a directory of its own below
# the current one, and ends with a line that says what was run there, and what
# could not be and why.
#
# usage: portability.sh [TARGET...]
#   m32      32-bit x86, by gcc -m32 (gcc-multilib)
#   aarch64  by a cross compiler (gcc-aarch64-linux-gnu), run by qemu-user
#   musl     musl instead of glibc, by musl-gcc (musl-tools)
#
# CHECK_SOURCE is an unpacked source of libcheck, which is built for each of
# them; without it Debian's is fetched by apt-get(8), which needs no root.
# Exit status: 0, 1 (something failed), 77 (nothing could be run)
set -u
source=$(cd "$(dirname "$0")/.." && pwd)
top=$(pwd)/build-portability
jobs=-j$(nproc)
status=77
summary=

say() {
	echo "portability: $*"
}

# Fetch the source of libcheck, with lists of its own: the system's may lack
# those of sources.
fetch_check() {
	apt=$top/apt
	mkdir -p "$apt/lists/partial" "$apt/source" || return 1
	sed 's/^Types: .*/Types: deb-src/; s/^deb /deb-src /' \
		/etc/apt/sources.list.d/debian.sources >"$apt/debian.sources" ||
		return 1
	set -- -q -q -o Dir::Etc::sourcelist="$apt/debian.sources" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists"
	apt-get "$@" update && cd "$apt/source" &&
		apt-get "$@" source check || return 1
	cd "$source" || return 1
	CHECK_SOURCE=$(echo "$apt"/source/check-*/)
}

# The kernel's headers, where the compiler's own directories lack them: that of
# gcc-multilib is not there beside a cross compiler, and musl has none.
kernel_headers() {
	mkdir -p "$top/include" || return 1
	for name in linux asm-generic; do
		ln -sfn /usr/include/$name "$top/include/$name"
	done
	ln -sfn "/usr/include/$(gcc -print-multiarch)/asm" "$top/include/asm"
}

# build CONFIGURE-ARGUMENTS...: libcheck, then the library and all tests.
build() {
	mkdir -p "$dir/libcheck" "$dir/build" && cd "$dir/libcheck" || return 1
	if [ ! -e "$dir/lib/libcheck.a" ]; then
		"$CHECK_SOURCE/configure" --quiet --disable-shared \
			--disable-subunit --prefix="$dir" "$@" &&
			make "$jobs" -s -C lib &&
			make "$jobs" -s -C src install &&
			cp check_stdint.h "$dir/include/" || return 1
	fi
	cd "$dir/build" && "$source/configure" --quiet --enable-werror \
		--disable-shared --without-jansson --without-ncurses \
		--without-seccomp CHECK_CFLAGS="-I$dir/include" \
		CHECK_LIBS="$dir/lib/libcheck.a -lm -lrt -pthread" "$@" &&
		make "$jobs" -s && make "$jobs" -s check TESTS=
}

# emulate COMMAND...: let the programs that tests start be run by it.
emulate() {
	for program in shmipc-broker tests/lib/opener tests/conform/check \
		tests/unit/check; do
		[ -e "$program.elf" ] && [ "$(head -c 2 "$program")" = "#!" ] ||
			mv "$program" "$program.elf" || return 1
		printf '#!/bin/sh\nexec %s %s/%s.elf "$@"\n' "$*" "$(pwd)" \
			"$program" >"$program"
		chmod +x "$program" || return 1
	done
}

# Run the suites of semaphores, locks and units; with EMULATED, what that can.
run_suites() {
	ran='' failed=''
	for backend in posix sysv memfd; do
		[ $backend = memfd ] && [ -n "$EMULATED" ] && continue
		suite $backend.sem $backend conform
		[ -n "$EMULATED$LOCKS_REFUSED" ] ||
			suite $backend.lock $backend conform
	done
	for case in ${EMULATED:-units}; do
		suite "$case" memfd unit
	done
}

# suite NAME BACKEND FOLDER
suite() {
	case $1 in
	units) CK_RUN_CASE='' ;;
	*) CK_RUN_CASE=$1 ;;
	esac
	export CK_RUN_CASE
	[ -n "$CK_RUN_CASE" ] || unset CK_RUN_CASE
	# Emulation is slow.
	if CK_TIMEOUT_MULTIPLIER=${EMULATED:+10} srcdir=$source \
		"$source/tests/lib/on_backend.sh" "$2" \
		"tests/$3/check" >"$1.log" 2>&1; then
		checks=$(sed -n 's/.*Checks: \([0-9]*\).*/\1/p' "$1.log")
		ran="$ran $1 ($checks)"
	else
		failed="$failed $1"
		grep -E '%: Checks:|:[FE]:' "$1.log" || tail -5 "$1.log"
	fi
}

# target NAME: set up by a function of this name.
target() {
	EMULATED='' LOCKS_REFUSED='' missing=''
	dir=$top/$1
	say "== $1"
	if ! "target_$1"; then
		line="$1: FAILED to build"
		status=1
	elif [ -n "$missing" ]; then
		line="$1: NOT TRIED: $missing"
	else
		run_suites
		line="$1: passed:${ran:- nothing}"
		[ "$status" -eq 1 ] || status=0
		[ -z "$failed" ] || {
			line="$1: FAILED:$failed; passed:$ran"
			status=1
		}
		[ -z "$EMULATED" ] || line="$line; NOT TRIED: $refused"
		[ -z "$LOCKS_REFUSED" ] ||
			line="$line; NOT TRIED: locks ($LOCKS_REFUSED)"
	fi
	summary="$summary
portability: $line"
}

has() {
	command -v "$1" >/dev/null && return
	missing="$1 is not installed"
	return 1
}

# The cases of units that qemu-user can run, and why it cannot run the others.
emulated="codes header names ops posix random semword spin"
refused="locks (qemu-user has no get_robust_list(2): each is refused with \
-ENOTSUP); memfd (its broker is cloned without a signal for its exit, which \
qemu-user refuses with EINVAL); the other units (they start brokers, or limit \
memory and descriptors, which qemu-user needs itself)"

target_m32() {
	has gcc || return 0
	echo 'int main(void) { return 0; }' >"$top/try.c"
	if ! gcc -m32 "$top/try.c" -o "$top/try" 2>/dev/null; then
		missing="gcc -m32 links nothing (gcc-multilib)"
		return 0
	fi
	build --host=i386-linux-gnu CC='gcc -m32' CXX='g++ -m32' \
		CPPFLAGS="-idirafter $top/include" || return 1
	"$top/try" 2>/dev/null && return
	EMULATED=$emulated # this kernel runs no 32-bit programs
	if has qemu-i386; then
		emulate qemu-i386
	else
		missing="built; this kernel runs no 32-bit programs, $missing"
	fi
}

target_aarch64() {
	has aarch64-linux-gnu-gcc || return 0
	build --host=aarch64-linux-gnu || return 1
	has qemu-aarch64 || return 0
	EMULATED=$emulated
	emulate qemu-aarch64 -L /usr/aarch64-linux-gnu
}

target_musl() {
	has musl-gcc || return 0
	LOCKS_REFUSED="each is refused with -ENOTSUP: when a thread ends, musl \
follows pointers that a peer may have written"
	build CC=musl-gcc CPPFLAGS="-idirafter $top/include"
}

[ $# -gt 0 ] || set -- m32 aarch64 musl
for name; do
	case $name in
	m32 | aarch64 | musl) ;;
	*) say "no such target: $name"; exit 1 ;;
	esac
done
mkdir -p "$top" && kernel_headers || exit 1
if [ -z "${CHECK_SOURCE-}" ]; then
	fetch_check || { say "no source of libcheck"; exit 1; }
fi
for name; do
	target "$name"
done
echo "$summary"
exit $status
