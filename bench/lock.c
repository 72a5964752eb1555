/* SPDX-License-Identifier: MIT */
/*
 * Two more gates: the lock of a region, and the robust mutex of pthreads in
 * memory that processes share. To wait is to lock, to post is to unlock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/gate.h"
#include "bench/kind.h"

/* ---- the lock ------------------------------------------------------------ */

static void lock_make(struct gate *g, unsigned value)
{
	static unsigned long made;

	(void)value; /* a new lock is free */
	own_name(g->name, "lock", made++);
	must(g->name, shmipc_shm_open(ipc, &g->shm, g->name, 1,
				      SHMIPC_CREATE | SHMIPC_EXCL, 0600));
}

static void lock_join(struct gate *g)
{
	must(g->name, shmipc_shm_open(ipc, &g->shm, g->name, 0, 0, 0));
}

static void lock_leave(struct gate *g)
{
	shmipc_shm_close(g->shm);
}

/* -EINTR: on sysv also after a stop and a continue. */
static inline void lock_wait(struct gate *g)
{
	int r;

	do
		r = shmipc_shm_lock(g->shm, NULL);
	while (r == -EINTR);
	if (r < 0)
		must("lock", r);
}

static inline void lock_post(struct gate *g)
{
	int r = shmipc_shm_unlock(g->shm);

	if (r < 0)
		must("unlock", r);
}
PAIRS_OF(lock)

static void lock_drop(struct gate *g)
{
	shmipc_shm_close(g->shm);
	must(g->name, shmipc_shm_unlink(ipc, g->name));
}

const struct gate_kind gate_lock = KIND(lock);

/* ---- the mutex ----------------------------------------------------------- */

static void mutex_make(struct gate *g, unsigned value)
{
	pthread_mutexattr_t attr;
	int err;

	(void)value;
	g->memory = share(GATE_MEMORY);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	err = pthread_mutex_init(g->memory, &attr);
	if (err)
		fail("pthread_mutex_init: %s", strerror(err));
	pthread_mutexattr_destroy(&attr);
}

static void mutex_join(struct gate *g)
{
	(void)g;
}

static void mutex_leave(struct gate *g)
{
	(void)g;
}

static inline void mutex_wait(struct gate *g)
{
	int err = pthread_mutex_lock(g->memory);

	if (err)
		fail("pthread_mutex_lock: %s", strerror(err));
}

static inline void mutex_post(struct gate *g)
{
	int err = pthread_mutex_unlock(g->memory);

	if (err)
		fail("pthread_mutex_unlock: %s", strerror(err));
}
PAIRS_OF(mutex)

static void mutex_drop(struct gate *g)
{
	pthread_mutex_destroy(g->memory);
	munmap(g->memory, GATE_MEMORY);
}

const struct gate_kind gate_mutex = KIND(mutex);
