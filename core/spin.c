/* SPDX-License-Identifier: MIT */
/* Spinning before sleeping, as long as it pays: see spin.h. */
#include <config.h>

#include <sched.h>
#include <time.h>

#include "spin.h"

/* Looks without a system call: 1 to 2 us. */
#define CLOSE_LOOKS 40

/* The length of a trial: about the cost of a sleep on another core. */
#define TRIAL_NS 25000

/*
 * The number of waits that skip spinning after a trial of this cost: it stays
 * below a 64th of the time they take, at 10 us each.
 */
#define SKIP(ns) ((ns) / 10000 * 64)

/* The longest time, in ns, that another thread keeps a core. */
#define COST_MAX 20000000

/* How often close looks are left out after a yield has helped. */
#define YIELDS 32

static uint32_t get(_Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void set(_Atomic uint32_t *word, uint32_t to)
{
	atomic_store_explicit(word, to, memory_order_relaxed);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Let the core's other hardware thread run, and save power. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

static bool look_closely(bool (*found)(void *arg), void *arg)
{
	for (int i = 0; i < CLOSE_LOOKS; i++) {
		if (found(arg))
			return true;
		relax();
	}
	return false;
}

/* Set how many waits skip; the cost is capped in case we were stopped. */
static void save(struct shmi_spin *spin, int64_t ns)
{
	set(&spin->skip, (uint32_t)SKIP(ns < COST_MAX ? ns : COST_MAX));
	set(&spin->yields, 0);
}

bool shmi_spin(struct shmi_spin *spin, bool (*found)(void *arg), void *arg)
{
	uint32_t skip = get(&spin->skip), yields = get(&spin->yields);
	bool is_found;
	int64_t start, took;

	if (skip) {
		set(&spin->skip, skip - 1);
		return false;
	}
	if (yields)
		set(&spin->yields, yields - 1);
	else if (look_closely(found, arg))
		return true;
	start = now_ns();
	do {
		sched_yield();
		is_found = found(arg);
		took = now_ns() - start;
	} while (!is_found && took < TRIAL_NS);
	/* Even if found: another thread had the core, so it did not pay. */
	if (took >= TRIAL_NS)
		save(spin, took);
	else if (!yields)
		set(&spin->yields, YIELDS);
	return is_found;
}
