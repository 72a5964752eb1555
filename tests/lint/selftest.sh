#!/bin/sh
# SPDX-License-Identifier: MIT
# The rules find what they are for. In a copy of the sources, each case adds a
# file with one fault: its rule must fail and must say where and why. Then the
# file comes without the fault, and the rule must not mention it.
set -u
. "$(dirname "$0")/files.sh"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
failed=0
cases=0

complain() {
	echo "selftest.sh: $*"
	failed=1
}

# shellcheck disable=SC2046 # no name has a blank in it
tar -cf - $(c_files util core backends include tools) |
	tar -xf - -C "$tmp" || exit 1

# plant FILE: standard input after the head that each source has.
plant() {
	mkdir -p "$tmp/$(dirname "$1")"
	{
		echo "/* SPDX-License-Identifier: MIT */"
		cat
	} >"$tmp/$1"
}

# finds RULE FILE:LINE MESSAGE: the rule fails on the file, and says this.
finds() {
	cases=$((cases + 1))
	sh "$lint/$1.sh" "$tmp" >"$tmp/out" 2>&1 &&
		complain "$1 passes with a fault in $2"
	if grep -F "$2: " "$tmp/out" | grep -qF "$3"; then
		grep -F "$2: " "$tmp/out" | grep -F "$3"
	else
		complain "$1 does not find: $2: $3"
	fi
}

# passes RULE FILE: nothing is said of the file; it is removed.
passes() {
	sh "$lint/$1.sh" "$tmp" >"$tmp/out" 2>&1
	grep -F "$2" "$tmp/out" && complain "$1: a false finding in $2"
	rm "$tmp/$2"
}

# ---- layers

plant backends/posix/planted.c <<'END'
#include <shmipc-backend.h>
#include "core/header.h"
END
finds layers backends/posix/planted.c:3 'must not include "core/header.h"'
plant backends/posix/planted.c <<'END'
#include <errno.h>
#include <shmipc-backend.h>
#include "util/clock.h"
/* #include "core/header.h" */
END
passes layers backends/posix/planted.c

plant util/planted.c <<'END'
#include <config.h>
#include "../core/object.h"
END
finds layers util/planted.c:3 "must not include"
plant util/planted.c <<'END'
#include <config.h>
END
passes layers util/planted.c

plant core/planted.c <<'END'
#include "backends/planted.h"
END
finds layers core/planted.c:2 "must not include"
plant core/planted.c <<'END'
int f(void)
{
	return shmget(1, 2, 3);
}
END
finds layers core/planted.c:4 "only one backend may: shmget"
plant core/planted.c <<'END'
static const char *const preferred = "sysv";
END
finds layers core/planted.c:2 "names a backend"
plant core/planted.c <<'END'
/* Not as shmget(2) on sysv. */
int f(void)
{
	return posix_madvise(0, 0, 0) + shmipc_semop(0) + ops->semop(0);
}
END
passes layers core/planted.c

plant backends/memfd/planted.c <<'END'
static const size_t at = offsetof(
	struct shmi_header, name);
END
finds layers backends/memfd/planted.c:3 "an offset into struct shmi_header"
plant backends/memfd/planted.c <<'END'
static const size_t at = offsetof(struct packet, name);
END
passes layers backends/memfd/planted.c

# ---- kinds

plant backends/sysv/planted.c <<'END'
int f(int kind)
{
	return kind == 1;
}
END
finds kinds backends/sysv/planted.c:4 "kind =="
plant backends/sysv/planted.c <<'END'
int f(struct object *o)
{
	return 1 != o->kind;
}
END
finds kinds backends/sysv/planted.c:4 "kind =="
plant backends/sysv/planted.c <<'END'
int f(struct object *o)
{
	o->kind = 1; /* not kind == 2 */
	return o->mankind == 1 || o->ready == kind_of(o);
}
END
passes kinds backends/sysv/planted.c

plant core/planted.c <<'END'
int f(int kind)
{
	switch (kind) {
	case SHMIPC_SEM:
		return 1;
	}
	return kind == SHMIPC_SHM;
}
END
finds kinds core/planted.c:4 "a switch over kinds"
finds kinds core/planted.c:5 "a comparison with one kind"
finds kinds core/planted.c:8 "a comparison with one kind"
plant core/planted.c <<'END'
int f(struct object *a, struct object *b)
{
	return a->kind != b->kind && a->flags == SHMIPC_SEM_MAX;
}
END
passes kinds core/planted.c

# ---- circles

plant util/planted_b.c <<'END'
#include "planted.h"
END
plant util/planted_b.h <<'END'
END
plant util/planted.h <<'END'
#include "util/planted_b.h"
END
finds circles util/planted_b.c:2 \
	"util/planted -> util/planted_b -> util/planted"
plant util/planted.h <<'END'
#include <errno.h>
END
passes circles util/planted.h
rm "$tmp/util/planted_b.c" "$tmp/util/planted_b.h"

# ---- statics

plant util/planted_b.h <<'END'
static inline int planted_twice(void)
{
	return 0;
}
END
plant util/planted.c <<'END'
static const struct planted *
planted_twice(const char *name)
{
	return NULL;
}
END
finds statics util/planted_b.h:2 "planted_twice() exists in util/planted.c:2"
plant util/planted.c <<'END'
static int planted_twice(void);
static int (*const planted_twice)(void) = { 0 };
static int planted_once(void)
{
	static int planted_twice;
}
END
passes statics util/planted.c
rm "$tmp/util/planted_b.h"

# ---- prose

plant core/planted.h <<'END'
/* The name of the object. Who has it open goes
 * on. */
END
finds prose core/planted.h:2 'headless "Who"'
finds prose core/planted.h:2 '"goes on"'
plant core/planted.h <<'END'
/* Who may write it can destroy it. */
END
finds prose core/planted.h:2 'headless "Who"'
plant core/planted.h <<'END'
/* Who may write it? What is an owner? */
const char *const he = "he" /* not: there is
 * none */;
END
finds prose core/planted.h:3 'a process is "it"'
finds prose core/planted.h:3 '"none" without a noun'
plant core/planted.h <<'END'
/* Who may write it? What is an owner? None: such a thing does not exist. */
const char *const he = "the user who waits";
END
passes prose core/planted.h

# ---- style

echo "int a; " | plant core/planted.c
finds style core/planted.c:2 "blanks at the end"
printf '\t/* %70s */\n' . | plant core/planted.c
finds style core/planted.c:2 "more than 80 columns"
printf '/* %sME */\n' FIX | plant core/planted.c
finds style core/planted.c:2 "left to do"
echo 'int a;' >"$tmp/core/planted.c"
finds style core/planted.c:1 "no SPDX"
printf '\t/* %66s */\n' . | plant core/planted.c
passes style core/planted.c

[ $failed -ne 0 ] || echo "selftest: $cases faults planted, all found"
exit $failed
