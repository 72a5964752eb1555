/* SPDX-License-Identifier: MIT */
/* The slow half of a semaphore. The protocol: semword.h. */
#include <config.h>

#include <stdio.h>

#include "error.h"
#include "peek.h"
#include "semword.h"
#include "util/clock.h"

#define MARK SHMI_SEMWORD_MARK

/*
 * W1 to W3 of a waiter that is about to sleep, or has slept. Returns the units
 * left after taking one, or -EAGAIN with MARK set.
 */
static int64_t take_or_mark(struct shmi_header *h, bool slept)
{
	uint32_t word = shmi_semword_look(h);

	for (;;) {
		if (word & ~MARK) {
			uint32_t taken = (word - 1) | (slept ? MARK : 0);

			/* [W1] acquire: partner is P1's release. */
			if (shmi_semword_swap(h, &word, taken,
					      memory_order_acquire))
				return taken & ~MARK;
		} else {
			/* [W3] relaxed: it carries no data. */
			if (word & MARK ||
			    shmi_semword_swap(h, &word, MARK,
					      memory_order_relaxed))
				return -EAGAIN;
		}
	}
}

static bool take_unit(void *header)
{
	return shmi_semword_trywait(header) == 0;
}

int shmi_semword_wait_slowly(struct shmipc_segment *seg, struct shmi_spin *spin,
			     const struct timespec *deadline)
{
	struct shmi_header *h = shmi_header_of(seg);

	shmi_error_begin();
	if (deadline && shmi_clock_reached(deadline))
		return -ETIMEDOUT;
	if (shmi_spin(spin, take_unit, h))
		return 0;
	for (bool slept = false;; slept = true) {
		int64_t left = take_or_mark(h, slept);
		struct timespec wake;
		int r;

		if (left >= 0) {
			/* [W2] */
			if (slept && left > 0)
				seg->backend->ksem_post(seg, 0);
			return 0;
		}
		if (deadline && shmi_clock_reached(deadline))
			return -ETIMEDOUT;
		wake = shmi_clock_recheck(deadline);
		/* [W4] */
		r = seg->backend->ksem_wait(seg, 0, &wake);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
	}
}

void shmi_semword_wake(struct shmipc_segment *seg)
{
	int saved = errno; /* a signal handler must keep it */

	seg->backend->ksem_post(seg, 0);
	errno = saved;
}

void shmi_semword_state(const struct shmi_header *header,
			struct shmipc_info *ret)
{
	ret->value = shmi_semword_value(header);
	snprintf(ret->state, sizeof(ret->state), "%u", ret->value);
}
