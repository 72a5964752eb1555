/* SPDX-License-Identifier: MIT */
/*
 * Unique numbers: a random start, a count, and input that differs between a
 * forked child, its parent, and a later child with the same process id.
 */
#include <config.h>

#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

#include "random.h"

/* Steps of 2^64 / golden ratio stay far from earlier values for long. */
#define STEP UINT64_C(0x9e3779b97f4a7c15)

/* Each bit of x changes half of the result's bits: MurmurHash3's finalizer. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/* The start of the count. Without randomness, the other inputs must do. */
static uint64_t draw_start(void)
{
	uint64_t start = 0;

	(void)!getrandom(&start, sizeof(start), 0);
	return start | 1;
}

uint64_t shmi_random(pid_t self)
{
	static _Atomic uint64_t count; /* 0: not started */
	uint64_t none = 0, at;
	struct timespec now;

	/* Relaxed: it orders nothing. If two threads start it, one wins. */
	if (atomic_load_explicit(&count, memory_order_relaxed) == 0)
		(void)atomic_compare_exchange_strong_explicit(
			&count, &none, draw_start(), memory_order_relaxed,
			memory_order_relaxed);
	at = atomic_fetch_add_explicit(&count, STEP, memory_order_relaxed);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return mix(at ^ mix((uint64_t)self << 32 ^ (uint64_t)now.tv_sec << 30 ^
			    (uint64_t)now.tv_nsec));
}
