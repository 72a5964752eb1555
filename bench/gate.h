/* SPDX-License-Identifier: MIT */
/* Gates: what one waits for and another posts, of the library or without it. */
#ifndef BENCH_GATE_H
#define BENCH_GATE_H

#include "bench/bench.h"

struct gate {
	const struct gate_kind *kind;
	void *memory; /* shared: of all that lie in memory */
	int id;	      /* a set, or a descriptor */
	struct shmipc_sem *sem;
	struct shmipc_shm *shm;
	char name[OWN_NAME_MAX];
};

struct gate_kind {
	const char *name;
	void (*make)(struct gate *g, unsigned value); /* 0 or 1 */
	/* In another process: become a user of its own, and end that. */
	void (*join)(struct gate *g);
	void (*leave)(struct gate *g);
	void (*wait)(struct gate *g);
	void (*post)(struct gate *g);
	/* Wait and post count times, with no call of ours in between. */
	void (*pairs)(struct gate *g, unsigned count);
	void (*drop)(struct gate *g);
};

extern const struct gate_kind gate_shmipc;  /* shmipc_sem_wait() */
extern const struct gate_kind gate_sem_t;   /* sem_wait(3), unnamed */
extern const struct gate_kind gate_semop;   /* semop(2) */
extern const struct gate_kind gate_eventfd; /* read and write, blocking */
extern const struct gate_kind gate_spin;    /* an atomic word, no sleep */

extern const struct gate_kind gate_lock;  /* shmipc_shm_lock() */
extern const struct gate_kind gate_mutex; /* robust, between processes */

/* The primitive of this backend that sleeps. */
const struct gate_kind *gate_of_backend(void);

void gate_make(struct gate *g, const struct gate_kind *kind, unsigned value);
void gate_drop(struct gate *g);

#endif
