/* SPDX-License-Identifier: MIT */
/* A counting semaphore in one shared word. The protocol: semword.h. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>

#include "clock.h"
#include "object.h"
#include "semword.h"

#define MARK SHMI_SEMWORD_MARK

static_assert(SHMIPC_SEM_VALUE_MAX < MARK, "the mark has a bit of its own");

/* On failure *word is what is there now. */
static bool swap(struct shmi_header *h, uint32_t *word, uint32_t wanted,
		 memory_order order)
{
	return atomic_compare_exchange_weak_explicit(
		&h->value, word, wanted, order, memory_order_relaxed);
}

/* Relaxed: a look only; the swap that follows decides. */
static uint32_t look(struct shmi_header *h)
{
	return atomic_load_explicit(&h->value, memory_order_relaxed);
}

unsigned shmi_semword_value(struct shmi_header *h)
{
	return look(h) & ~MARK;
}

int shmi_semword_trywait(struct shmi_header *h)
{
	uint32_t word = look(h);

	while (word & ~MARK)
		/* [W1] acquire: partner is P1's release. */
		if (swap(h, &word, word - 1, memory_order_acquire))
			return 0;
	return -EAGAIN;
}

/*
 * W1 to W3 of one that is about to sleep, or has slept. Returns the units
 * that are left after taking one, or -EAGAIN with MARK set.
 */
static int64_t take_or_mark(struct shmi_header *h, bool slept)
{
	uint32_t word = look(h);

	for (;;) {
		if (word & ~MARK) {
			uint32_t taken = (word - 1) | (slept ? MARK : 0);

			/* [W1] acquire: partner is P1's release. */
			if (swap(h, &word, taken, memory_order_acquire))
				return taken & ~MARK;
		} else {
			/* [W3] relaxed: it carries no data. */
			if (word & MARK ||
			    swap(h, &word, MARK, memory_order_relaxed))
				return -EAGAIN;
		}
	}
}

/* The next time to look, also if nobody wakes us. */
static struct timespec wake_time(const struct timespec *deadline)
{
	struct timespec slice = shmi_clock_in(SHMI_SEMWORD_SLICE);

	if (deadline && shmi_clock_before(deadline, &slice))
		return *deadline;
	return slice;
}

static int wait_slowly(struct shmipc_segment *seg,
		       const struct timespec *deadline)
{
	struct shmi_header *h = shmi_header_of(seg);

	for (bool slept = false;; slept = true) {
		int64_t left = take_or_mark(h, slept);
		struct timespec wake;
		int r;

		if (left >= 0) {
			/* [W2] */
			if (slept && left > 0)
				seg->backend->place_post(seg);
			return 0;
		}
		if (deadline && shmi_clock_reached(deadline))
			return -ETIMEDOUT;
		wake = wake_time(deadline);
		/* [W4] */
		r = seg->backend->place_wait(seg, &wake);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
	}
}

int shmi_semword_wait(struct shmipc_segment *seg,
		      const struct timespec *deadline)
{
	if (shmi_semword_trywait(shmi_header_of(seg)) == 0)
		return 0;
	return wait_slowly(seg, deadline);
}

int shmi_semword_post(struct shmipc_segment *seg)
{
	struct shmi_header *h = shmi_header_of(seg);
	uint32_t word = look(h);

	do {
		if ((word & ~MARK) == SHMIPC_SEM_VALUE_MAX)
			return -EOVERFLOW;
		/* [P1] release: partners are both [W1]. */
	} while (!swap(h, &word, (word & ~MARK) + 1, memory_order_release));

	/* [P2] */
	if (word & MARK)
		seg->backend->place_post(seg);
	return 0;
}
