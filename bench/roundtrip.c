/* SPDX-License-Identifier: MIT */
/*
 * Two processes that wake each other by turns, over two gates: how long there
 * and back takes, on two cores and on one.
 */
#include <sched.h>

#include "bench/gate.h"

#define SIDES_MAX 5

/*
 * Batches of those whose ratio is judged must take equally long: a long one is
 * hit by any other process that wants the core, and a short one mostly is not.
 * A trip takes some microseconds on one core. On two it takes a fraction of one
 * if nobody sleeps, else 10 and more.
 */
#define BATCH	    50
#define BATCH_AWAKE 1000

struct trip {
	_Atomic bool *awake; /* shared: the partner is, and has its order */
	struct gate there, back;
	struct worker partner;
};

static void echo(struct worker *self)
{
	struct trip *trip = self->arg;
	unsigned count;

	trip->there.kind->join(&trip->there);
	trip->back.kind->join(&trip->back);
	answer(self);
	while ((count = get_order(self))) {
		atomic_store(trip->awake, true);
		while (count--) {
			trip->there.kind->wait(&trip->there);
			trip->back.kind->post(&trip->back);
		}
	}
	trip->there.kind->leave(&trip->there);
	trip->back.kind->leave(&trip->back);
}

static void go(struct trip *trip)
{
	trip->there.kind->post(&trip->there);
	trip->back.kind->wait(&trip->back);
}

/*
 * Both are awake when the first wait begins: how long a partner takes to get
 * here is not the question, and a wait that learns from what it meets would
 * learn the wrong thing.
 */
static double sample(struct side *side)
{
	struct trip *trip = side->arg;
	double start;

	atomic_store(trip->awake, false);
	give_order(&trip->partner, side->batch + 1);
	while (!atomic_load(trip->awake))
		sched_yield();
	go(trip);
	start = now_ns();
	for (unsigned i = 0; i < side->batch; i++)
		go(trip);
	return (now_ns() - start) / side->batch;
}

static void begin(struct trip *trip, const struct gate_kind *kind, int core)
{
	trip->awake = share(sizeof(*trip->awake));
	gate_make(&trip->there, kind, 0);
	gate_make(&trip->back, kind, 0);
	trip->partner = (struct worker){
		.core = core,
		.work = echo,
		.arg = trip,
	};
	start_worker(&trip->partner);
}

static void drop(struct trip *trip)
{
	gate_drop(&trip->there);
	gate_drop(&trip->back);
}

/* Ours first. */
static void compare(const struct gate_kind *const *kinds, const double *limits,
		    unsigned count, int core)
{
	struct side sides[SIDES_MAX] = { { .name = NULL } };
	struct trip trips[SIDES_MAX];

	pin_to(cores[0]);
	for (unsigned i = 0; i < count; i++) {
		bool awake = core != cores[0] && (kinds[i] == &gate_spin ||
						  kinds[i] == &gate_shmipc);

		begin(&trips[i], kinds[i], core);
		sides[i] = (struct side){
			.name = kinds[i]->name,
			.sample = sample,
			.arg = &trips[i],
			.batch = awake ? BATCH_AWAKE : BATCH,
		};
	}
	contest(sides, count);
	for (unsigned i = 1; i < count; i++)
		judge(&sides[0], &sides[i], limits[i]);
	/* All partners have what was open when they were started. */
	for (unsigned i = 0; i < count; i++)
		end_worker(&trips[i].partner);
	for (unsigned i = 0; i < count; i++) {
		drop(&trips[i]);
		samples_free(&sides[i].samples);
	}
}

void row_two_cores(void)
{
	static const struct gate_kind *const kinds[] = {
		&gate_shmipc, &gate_spin,    &gate_sem_t,
		&gate_semop,  &gate_eventfd,
	};
	static const double limits[SIDES_MAX] = { [1] = 1.6 };

	if (core_count < 2)
		judge_skipped("one core");
	else
		compare(kinds, limits, SIDES_MAX, cores[1]);
}

void row_one_core(void)
{
	static const double limits[] = { NO_LIMIT, 1.15 };
	const struct gate_kind *kinds[] = { &gate_shmipc, gate_of_backend() };

	compare(kinds, limits, 2, cores[0]);
}
