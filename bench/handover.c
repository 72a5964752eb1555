/* SPDX-License-Identifier: MIT */
/*
 * Some processes that all want the same unit, for a while: what a turn costs
 * (wait, a few instructions inside, post), and whether each gets its share.
 * They run wherever the system puts them. A process that has just left may come
 * in again before the sleepers: no order is promised, so a cheap turn may be an
 * unfair one. Both are shown.
 */
#include <stdio.h>
#include <time.h>

#include "bench/gate.h"

#define CROWD_MAX 16

/* Each worker writes its own count; the holder of the unit writes inside. */
struct shared {
	_Atomic bool over;
	volatile unsigned long inside;
	struct {
		_Alignas(128) volatile unsigned long count;
	} turns[CROWD_MAX];
};

struct crowd {
	struct gate gate;
	struct shared *shared;
	unsigned size;
	struct worker workers[CROWD_MAX];
};

static void take_turns(struct worker *self)
{
	struct crowd *crowd = self->arg;
	struct shared *shared = crowd->shared;
	struct gate *g = &crowd->gate;

	g->kind->join(g);
	answer(self);
	while (get_order(self)) {
		while (!atomic_load_explicit(&shared->over,
					     memory_order_relaxed)) {
			g->kind->wait(g);
			shared->inside++;
			shared->turns[self->index].count++;
			g->kind->post(g);
		}
		answer(self);
	}
	g->kind->leave(g);
}

static double sample(struct side *side)
{
	const struct timespec slice = { .tv_nsec = plan->quick ? 5000000
							       : 50000000 };
	struct crowd *crowd = side->arg;
	struct shared *shared = crowd->shared;
	unsigned long before;
	double start, turns;

	atomic_store(&shared->over, false);
	for (unsigned i = 0; i < crowd->size; i++)
		give_order(&crowd->workers[i], 1);
	before = shared->inside;
	start = now_ns();
	nanosleep(&slice, NULL);
	turns = (double)(shared->inside - before);
	start = now_ns() - start;
	atomic_store(&shared->over, true);
	for (unsigned i = 0; i < crowd->size; i++)
		await_answer(&crowd->workers[i]);
	return start / (turns > 0 ? turns : 1);
}

static void begin(struct crowd *crowd, const struct gate_kind *kind,
		  unsigned size)
{
	gate_make(&crowd->gate, kind, 1);
	crowd->shared = share(sizeof(*crowd->shared));
	crowd->size = size;
	for (unsigned i = 0; i < size; i++) {
		crowd->workers[i] = (struct worker){
			.core = -1,
			.work = take_turns,
			.arg = crowd,
			.index = i,
		};
		start_worker(&crowd->workers[i]);
	}
}

static void end(struct crowd *crowd)
{
	for (unsigned i = 0; i < crowd->size; i++)
		end_worker(&crowd->workers[i]);
}

/* Least / most. */
static double fairness(const struct crowd *crowd)
{
	struct shared *shared = crowd->shared;
	unsigned long least = shared->turns[0].count, most = least, sum = 0;

	for (unsigned i = 0; i < crowd->size; i++) {
		unsigned long n = shared->turns[i].count;

		sum += n;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	if (sum != shared->inside)
		fail("%s: two were inside at once", crowd->gate.kind->name);
	return most ? (double)least / (double)most : 0;
}

static void compare(const struct gate_kind *ours, const struct gate_kind *raw,
		    unsigned size)
{
	static struct crowd crowds[2];
	struct side sides[2] = {
		{ .name = ours->name, .sample = sample, .arg = &crowds[0] },
		{ .name = raw->name, .sample = sample, .arg = &crowds[1] },
	};
	struct comparison c = { .unit = "ns" };

	snprintf(c.against, sizeof(c.against), "%s", raw->name);
	begin(&crowds[0], ours, size);
	begin(&crowds[1], raw, size);
	contest(sides, 2);
	c.ours = sides[0].samples.median;
	c.ours_p99 = sides[0].samples.p99;
	c.raw = sides[1].samples.median;
	c.raw_p99 = sides[1].samples.p99;
	c.samples = sides[0].samples.count;
	/* All workers have what was open when they were started. */
	for (int i = 0; i < 2; i++)
		end(&crowds[i]);
	c.fair = fairness(&crowds[0]);
	c.raw_fair = fairness(&crowds[1]);
	judge_this(&c);
	for (int i = 0; i < 2; i++)
		gate_drop(&crowds[i].gate);
	samples_free(&sides[0].samples);
	samples_free(&sides[1].samples);
}

void row_handover_2(void)
{
	compare(&gate_shmipc, gate_of_backend(), 2);
}

void row_handover_4(void)
{
	compare(&gate_shmipc, gate_of_backend(), 4);
}

void row_handover_16(void)
{
	compare(&gate_shmipc, gate_of_backend(), 16);
}

void row_lock_handover_2(void)
{
	compare(&gate_lock, &gate_mutex, 2);
}

void row_lock_handover_4(void)
{
	compare(&gate_lock, &gate_mutex, 4);
}

void row_lock_handover_16(void)
{
	compare(&gate_lock, &gate_mutex, 16);
}
