/* SPDX-License-Identifier: MIT */
/*
 * Processes do all that can be done with few names, and are killed wherever
 * they are. No call may fail for that, no object may be seen half-made, and
 * nothing may be left in the end.
 *
 * A process that is killed every few milliseconds never reaches the peer
 * timeout. So the first one, the witness, lives: a name that was blocked by a
 * dead process would cost it five seconds, and then -ETIMEDOUT.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "tests/stress/stress.h"

#define WORKERS 6

/* The semaphores' first value; also the most: each post follows a wait. */
#define UNITS 3

#define TRANSIENT(n) ((n) >= NAMES / 2 ? SHMIPC_TRANSIENT : 0)

static struct {
	_Atomic unsigned long calls[WORKERS]; /* each server counts its own */
	_Atomic int ending;
} * shared;

/* What this process has open; some things outlive their names this way. */
static struct shmipc_shm *shms[NAMES];
static struct shmipc_sem *sems[NAMES];

static size_t size_of(unsigned n)
{
	return 5000 + 3000 * n;
}

/* One word at the start and one at the end: as made, or as we left them. */
static void use_shm(unsigned n)
{
	const uint32_t mark = 0x5eed0000 + n;
	volatile uint32_t *word = shmipc_shm_addr(shms[n]);
	size_t last = size_of(n) / sizeof(*word) - 1;

	if (shmipc_shm_size(shms[n]) != size_of(n)) {
		complain("%s has %zu bytes, not %zu", names[n],
			 shmipc_shm_size(shms[n]), size_of(n));
		return;
	}
	if ((word[1] != 0 && word[1] != mark) ||
	    (word[last] != 0 && word[last] != mark))
		complain("%s has %#x and %#x in it", names[n], word[1],
			 word[last]);
	word[1] = mark;
	word[last] = mark;
}

/* A process that dies between wait and post takes its unit with it. */
static void use_sem(unsigned n)
{
	struct timespec soon;
	int value = -1, r;

	shmipc_sem_getvalue(sems[n], &value);
	if (value < 0 || value > UNITS)
		complain("%s has the value %d", names[n], value);
	if (dice(2)) {
		r = expect("try", names[n], shmipc_sem_trywait(sems[n]),
			   -EAGAIN, 0);
	} else {
		clock_gettime(CLOCK_MONOTONIC, &soon);
		soon.tv_nsec += 200000;
		if (soon.tv_nsec > 999999999)
			soon.tv_nsec = 999999999;
		r = expect("wait for", names[n],
			   shmipc_sem_timedwait(sems[n], &soon), -ETIMEDOUT, 0);
	}
	if (r == 0)
		expect("post", names[n], shmipc_sem_post(sems[n]), 0, 0);
}

static void close_shm(unsigned n)
{
	if (shms[n])
		use_shm(n);
	expect("close", names[n], shmipc_shm_close(shms[n]), 0, 0);
	shms[n] = NULL;
}

static void close_sem(unsigned n)
{
	if (sems[n])
		use_sem(n);
	expect("close", names[n], shmipc_sem_close(sems[n]), 0, 0);
	sems[n] = NULL;
}

/* Open it, in one of three ways, and keep it or not. */
static void open_shm(unsigned n)
{
	static const unsigned ways[] = { 0, SHMIPC_CREATE,
					 SHMIPC_CREATE | SHMIPC_EXCL };
	unsigned flags = ways[dice(3)];
	int r;

	close_shm(n);
	r = shmipc_shm_open(ipc, &shms[n], names[n], flags ? size_of(n) : 0,
			    flags ? flags | TRANSIENT(n) : 0, 0600);
	expect("open region", names[n], r, flags ? 0 : -ENOENT,
	       flags & SHMIPC_EXCL ? -EEXIST : 0);
	if (r == 0) {
		use_shm(n);
		if (dice(2))
			close_shm(n);
	}
}

static void open_sem(unsigned n)
{
	static const unsigned ways[] = { 0, SHMIPC_CREATE,
					 SHMIPC_CREATE | SHMIPC_EXCL };
	unsigned flags = ways[dice(3)];
	int r;

	close_sem(n);
	r = shmipc_sem_open(ipc, &sems[n], names[n], UNITS,
			    flags ? flags | TRANSIENT(n) : 0, 0600);
	expect("open semaphore", names[n], r, flags ? 0 : -ENOENT,
	       flags & SHMIPC_EXCL ? -EEXIST : 0);
	if (r == 0) {
		use_sem(n);
		if (dice(2))
			close_sem(n);
	}
}

static void unlink_shm(unsigned n)
{
	expect("unlink region", names[n], shmipc_shm_unlink(ipc, names[n]),
	       -ENOENT, 0);
}

static void unlink_sem(unsigned n)
{
	expect("unlink semaphore", names[n], shmipc_sem_unlink(ipc, names[n]),
	       -ENOENT, 0);
}

static void stat_shm(unsigned n)
{
	struct shmipc_info info;
	int r = shmipc_stat(ipc, SHMIPC_SHM, names[n], &info);

	if (expect("look at region", names[n], r, -ENOENT, 0) == 0 &&
	    info.size != size_of(n))
		complain("%s is shown with %ju bytes", names[n],
			 (uintmax_t)info.size);
}

static void stat_sem(unsigned n)
{
	struct shmipc_info info;
	int r = shmipc_stat(ipc, SHMIPC_SEM, names[n], &info);

	if (expect("look at semaphore", names[n], r, -ENOENT, 0) == 0 &&
	    info.value > UNITS)
		complain("%s is shown with %u units", names[n], info.value);
}

static int skip(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static void list(unsigned n)
{
	expect("list for", names[n], shmipc_list(ipc, skip, NULL), 0, 0);
}

static void work(unsigned slot)
{
	static void (*const acts[])(unsigned n) = {
		open_shm,   open_sem,	open_shm, open_sem, open_shm, open_sem,
		unlink_shm, unlink_sem, stat_shm, stat_sem, list,
	};

	while (!atomic_load(&shared->ending)) {
		acts[dice(sizeof(acts) / sizeof(acts[0]))](dice(NAMES));
		atomic_fetch_add(&shared->calls[slot], 1);
	}
	for (unsigned n = 0; n < NAMES; n++) {
		close_shm(n);
		close_sem(n);
	}
}

static void kill_some(pid_t pids[WORKERS], unsigned long count)
{
	while (count--) {
		struct timespec pause = { .tv_nsec = dice(3000000) };
		unsigned i = 1 + dice(WORKERS - 1);

		nanosleep(&pause, NULL);
		kill(pids[i], SIGKILL);
		reap(pids[i], SIGKILL);
		pids[i] = start(work, i);
	}
}

void storm(unsigned long count)
{
	unsigned long calls = 0, failed, left;
	pid_t pids[WORKERS];

	shared = share(sizeof(*shared));
	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = start(work, i);
	kill_some(pids, count);
	/* Half of those that are left end well, the others do not. */
	for (unsigned i = WORKERS / 2; i < WORKERS; i++)
		kill(pids[i], SIGKILL);
	atomic_store(&shared->ending, 1);
	for (unsigned i = 0; i < WORKERS; i++) {
		reap(pids[i], i < WORKERS / 2 ? 0 : SIGKILL);
		calls += atomic_load(&shared->calls[i]);
	}
	failed = complaints();
	left = sweep();
	printf("stress: %s kill: %lu kills, %lu calls, %lu failed, "
	       "%lu left\n",
	       shmipc_backend_name(ipc), count, calls, failed, left);
}
