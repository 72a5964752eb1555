/* SPDX-License-Identifier: MIT */
/*
 * For authors of gates. Each kind's loop of pairs calls its primitive directly:
 * a call by pointer would cost a good part of the time that is measured. The
 * library's and glibc's functions are called in the same way, through the
 * program's PLT.
 */
#ifndef BENCH_KIND_H
#define BENCH_KIND_H

/* A page for each, so that two never share a cache line. */
#define GATE_MEMORY 4096

#define PAIRS_OF(kind)                                                         \
	static void kind##_pairs(struct gate *g, unsigned count)               \
	{                                                                      \
		while (count--) {                                              \
			kind##_wait(g);                                        \
			kind##_post(g);                                        \
		}                                                              \
	}

#define KIND(kind)                                                             \
	{                                                                      \
		.name = #kind, .make = kind##_make, .join = kind##_join,       \
		.leave = kind##_leave, .wait = kind##_wait,                    \
		.post = kind##_post, .pairs = kind##_pairs,                    \
		.drop = kind##_drop                                            \
	}

#endif
