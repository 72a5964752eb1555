/* SPDX-License-Identifier: MIT */
/*
 * Sleepers that are killed: a unit, or a lock, that one of them was woken for
 * is another's soon, and afterwards the semaphore is as fast as before.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/stress/stress.h"

/* Pairs of sleepers at a time: they sleep most of the time. */
#define PAIRS 20

/* What the contract promises, and a little for the wake-up itself. */
#define PROMISED_MS 1100

/* Longer than this, and the wake-up went to the dead. */
#define PROMPT_MS 100

static struct {
	_Atomic unsigned long rounds; /* still to be begun */
	_Atomic unsigned long left;   /* units that went to the dead first */
	_Atomic long longest;	      /* wait for a unit, in ms */
	_Atomic long stall;	      /* of the machine, in ms */
	_Atomic long taken[PAIRS];    /* when, by the one who lives */
	_Atomic int ending;
} * shared;

/* Of this process, which sleeps on one or makes others sleep on one. */
static struct shmipc_sem *sem;
static struct shmipc_shm *shm; /* NULL: now it is the semaphore's turn */

static void raise_to(_Atomic long *most, long value)
{
	long is = atomic_load(most);

	while (is < value && !atomic_compare_exchange_weak(most, &is, value))
		;
}

/* How much longer than 5 ms does it take to sleep 5 ms? */
static void watch(unsigned slot)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	long before = now_ms();

	(void)slot;
	while (!atomic_load(&shared->ending)) {
		long now;

		nanosleep(&pause, NULL);
		now = now_ms();
		raise_to(&shared->stall, now - before - 5);
		before = now;
	}
}

/* ---- wake --------------------------------------------------------------- */

/*
 * A process that was woken takes what it was woken for within microseconds.
 * To kill it before, it must not run: it shares our core, and has the lowest
 * priority. (To stop it before would not do. It leaves the queue then, and
 * another one is woken.)
 */
static void share_a_core(unsigned slot)
{
	cpu_set_t all, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return;
	for (slot %= (unsigned)CPU_COUNT(&all);; cpu++)
		if (CPU_ISSET(cpu, &all) && slot-- == 0)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static int take(const struct timespec *deadline)
{
	return shm ? shmipc_shm_lock(shm, deadline)
		   : shmipc_sem_timedwait(sem, deadline);
}

static void give(void)
{
	int r = shm ? shmipc_shm_unlock(shm) : shmipc_sem_post(sem);

	expect("give", "it", r, 0, 0);
}

static void be_killed(unsigned slot)
{
	const struct sched_param none = { .sched_priority = 0 };

	(void)slot;
	(void)sched_setscheduler(0, SCHED_IDLE, &none);
	/* If it is quicker than its killer, it gives it back. */
	if (take(NULL) == 0)
		give();
	for (;;)
		(void)sched_yield();
}

static void be_left(unsigned slot)
{
	struct timespec deadline = in_ms(60000);
	int r;

	do /* by a stop of somebody else, on sysv */
		r = take(&deadline);
	while (r == -EINTR);
	atomic_store(&shared->taken[slot], now_ms());
	/* A lock also tells of the death of one who was quick. */
	if (expect("take", "what is there", r, -EOWNERDEAD, 0) == -EOWNERDEAD)
		r = shmipc_shm_mark_consistent(shm);
	if (r == 0 && shm)
		give();
}

static void one_round(unsigned slot)
{
	pid_t killed, alive;
	long given, took;

	if (shm)
		expect("lock", "it", shmipc_shm_lock(shm, NULL), 0, 0);
	killed = start(be_killed, slot);
	await_asleep(killed);
	alive = start(be_left, slot);
	await_asleep(alive);
	given = now_ms();
	give();
	kill(killed, SIGKILL);
	reap(killed, SIGKILL);
	reap(alive, 0);
	took = atomic_load(&shared->taken[slot]) - given;
	raise_to(&shared->longest, took);
	if (took > PROMPT_MS)
		atomic_fetch_add(&shared->left, 1);
}

static struct shmipc_shm *new_shm(const char *name)
{
	struct shmipc_shm *ret = NULL;
	int r = shmipc_shm_open(ipc, &ret, name, 8, SHMIPC_CREATE | SHMIPC_EXCL,
				0600);

	if (expect("open region", name, r, 0, 0) < 0)
		exit(1);
	expect("unlink", name, shmipc_shm_unlink(ipc, name), 0, 0);
	return ret;
}

static struct shmipc_sem *new_sem(const char *name)
{
	struct shmipc_sem *ret = NULL;
	int r = shmipc_sem_open(ipc, &ret, name, 0, SHMIPC_CREATE | SHMIPC_EXCL,
				0600);

	if (expect("open semaphore", name, r, 0, 0) < 0)
		exit(1);
	/* Nobody needs its name. */
	expect("unlink", name, shmipc_sem_unlink(ipc, name), 0, 0);
	return ret;
}

static bool is_one_more(void)
{
	unsigned long rounds = atomic_load(&shared->rounds);

	while (rounds && !atomic_compare_exchange_weak(&shared->rounds, &rounds,
						       rounds - 1))
		;
	return rounds;
}

static void run_pair(unsigned slot)
{
	struct shmipc_shm *region;
	char name[48];

	share_a_core(slot);
	snprintf(name, sizeof(name), "%s.pair%u", names[0], slot);
	sem = new_sem(name);
	region = new_shm(name);
	for (unsigned i = slot; is_one_more(); i++) {
		shm = i % 4 ? NULL : region;
		one_round(slot);
	}
	shmipc_shm_close(region);
	shmipc_sem_close(sem);
}

void wake(unsigned long count)
{
	pid_t pairs[PAIRS], watcher;
	long longest, stall;

	shared = share(sizeof(*shared));
	atomic_store(&shared->rounds, count);
	watcher = start(watch, 0);
	for (unsigned i = 0; i < PAIRS; i++)
		pairs[i] = start(run_pair, i);
	for (unsigned i = 0; i < PAIRS; i++)
		reap(pairs[i], 0);
	atomic_store(&shared->ending, 1);
	reap(watcher, 0);
	longest = atomic_load(&shared->longest);
	stall = atomic_load(&shared->stall);
	if (longest > PROMISED_MS + stall)
		complain("a sleeper had it only after %ld ms", longest);
	sweep();
	printf("stress: %s wake: %lu rounds, %lu woke the dead, longest wait "
	       "%ld ms, longest stall %ld ms\n",
	       shmipc_backend_name(ipc), count, atomic_load(&shared->left),
	       longest, stall);
}

/* ---- sleepers that were killed ------------------------------------------ */

#define SLEEPERS 50  /* at a time */
#define BATCHES	 301 /* an odd number has a median */
#define BATCH	 1000
#define TRIES	 30

static void sleep_on(unsigned slot)
{
	(void)slot;
	(void)shmipc_sem_wait(sem);
}

static void kill_sleepers(unsigned long count)
{
	pid_t pids[SLEEPERS];

	while (count) {
		unsigned n = count < SLEEPERS ? (unsigned)count : SLEEPERS;

		for (unsigned i = 0; i < n; i++)
			pids[i] = start(sleep_on, i);
		for (unsigned i = 0; i < n; i++)
			await_asleep(pids[i]);
		for (unsigned i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
		for (unsigned i = 0; i < n; i++)
			reap(pids[i], SIGKILL);
		count -= n;
	}
}

/* ns of a pair. */
static double time_batch(struct shmipc_sem *of)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < BATCH; i++) {
		(void)shmipc_sem_post(of);
		(void)shmipc_sem_wait(of);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 +
		(double)(to.tv_nsec - from.tv_nsec)) /
	       BATCH;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Medians. By turns, one of each: what the machine does meanwhile slows both
 * alike.
 */
static void time_both(struct shmipc_sem *fresh, double *before, double *after)
{
	static double times[2][BATCHES];

	for (int i = 0; i < BATCHES; i++) {
		times[0][i] = time_batch(fresh);
		times[1][i] = time_batch(sem);
	}
	for (int i = 0; i < 2; i++)
		qsort(times[i], BATCHES, sizeof(times[i][0]), compare);
	*before = times[0][BATCHES / 2];
	*after = times[1][BATCHES / 2];
}

void sleepers(unsigned long count)
{
	struct shmipc_sem *fresh = new_sem(names[1]);
	double before = 0, after = 0;
	int tries = 0;

	sem = new_sem(names[0]);
	kill_sleepers(count);
	time_both(fresh, &before, &after);
	/* A process that disturbs one of them may do so for some time. */
	while (after > 1.2 * before && ++tries < TRIES) {
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
		time_both(fresh, &before, &after);
	}
	if (after > 1.2 * before)
		complain("it is slower than a semaphore on which nobody died");
	shmipc_sem_close(fresh);
	shmipc_sem_close(sem);
	sweep();
	printf("stress: %s sleepers: %lu killed asleep, a pair takes %.1f ns, "
	       "%.1f ns before: %.2f\n",
	       shmipc_backend_name(ipc), count, after, before, after / before);
}
