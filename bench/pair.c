/* SPDX-License-Identifier: MIT */
/* One process, nobody else: what a wait and a post cost. */
#include "bench/gate.h"

/* Some 10 us at least. */
#define BATCH	      1000
#define BATCH_SYSCALL 50

static double sample(struct side *side)
{
	struct gate *g = side->arg;
	double start = now_ns();

	g->kind->pairs(g, side->batch);
	return (now_ns() - start) / side->batch;
}

#define LIMIT_SEM     1.2
#define LIMIT_LOCK    1.3
#define LIMIT_SYSCALL (1.0 / 150)

/*
 * The first limit asks for this ratio to a system call where a system call
 * takes a microsecond. Where calls are so cheap that even sem_t would miss this
 * ratio, the limit says nothing about us.
 */
static double limit_of_syscall(const struct side *sem, const struct side *raw)
{
	double best = sem->samples.median / raw->samples.median;

	return LIMIT_SEM * best <= LIMIT_SYSCALL ? LIMIT_SYSCALL : NO_LIMIT;
}

/* Ours first, then what the limit is about, then system calls. */
static void compare(const struct gate_kind *const *kinds, unsigned count,
		    double limit)
{
	struct side sides[3] = { { .name = NULL } };
	struct gate gates[3];

	pin_to(cores[0]);
	for (unsigned i = 0; i < count; i++) {
		bool syscall =
			kinds[i] == &gate_semop || kinds[i] == &gate_eventfd;

		gate_make(&gates[i], kinds[i], 1);
		sides[i] = (struct side){
			.name = kinds[i]->name,
			.sample = sample,
			.arg = &gates[i],
			.batch = syscall ? BATCH_SYSCALL : BATCH,
		};
	}
	contest(sides, count);
	judge(&sides[0], &sides[1], limit);
	if (count > 2)
		judge(&sides[0], &sides[2],
		      limit_of_syscall(&sides[1], &sides[2]));
	for (unsigned i = 0; i < count; i++) {
		gate_drop(&gates[i]);
		samples_free(&sides[i].samples);
	}
}

void row_pair(void)
{
	const struct gate_kind *kinds[] = { &gate_shmipc, &gate_sem_t,
					    gate_of_backend() };

	compare(kinds, kinds[2] == &gate_sem_t ? 2 : 3, LIMIT_SEM);
}

void row_lock(void)
{
	const struct gate_kind *kinds[] = { &gate_lock, &gate_mutex };

	compare(kinds, 2, LIMIT_LOCK);
}
