/* SPDX-License-Identifier: MIT */
/*
 * Samples: taking them in turns, and what they say.
 *
 * A sample is the mean of a batch, so a p99 is about batches and not about
 * single operations: it says how noisy the machine was.
 */
#include <stdlib.h>
#include <time.h>

#include "bench/bench.h"

#define WARM_UP 2

double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void samples_add(struct samples *to, double value)
{
	if (to->count == to->room) {
		to->room = to->room ? 2 * to->room : 64;
		to->list = realloc(to->list, to->room * sizeof(*to->list));
		if (!to->list)
			fail("no memory for samples");
	}
	to->list[to->count++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void samples_sum_up(struct samples *s)
{
	qsort(s->list, s->count, sizeof(*s->list), by_value);
	s->median = (s->list[(s->count - 1) / 2] + s->list[s->count / 2]) / 2;
	s->p99 = s->list[(s->count - 1) * 99 / 100];
	/* An hour for one operation: the clock, or we, went wrong. */
	if (!(s->median > 0) || s->median > 3.6e12)
		fail("a median of %g is not sane", s->median);
}

void samples_free(struct samples *s)
{
	free(s->list);
	*s = (struct samples){ .list = NULL };
}

/* One of each. A different side is first each time, since that may matter. */
static void take_turns(struct side *sides, unsigned count, unsigned first)
{
	for (unsigned i = 0; i < count; i++) {
		struct side *side = &sides[(first + i) % count];

		samples_add(&side->samples, side->sample(side));
	}
	progress();
}

void contest(struct side *sides, unsigned count)
{
	double end;

	for (unsigned i = 0; i < WARM_UP; i++)
		for (unsigned s = 0; s < count; s++)
			sides[s].sample(&sides[s]);
	end = now_ns() + plan->seconds * 1e9;
	for (unsigned i = 0; i < plan->least || now_ns() < end; i++)
		take_turns(sides, count, i);
	for (unsigned s = 0; s < count; s++)
		samples_sum_up(&sides[s].samples);
}
