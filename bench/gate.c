/* SPDX-License-Identifier: MIT */
/* The gates, but for locks. */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>

#include "bench/gate.h"
#include "bench/kind.h"

static void drop_memory(struct gate *g)
{
	munmap(g->memory, GATE_MEMORY);
}

/* ---- shmipc -------------------------------------------------------------- */

static void shmipc_make(struct gate *g, unsigned value)
{
	static unsigned long made;

	own_name(g->name, "gate", made++);
	must(g->name, shmipc_sem_open(ipc, &g->sem, g->name, value,
				      SHMIPC_CREATE | SHMIPC_EXCL, 0600));
}

static void shmipc_join(struct gate *g)
{
	must(g->name, shmipc_sem_open(ipc, &g->sem, g->name, 0, 0, 0));
}

static void shmipc_leave(struct gate *g)
{
	shmipc_sem_close(g->sem);
}

/* -EINTR: on sysv also after a stop and a continue. */
static inline void shmipc_wait(struct gate *g)
{
	int r;

	do
		r = shmipc_sem_wait(g->sem);
	while (r == -EINTR);
	if (r < 0)
		must("wait", r);
}

static inline void shmipc_post(struct gate *g)
{
	int r = shmipc_sem_post(g->sem);

	if (r < 0)
		must("post", r);
}
PAIRS_OF(shmipc)

static void shmipc_drop(struct gate *g)
{
	shmipc_sem_close(g->sem);
	must(g->name, shmipc_sem_unlink(ipc, g->name));
}

const struct gate_kind gate_shmipc = KIND(shmipc);

/* ---- sem_t --------------------------------------------------------------- */

static void sem_t_make(struct gate *g, unsigned value)
{
	g->memory = share(GATE_MEMORY);
	must_sys("sem_init", sem_init(g->memory, 1, value));
}

static void sem_t_join(struct gate *g)
{
	(void)g;
}

static void sem_t_leave(struct gate *g)
{
	(void)g;
}

static inline void sem_t_wait(struct gate *g)
{
	while (sem_wait(g->memory) < 0)
		if (errno != EINTR)
			fail("sem_wait: %s", strerror(errno));
}

static inline void sem_t_post(struct gate *g)
{
	if (sem_post(g->memory) < 0)
		fail("sem_post: %s", strerror(errno));
}
PAIRS_OF(sem_t)

static void sem_t_drop(struct gate *g)
{
	sem_destroy(g->memory);
	drop_memory(g);
}

const struct gate_kind gate_sem_t = KIND(sem_t);

/* ---- semop --------------------------------------------------------------- */

static void semop_make(struct gate *g, unsigned value)
{
	g->id = own_set(value);
}

static void semop_join(struct gate *g)
{
	(void)g;
}

static void semop_leave(struct gate *g)
{
	(void)g;
}

static inline void semop_wait(struct gate *g)
{
	struct sembuf op = { .sem_op = -1 };

	while (semop(g->id, &op, 1) < 0)
		if (errno != EINTR)
			fail("semop: %s", strerror(errno));
}

static inline void semop_post(struct gate *g)
{
	struct sembuf op = { .sem_op = 1 };

	if (semop(g->id, &op, 1) < 0)
		fail("semop: %s", strerror(errno));
}
PAIRS_OF(semop)

static void semop_drop(struct gate *g)
{
	drop_set(g->id);
}

const struct gate_kind gate_semop = KIND(semop);

/* ---- eventfd ------------------------------------------------------------- */

static void eventfd_make(struct gate *g, unsigned value)
{
	g->id = (int)must_sys("eventfd",
			      eventfd(value, EFD_SEMAPHORE | EFD_CLOEXEC));
}

static void eventfd_join(struct gate *g)
{
	(void)g;
}

static void eventfd_leave(struct gate *g)
{
	(void)g;
}

static inline void eventfd_wait(struct gate *g)
{
	uint64_t one;

	while (read(g->id, &one, sizeof(one)) < 0)
		if (errno != EINTR)
			fail("eventfd: %s", strerror(errno));
}

static inline void eventfd_post(struct gate *g)
{
	const uint64_t one = 1;

	if (write(g->id, &one, sizeof(one)) < 0)
		fail("eventfd: %s", strerror(errno));
}
PAIRS_OF(eventfd)

static void eventfd_drop(struct gate *g)
{
	close(g->id);
}

const struct gate_kind gate_eventfd = KIND(eventfd);

/* ---- spinning: the least that two processes can do ----------------------- */

static void spin_make(struct gate *g, unsigned value)
{
	g->memory = share(GATE_MEMORY);
	*(_Atomic unsigned *)g->memory = value;
}

static void spin_join(struct gate *g)
{
	(void)g;
}

static void spin_leave(struct gate *g)
{
	(void)g;
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static inline void spin_wait(struct gate *g)
{
	_Atomic unsigned *word = g->memory;
	unsigned units;

	for (;;) {
		units = atomic_load_explicit(word, memory_order_relaxed);
		if (units &&
		    atomic_compare_exchange_weak_explicit(
			    word, &units, units - 1, memory_order_acquire,
			    memory_order_relaxed))
			return;
		relax();
	}
}

static inline void spin_post(struct gate *g)
{
	_Atomic unsigned *word = g->memory;

	atomic_fetch_add_explicit(word, 1, memory_order_release);
}
PAIRS_OF(spin)

static void spin_drop(struct gate *g)
{
	drop_memory(g);
}

const struct gate_kind gate_spin = KIND(spin);

/* -------------------------------------------------------------------------- */

const struct gate_kind *gate_of_backend(void)
{
	if (!strcmp(backend, "sysv"))
		return &gate_semop;
	if (!strcmp(backend, "memfd"))
		return &gate_eventfd;
	return &gate_sem_t;
}

void gate_make(struct gate *g, const struct gate_kind *kind, unsigned value)
{
	*g = (struct gate){ .kind = kind };
	kind->make(g, value);
}

void gate_drop(struct gate *g)
{
	g->kind->drop(g);
}
