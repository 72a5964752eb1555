/* SPDX-License-Identifier: MIT */
/* How long things take. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/broker/broker.h"

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void nap_us(unsigned us)
{
	const struct timespec pause = { .tv_sec = us / 1000000,
					.tv_nsec = us % 1000000 * 1000L };

	nanosleep(&pause, NULL);
}

void latency_add(struct latency *to, uint64_t ns)
{
	unsigned long n = atomic_fetch_add(&to->count, 1);

	to->ns[n % SAMPLES] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

double latency_us(struct latency *of, unsigned permille)
{
	unsigned long n = atomic_load(&of->count);

	if (n > SAMPLES)
		n = SAMPLES;
	if (n == 0)
		return 0;
	qsort(of->ns, n, sizeof(of->ns[0]), compare);
	return of->ns[(n - 1) * permille / 1000] / 1e3;
}

#ifndef __has_feature
#define __has_feature(x) 0
#endif

bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
	return true;
#else
	return false;
#endif
}

static bool undisturbed;

static bool schedule(int policy, int priority)
{
	const struct sched_param p = { .sched_priority = priority };

	return sched_setscheduler(0, policy, &p) == 0;
}

void be_undisturbed(void)
{
	undisturbed = schedule(SCHED_FIFO, 1);
}

void be_disturbed(void)
{
	(void)schedule(SCHED_OTHER, 0);
}

bool times_count(void)
{
	const char *form = getenv("SHMIPC_STRESS");

	return form && strcmp(form, "long") == 0 && undisturbed &&
	       !is_sanitized();
}
