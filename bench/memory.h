/* SPDX-License-Identifier: MIT */
/* Memory without a library: one object at a time, as one would write it. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "bench/bench.h"

struct raw_memory {
	const char *name;
	/* A new named object, mapped; its pages reserved, if possible. */
	void *(*create)(size_t size, bool reserved);
	/* Map the one that there is, once more or again. */
	void *(*open)(size_t size);
	/* Unmap it, and close what open or create has left open. */
	void (*close)(void *addr, size_t size);
	/* The name goes. */
	void (*unlink)(void);
	/* Of a process that keeps names; or both NULL. */
	void (*begin)(void);
	void (*end)(void);
};

/*
 * Those to compare the backend with: the first counts, the second, if there is
 * one, is for information. Returns how many.
 */
unsigned memory_of_backend(const struct raw_memory *ret[2]);

/* ---- a broker, the least that is one: keeper.c --------------------------- */

/*
 * It sleeps until it is asked, keeps one descriptor, and hands it out. Each
 * call is one round trip.
 */
void keeper_begin(void);
void keeper_end(void);
void keeper_put(int fd);
int keeper_get(void);
void keeper_drop(void);

#endif
