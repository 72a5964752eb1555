#!/bin/sh
# SPDX-License-Identifier: MIT
# make installcheck: a program outside of the tree, built as its author would
# build it, against what is installed, and run on every backend.
#
# usage: install.sh LIBDIR EXAMPLES; CC and CXX say which compilers.
set -eu
libdir=$1
examples=$2
PKG_CONFIG_PATH=$libdir/pkgconfig
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH
unset SHMIPC_BROKER
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
SHMIPC_RUNTIME_DIR=$tmp/run
export SHMIPC_RUNTIME_DIR

cat >t.c <<'END'
#include <shmipc.h>
#include <shmipc-backend.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct shmipc *ipc;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	if (argc < 2 || shmipc_open(&ipc, NULL) < 0 ||
	    shmipc_shm_open(ipc, &shm, argv[1], 100, SHMIPC_CREATE, 0600) < 0 ||
	    shmipc_sem_open(ipc, &sem, argv[1], 1, SHMIPC_CREATE, 0600) < 0 ||
	    shmipc_sem_wait(sem) < 0)
		goto failed;
	strcpy((char *)shmipc_shm_addr(shm), "installed");
	if (shmipc_sem_post(sem) < 0 || shmipc_sem_unlink(ipc, argv[1]) < 0 ||
	    shmipc_shm_unlink(ipc, argv[1]) < 0)
		goto failed;
	printf("%s %s: %s\n", shmipc_backend_name(ipc), shmipc_version(),
	       (char *)shmipc_shm_addr(shm));
	shmipc_sem_close(sem);
	shmipc_shm_close(shm);
	shmipc_close(ipc);
	return 0;
failed:
	fprintf(stderr, "%s\n", shmipc_errmsg());
	return 1;
}
END
cp t.c t.cc

flags="-Wall -Wextra -Werror"
# shellcheck disable=SC2086,SC2046 # words are meant
build() {
	set -x
	${CC:-cc} $flags -o shared t.c $(pkg-config --cflags --libs shmipc)
	${CXX:-c++} $flags -o cplusplus t.cc \
		$(pkg-config --cflags --libs shmipc)
	if [ -e "$libdir/libshmipc.a" ]; then
		${CC:-cc} $flags -static -o static t.c \
			$(pkg-config --cflags --libs --static shmipc)
	fi
	for example in frames pool once; do
		${CC:-cc} $flags -std=c11 -pedantic -o $example \
			"$examples/$example.c" \
			$(pkg-config --cflags --libs shmipc)
	done
	set +x
}
build

# With CMake: from a copy elsewhere, as a package that is unpacked, and so that
# it is this copy that is taken. In C, and in C++ alone.
config=$tmp/moved$libdir/cmake/shmipc
move() {
	includedir=$(pkg-config --variable=includedir shmipc)
	mkdir -p "moved$libdir/cmake" "moved$includedir"
	cp -RP "$libdir"/libshmipc.* "moved$libdir"
	cp -R "$libdir/cmake/shmipc" "moved$libdir/cmake"
	cp "$includedir"/shmipc*.h "moved$includedir"
}

# NAME LANGUAGE SOURCE VERSION
configure() {
	mkdir "$1"
	cp "$3" "$1"
	cat >"$1/CMakeLists.txt" <<-END
		cmake_minimum_required(VERSION 3.10)
		project($1 LANGUAGES $2)
		find_package(shmipc $4 REQUIRED)
		add_executable(shared $3)
		target_link_libraries(shared PRIVATE shmipc::shmipc)
		if(TARGET shmipc::static)
			add_executable(static $3)
			target_link_libraries(static
				PRIVATE -static shmipc::static)
		endif()
	END
	cmake -S "$1" -B "$1" -Dshmipc_DIR="$config" >"$1/log" 2>&1
}

build_by_cmake() {
	configure "$@" && make -C "$1" >>"$1/log" 2>&1 || {
		cat "$1/log"
		exit 1
	}
	program=$(LD_LIBRARY_PATH='' ldd "$1/shared" 2>&1) || program=none
	case $program in
	*"$tmp/moved"* | *'not a dynamic'*) ;;
	*) echo "install.sh: CMake took another library: $program" && exit 1 ;;
	esac
}

if command -v cmake >/dev/null; then
	move
	build_by_cmake in_c C t.c 0.1
	build_by_cmake in_cplusplus CXX t.cc 0.1.0
	for version in 0.2 1.0; do
		configure "in_$version" C t.c $version || continue
		echo "install.sh: CMake takes it for version $version"
		exit 1
	done
else
	echo "install.sh: no cmake: not tried"
fi

for program in shared cplusplus static in_c/shared in_c/static \
	in_cplusplus/shared in_cplusplus/static; do
	[ -x $program ] || continue
	for backend in posix sysv memfd; do
		out=$(SHMIPC_BACKEND=$backend ./$program "t.$$.install")
		echo "$program: $out"
		[ "${out%% *}" = $backend ]
	done
done

# Its broker has a directory of its own, and leaves by itself.
for _ in $(seq 100); do
	[ -e "$tmp/run/sock" ] || exit 0
	sleep 0.1
done
echo "install.sh: the broker has not left" >&2
exit 1
