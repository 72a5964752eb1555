/* SPDX-License-Identifier: MIT */
/* Looking again before sleeping, as long as it pays: see spin.h. */
#include <config.h>

#include <sched.h>
#include <time.h>

#include "spin.h"

/* Looks without a system call: 1 to 2 us. */
#define CLOSE_LOOKS 40

/* The end of a trial. About what a sleep on another core costs. */
#define TRIAL_NS 25000

/*
 * How many waits go without after a trial that cost so much: it is not more
 * than a 64th of what they take, at 10 us each.
 */
#define SKIP(ns) ((ns) / 10000 * 64)

/* What somebody else keeps a core for is not longer, in ns. */
#define COST_MAX 20000000

/* Where giving the core away has helped, how often close looks are left out. */
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

/* Let the other thread of a core with two have it, and save power. */
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

/* Save what it has cost before the next trial, unless we were stopped. */
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
	/* Found, but somebody else had the core meanwhile: in vain. */
	if (took >= TRIAL_NS)
		save(spin, took);
	else if (!yields)
		set(&spin->yields, YIELDS);
	return is_found;
}
