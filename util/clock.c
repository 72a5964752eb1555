/* SPDX-License-Identifier: MIT */
/* Points in time, on CLOCK_MONOTONIC, which cannot be set. */
#include <config.h>

#include <errno.h>

#include "clock.h"

#define NS_PER_S 1000000000L

static struct timespec now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t;
}

struct timespec shmi_clock_in(long ms)
{
	struct timespec t = now();

	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= NS_PER_S) {
		t.tv_sec++;
		t.tv_nsec -= NS_PER_S;
	}
	return t;
}

bool shmi_clock_before(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec;
	return a->tv_nsec < b->tv_nsec;
}

bool shmi_clock_reached(const struct timespec *when)
{
	struct timespec t = now();

	return !shmi_clock_before(&t, when);
}

struct timespec shmi_clock_left(const struct timespec *when)
{
	struct timespec t = now(), left = { 0, 0 };

	if (!shmi_clock_before(&t, when))
		return left;
	left.tv_sec = when->tv_sec - t.tv_sec;
	left.tv_nsec = when->tv_nsec - t.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_sec--;
		left.tv_nsec += NS_PER_S;
	}
	return left;
}

struct timespec shmi_clock_recheck(const struct timespec *deadline)
{
	struct timespec recheck = shmi_clock_in(SHMI_RECHECK_MS);

	if (deadline && shmi_clock_before(deadline, &recheck))
		return *deadline;
	return recheck;
}

void shmi_clock_back_off(unsigned attempt)
{
	struct timespec t = now();
	long bound = 50000L << (attempt < 5 ? attempt : 5);

	/* The clock's low digits are random enough for two processes. */
	t.tv_nsec = bound / 2 + t.tv_nsec % (bound / 2 + 1);
	t.tv_sec = 0;
	(void)nanosleep(&t, NULL); /* a signal may shorten it */
}

bool shmi_try_again(struct shmi_tries *tries, int *r)
{
	if (*r != -EAGAIN)
		return false;
	if (tries->count == 0)
		tries->until = shmi_clock_in(SHMI_PEER_TIMEOUT_MS);
	if (shmi_clock_reached(&tries->until)) {
		*r = -ETIMEDOUT;
		return false;
	}
	shmi_clock_back_off(tries->count++);
	return true;
}
