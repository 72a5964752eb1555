/* SPDX-License-Identifier: MIT */
/*
 * Numbers that nobody else draws: a random start, a count, and what tells a
 * forked child from its parent, and from a later one with the same process id.
 */
#include <config.h>

#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>

#include "random.h"

/* Steps of 2^64 / golden ratio come near no earlier one for long. */
#define STEP UINT64_C(0x9e3779b97f4a7c15)

/* Each bit of x changes half of the result's: the end of MurmurHash3. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/* Where the count starts. If there is no randomness, the rest has to do. */
static uint64_t draw_start(void)
{
	uint64_t start = 0;

	(void)!getrandom(&start, sizeof(start), 0);
	return start | 1;
}

uint64_t shmi_random(pid_t self)
{
	static _Atomic uint64_t count; /* 0: it has not started */
	uint64_t none = 0, at;
	struct timespec now;

	/* Relaxed: it orders nothing. Of two who start it, one does. */
	if (atomic_load_explicit(&count, memory_order_relaxed) == 0)
		(void)atomic_compare_exchange_strong_explicit(
			&count, &none, draw_start(), memory_order_relaxed,
			memory_order_relaxed);
	at = atomic_fetch_add_explicit(&count, STEP, memory_order_relaxed);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return mix(at ^ mix((uint64_t)self << 32 ^ (uint64_t)now.tv_sec << 30 ^
			    (uint64_t)now.tv_nsec));
}
