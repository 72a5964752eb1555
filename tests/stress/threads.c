/* SPDX-License-Identifier: MIT */
/*
 * usage: threads UNITS
 *
 * Threads that share handles, on whatever backend SHMIPC_BACKEND says. Units
 * are counted; and plain memory is guarded and handed over by nothing but the
 * library's calls, so that ThreadSanitizer speaks up where these order too
 * little (it sees nothing across two mappings or processes). Hence no mutex
 * and no ordering atomic here, which would order what the library must.
 *
 * Exit status 0: all was well; 1: it was not, stderr says what was seen; 77:
 * the backend does not work here.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <shmipc.h>

#define MS 1000000L /* ns */

/* A unit that has not come by then is lost. */
#define PATIENCE_S 60

static struct shmipc *ipc;
static unsigned long units; /* to hand over, a multiple of 12 */
static _Atomic unsigned long wrong;

static void complain(const char *what, int r)
{
	fprintf(stderr, "threads: %s gave %d: %s\n", what, r, shmipc_errmsg());
	atomic_fetch_add_explicit(&wrong, 1, memory_order_relaxed);
}

static struct timespec in_ns(long ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (t.tv_nsec + ns) / (1000 * MS);
	t.tv_nsec = (t.tv_nsec + ns) % (1000 * MS);
	return t;
}

/* A semaphore without a name. */
static struct shmipc_sem *new_sem(unsigned value)
{
	struct shmipc_sem *sem;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "threads.%ld", (long)getpid());
	r = shmipc_sem_open(ipc, &sem, name, value, SHMIPC_CREATE | SHMIPC_EXCL,
			    0600);
	if (r == 0)
		r = shmipc_sem_unlink(ipc, name);
	if (r < 0) {
		complain(name, r);
		exit(1);
	}
	return sem;
}

static long value_of(struct shmipc_sem *sem)
{
	int value;
	int r = shmipc_sem_getvalue(sem, &value);

	if (r < 0)
		complain("shmipc_sem_getvalue()", r);
	return value;
}

static void run(void *(*const *work)(void *arg), unsigned count, void *arg)
{
	pthread_t threads[16];

	for (unsigned i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, work[i], arg) != 0) {
			perror("threads: pthread_create");
			exit(1);
		}
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

/* ---- one unit, in each way; false if it is lost ------------------------- */

static bool by_wait(struct shmipc_sem *sem)
{
	struct timespec deadline = in_ns(0);
	int r;

	deadline.tv_sec += PATIENCE_S;
	r = shmipc_sem_timedwait(sem, &deadline);
	if (r < 0)
		complain("shmipc_sem_timedwait()", r);
	return r == 0;
}

static bool by_trywait(struct shmipc_sem *sem)
{
	struct timespec start = in_ns(0);
	int r;

	while ((r = shmipc_sem_trywait(sem)) == -EAGAIN) {
		if (in_ns(0).tv_sec > start.tv_sec + PATIENCE_S)
			break;
		sched_yield();
	}
	if (r < 0)
		complain("shmipc_sem_trywait()", r);
	return r == 0;
}

/* With deadlines from one that has passed to one that may be slept out. */
static bool by_timedwait(struct shmipc_sem *sem)
{
	struct timespec start = in_ns(0), deadline = start;
	int r;

	for (long ns = 0; (r = shmipc_sem_timedwait(sem, &deadline)) < 0;) {
		if (r != -ETIMEDOUT ||
		    deadline.tv_sec > start.tv_sec + PATIENCE_S)
			break;
		ns = (ns + 1000) * 2 % MS;
		deadline = in_ns(ns);
	}
	if (r < 0)
		complain("shmipc_sem_timedwait()", r);
	return r == 0;
}

static void give(struct shmipc_sem *sem)
{
	int r = shmipc_sem_post(sem);

	if (r < 0)
		complain("shmipc_sem_post()", r);
}

/* ---- units are neither lost nor made up --------------------------------- */

struct crowd {
	struct shmipc_sem *sem;
	_Atomic unsigned long taken; /* added to at the end of each thread */
};

static void *post_third(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned long n = 0; n < units / 3; n++)
		give(crowd->sem);
	return NULL;
}

static void *take_sixth(struct crowd *crowd, bool (*take)(struct shmipc_sem *))
{
	unsigned long n = 0;

	while (n < units / 6 && take(crowd->sem))
		n++;
	atomic_fetch_add_explicit(&crowd->taken, n, memory_order_relaxed);
	return NULL;
}

static void *wait_sixth(void *arg)
{
	return take_sixth(arg, by_wait);
}

static void *trywait_sixth(void *arg)
{
	return take_sixth(arg, by_trywait);
}

static void *timedwait_sixth(void *arg)
{
	return take_sixth(arg, by_timedwait);
}

/* Prints the last line. */
static void count_units(void)
{
	static void *(*const work[])(void *) = {
		post_third,    post_third,	post_third,
		wait_sixth,    wait_sixth,	wait_sixth,
		trywait_sixth, timedwait_sixth, timedwait_sixth,
	};
	struct crowd crowd = { .sem = new_sem(0) };
	long left;

	run(work, sizeof(work) / sizeof(work[0]), &crowd);
	/* Taken and left, of as many as were posted. */
	left = value_of(crowd.sem) + (long)crowd.taken - (long)units;
	printf("threads: %s %lu units, %ld lost, %ld made up\n",
	       shmipc_backend_name(ipc), units, left < 0 ? -left : 0,
	       left > 0 ? left : 0);
	if (left != 0 || crowd.taken != units)
		wrong++;
	shmipc_sem_close(crowd.sem);
}

/* ---- a semaphore of one unit is a lock ---------------------------------- */

struct guarded {
	struct shmipc_sem *lock;
	unsigned long count; /* the holder of the unit may change it */
};

static void *count_alone(struct guarded *guarded,
			 bool (*take)(struct shmipc_sem *))
{
	for (unsigned long n = 0; n < units / 12; n++) {
		if (!take(guarded->lock))
			break;
		guarded->count++;
		give(guarded->lock);
	}
	return NULL;
}

static void *wait_to_count(void *arg)
{
	return count_alone(arg, by_wait);
}

static void *trywait_to_count(void *arg)
{
	return count_alone(arg, by_trywait);
}

static void *timedwait_to_count(void *arg)
{
	return count_alone(arg, by_timedwait);
}

static void exclude(void)
{
	static void *(*const work[])(void *) = {
		wait_to_count,
		wait_to_count,
		trywait_to_count,
		timedwait_to_count,
	};
	struct guarded guarded = { .lock = new_sem(1) };

	run(work, 4, &guarded);
	if (guarded.count != units / 12 * 4) {
		fprintf(stderr, "threads: counted to %lu, not to %lu\n",
			guarded.count, units / 12 * 4);
		wrong++;
	}
	if (value_of(guarded.lock) != 1) {
		fprintf(stderr, "threads: %ld units in a lock\n",
			value_of(guarded.lock));
		wrong++;
	}
	shmipc_sem_close(guarded.lock);
}

/* ---- what was written before a post is seen after the wait -------------- */

#define SLOTS 8

struct ring {
	struct shmipc_sem *room, *full;	      /* units: slots */
	struct shmipc_sem *putting, *getting; /* locks */
	unsigned long put, got;		      /* under putting, getting */
	unsigned long slots[SLOTS];
	unsigned char *seen; /* of each number: how often it came out */
};

static void *put(void *arg)
{
	struct ring *ring = arg;

	for (unsigned long n = 0; n < units / 12; n++) {
		if (!by_wait(ring->room) || !by_wait(ring->putting))
			break;
		ring->slots[ring->put % SLOTS] = ring->put;
		ring->put++;
		give(ring->putting);
		give(ring->full);
	}
	return NULL;
}

static void *get_from(struct ring *ring, bool (*take)(struct shmipc_sem *))
{
	for (unsigned long n = 0; n < units / 12; n++) {
		unsigned long number;

		if (!take(ring->full) || !take(ring->getting))
			break;
		number = ring->slots[ring->got++ % SLOTS];
		give(ring->getting);
		give(ring->room);
		if (number < units / 12 * 2)
			ring->seen[number]++;
	}
	return NULL;
}

static void *get(void *arg)
{
	return get_from(arg, by_wait);
}

static void *get_in_time(void *arg)
{
	return get_from(arg, by_timedwait);
}

static void hand_over(void)
{
	static void *(*const work[])(void *) = { put, put, get, get_in_time };
	struct ring ring = {
		.room = new_sem(SLOTS),
		.full = new_sem(0),
		.putting = new_sem(1),
		.getting = new_sem(1),
		.seen = calloc(units / 12 * 2, 1),
	};

	run(work, 4, &ring);
	for (unsigned long n = 0; n < units / 12 * 2; n++) {
		if (ring.seen[n] == 1)
			continue;
		fprintf(stderr, "threads: %lu came out %d times\n", n,
			ring.seen[n]);
		wrong++;
		break;
	}
	free(ring.seen);
	shmipc_sem_close(ring.room);
	shmipc_sem_close(ring.full);
	shmipc_sem_close(ring.putting);
	shmipc_sem_close(ring.getting);
}

/* ---- the lock of a region ----------------------------------------------- */

static int lock(struct shmipc_shm *shm)
{
	return shmipc_shm_lock(shm, NULL);
}

static int lock_by_trying(struct shmipc_shm *shm)
{
	int r;

	while ((r = shmipc_shm_trylock(shm)) == -EBUSY)
		sched_yield();
	return r;
}

/* As by_timedwait(). */
static int lock_in_time(struct shmipc_shm *shm)
{
	struct timespec deadline = in_ns(0);
	int r;

	for (long ns = 0;
	     (r = shmipc_shm_lock(shm, &deadline)) == -ETIMEDOUT;) {
		ns = (ns + 1000) * 2 % MS;
		deadline = in_ns(ns);
	}
	return r;
}

/* The number is the region's first. */
static void *count_locked(struct shmipc_shm *shm,
			  int (*take)(struct shmipc_shm *))
{
	unsigned long *count = shmipc_shm_addr(shm);

	for (unsigned long n = 0; n < units / 12; n++) {
		int r = take(shm);

		if (r < 0) {
			complain("a lock", r);
			break;
		}
		++*count;
		r = shmipc_shm_unlock(shm);
		if (r < 0)
			complain("shmipc_shm_unlock()", r);
	}
	return NULL;
}

static void *lock_to_count(void *arg)
{
	return count_locked(arg, lock);
}

static void *try_to_count(void *arg)
{
	return count_locked(arg, lock_by_trying);
}

static void *lock_in_time_to_count(void *arg)
{
	return count_locked(arg, lock_in_time);
}

static void lock_region(void)
{
	static void *(*const work[])(void *) = {
		lock_to_count,
		lock_to_count,
		try_to_count,
		lock_in_time_to_count,
	};
	struct shmipc_shm *shm;
	unsigned long count;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "threads.%ld", (long)getpid());
	r = shmipc_shm_open(ipc, &shm, name, sizeof(unsigned long),
			    SHMIPC_CREATE | SHMIPC_EXCL, 0600);
	if (r == 0)
		r = shmipc_shm_unlink(ipc, name);
	if (r < 0) {
		complain(name, r);
		return;
	}
	run(work, 4, shm);
	count = *(unsigned long *)shmipc_shm_addr(shm);
	if (count != units / 12 * 4) {
		fprintf(stderr, "threads: counted to %lu, not to %lu\n", count,
			units / 12 * 4);
		wrong++;
	}
	shmipc_shm_close(shm);
}

int main(int argc, char **argv)
{
	int r = shmipc_open(&ipc, NULL);

	if (argc != 2 || (units = strtoul(argv[1], NULL, 10) / 12 * 12) == 0) {
		fprintf(stderr, "usage: threads UNITS\n");
		return 1;
	}
	if (r == -ENOSYS || r == -EINVAL) {
		fprintf(stderr, "threads: %s\n", shmipc_errmsg());
		return r == -ENOSYS ? 77 : 1;
	}
	exclude();
	hand_over();
	lock_region();
	count_units();
	shmipc_close(ipc);
	return wrong != 0;
}
