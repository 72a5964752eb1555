/* SPDX-License-Identifier: MIT */
/*
 * Processes take the locks of two regions in turn, and are killed wherever
 * they are: on the way in, in it, on the way out, asleep. A process that finds
 * unfinished work must have been told so, no process may enter while another
 * is inside, and none may wait long.
 *
 * The first of them, the witness, is not killed: it would wait for ever if
 * nobody else did.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/stress/stress.h"

#define WORKERS 5
#define REGIONS 2

/* So long nobody waits, on the slowest machine. */
#define STUCK_MS 10000

/* What a region has in it: who works there; 0: all is in order. */
struct token {
	volatile uint32_t dirty;
};

static struct {
	_Atomic unsigned long turns, died, untold, stuck;
	_Atomic int ending;
} * shared;

static struct shmipc_shm *shms[REGIONS];

static void open_regions(unsigned flags)
{
	for (unsigned n = 0; n < REGIONS; n++)
		expect("open region", names[n],
		       shmipc_shm_open(ipc, &shms[n], names[n],
				       sizeof(struct token), flags, 0600),
		       0, 0);
}

static void close_regions(void)
{
	for (unsigned n = 0; n < REGIONS; n++)
		expect("close", names[n], shmipc_shm_close(shms[n]), 0, 0);
}

/* It has the lock, and was told r. */
static void come_in(unsigned n, int r)
{
	struct token *token = shmipc_shm_addr(shms[n]);

	if (r == -EOWNERDEAD) {
		atomic_fetch_add(&shared->died, 1);
	} else if (token->dirty) {
		atomic_fetch_add(&shared->untold, 1);
		complain("%s was left by %u, which did not end its work, and "
			 "nobody said so",
			 names[n], token->dirty);
	}
	token->dirty = (uint32_t)getpid();
	if (r == -EOWNERDEAD)
		expect("mark", names[n], shmipc_shm_mark_consistent(shms[n]), 0,
		       0);
}

static void go_out(unsigned n)
{
	struct token *token = shmipc_shm_addr(shms[n]);

	if (token->dirty != (uint32_t)getpid())
		complain("%u came to %s when %d was there", token->dirty,
			 names[n], (int)getpid());
	token->dirty = 0;
	expect("unlock", names[n], shmipc_shm_unlock(shms[n]), 0, 0);
}

/* Ask for the lock in one of three ways; *or may be the answer too. */
static int ask(unsigned n, int * or)
{
	struct timespec deadline;
	unsigned way = dice(4);

	if (way == 0) {
		* or = -EBUSY;
		return shmipc_shm_trylock(shms[n]);
	}
	* or = way == 1 ? -ETIMEDOUT : 0;
	deadline = in_ms(way == 1 ? 1 : STUCK_MS);
	return shmipc_shm_lock(shms[n], &deadline);
}

/* Whether it has it. */
static bool take(unsigned n)
{
	int or, r = ask(n, & or);

	if (r != 0 && r != -EOWNERDEAD) {
		if (r == -ETIMEDOUT && or == 0)
			atomic_fetch_add(&shared->stuck, 1);
		expect("lock", names[n], r, or, 0);
		return false;
	}
	come_in(n, r);
	return true;
}

static void take_turns(void)
{
	while (!atomic_load(&shared->ending)) {
		bool both;

		dawdle(500);
		if (!take(0))
			continue;
		dawdle(500);
		both = dice(3) == 0 && take(1);
		dawdle(1500);
		/* In both orders: what was taken first stands last. */
		if (both && dice(2)) {
			go_out(1);
			both = false;
		}
		go_out(0);
		if (both)
			go_out(1);
		atomic_fetch_add(&shared->turns, 1);
	}
}

/* Half of them have handles of their own, the others their parent's. */
static void work(unsigned slot)
{
	if (slot % 2)
		open_regions(0);
	take_turns();
	close_regions();
}

/* Half of the time one who is in a lock, or just was. Never the witness. */
static unsigned choose(const pid_t pids[WORKERS])
{
	struct token *token = shmipc_shm_addr(shms[dice(REGIONS)]);
	unsigned i = 1;

	if (dice(2))
		return 1 + dice(WORKERS - 1);
	while (i < WORKERS && (uint32_t)pids[i] != token->dirty)
		i++;
	return i < WORKERS ? i : 1 + dice(WORKERS - 1);
}

static void kill_some(pid_t pids[WORKERS], unsigned long count)
{
	pid_t last = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	while (count--) {
		struct timespec pause = { .tv_nsec = dice(300000) };
		unsigned i;

		nanosleep(&pause, NULL);
		i = choose(pids);
		kill(pids[i], SIGKILL);
		/* It needs the processor to die: meanwhile the one before. */
		if (last)
			reap(last, SIGKILL);
		last = pids[i];
		pids[i] = start(work, i);
	}
	reap(last, SIGKILL);
}

void lock_storm(unsigned long count)
{
	pid_t pids[WORKERS];

	shared = share(sizeof(*shared));
	open_regions(SHMIPC_CREATE | SHMIPC_EXCL);
	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = start(work, i);
	kill_some(pids, count);
	atomic_store(&shared->ending, 1);
	for (unsigned i = 0; i < WORKERS; i++)
		reap(pids[i], 0);
	/* The locks still work, no matter which process had them last. */
	for (unsigned n = 0; n < REGIONS; n++) {
		if (take(n))
			go_out(n);
		expect("unlink", names[n], shmipc_shm_unlink(ipc, names[n]), 0,
		       0);
	}
	close_regions();
	if (atomic_load(&shared->died) == 0)
		complain("nobody died in a lock");
	sweep();
	printf("stress: %s lock: %lu kills, %lu owners died, %lu untold, "
	       "%lu stuck\n",
	       shmipc_backend_name(ipc), count, atomic_load(&shared->died),
	       atomic_load(&shared->untold), atomic_load(&shared->stuck));
}
