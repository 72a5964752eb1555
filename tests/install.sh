#!/bin/sh
# SPDX-License-Identifier: MIT
# make installcheck: a program outside of the tree, built as its author would
# build it, against what is installed, and run on every backend.
#
# usage: install.sh LIBDIR; CC and CXX say which compilers.
set -eu
libdir=$1
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
	${CXX:-c++} $flags -o cplusplus t.cc $(pkg-config --cflags --libs shmipc)
	if [ -e "$libdir/libshmipc.a" ]; then
		${CC:-cc} $flags -static -o static t.c \
			$(pkg-config --cflags --libs --static shmipc)
	fi
	set +x
}
build

for program in shared cplusplus static; do
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
