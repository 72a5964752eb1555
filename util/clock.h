/* SPDX-License-Identifier: MIT */
/* Points in time, on CLOCK_MONOTONIC. */
#ifndef SHMI_CLOCK_H
#define SHMI_CLOCK_H

#include <stdbool.h>
#include <time.h>

/* The time that a peer gets to finish what we wait for (contract). */
#define SHMI_PEER_TIMEOUT_MS 5000

/* The recheck interval, the longest sleep: half the second promised. */
#define SHMI_RECHECK_MS 500

/* The time this many milliseconds from now. */
struct timespec shmi_clock_in(long ms);

static inline bool shmi_clock_is_valid(const struct timespec *t)
{
	return t->tv_nsec >= 0 && t->tv_nsec <= 999999999;
}

/* Is this point in time, with a valid tv_nsec, not in the future? */
bool shmi_clock_reached(const struct timespec *when);

/* a before b? */
bool shmi_clock_before(const struct timespec *a, const struct timespec *b);

/* The time left until then; 0 if it is reached. */
struct timespec shmi_clock_left(const struct timespec *when);

/*
 * The time when a sleeper looks again even if it is not woken: its deadline
 * (NULL: none), but at most the recheck interval from now.
 */
struct timespec shmi_clock_recheck(const struct timespec *deadline);

/*
 * Sleep a little before looking again for a peer's result, or before retrying
 * after two processes got in each other's way; longer with every attempt (0, 1,
 * ...), up to about 2 ms, and slightly random.
 */
void shmi_clock_back_off(unsigned attempt);

/*
 * Retrying until the peer timeout. Zero this before the first try, which needs
 * no clock:
 *
 *	do
 *		r = ...;
 *	while (shmi_try_again(&tries, &r));
 */
struct shmi_tries {
	struct timespec until;
	unsigned count;
};

/* If *r is -EAGAIN: sleep a little and return true, or make it -ETIMEDOUT. */
bool shmi_try_again(struct shmi_tries *tries, int *r);

#endif
