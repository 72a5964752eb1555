/* SPDX-License-Identifier: MIT */
/*
 * Death at every instruction of a turn, one after the other: between taking
 * the word of a lock and putting it into the list that the kernel looks at
 * there are a few nanoseconds, which no killer hits by chance.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/stress/stress.h"

/* So long nobody waits, on the slowest machine. */
#define STUCK_MS 10000

static struct shmipc_shm *shm;
static volatile int *dirty; /* in the region */
static struct {
	_Atomic unsigned long died;
	_Atomic int begun, over; /* the turn that is stepped through */
} * shared;

static void stop_here(void)
{
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	atomic_store(&shared->begun, 1);
}

/* All of it, or if somebody is to sleep meanwhile, the end of it. */
static void take_turn(unsigned sleeper)
{
	/* Once before, so that all is known and linked. */
	expect("lock", "first", shmipc_shm_lock(shm, NULL), 0, 0);
	expect("unlock", "first", shmipc_shm_unlock(shm), 0, 0);
	if (!sleeper)
		stop_here();
	(void)shmipc_shm_lock(shm, NULL);
	*dirty = 1;
	if (sleeper)
		stop_here();
	*dirty = 0;
	(void)shmipc_shm_unlock(shm);
	atomic_store(&shared->over, 1);
}

/* Take the lock from its last holder, and check the result. */
static void look_after(unsigned slot)
{
	struct timespec deadline = in_ms(STUCK_MS);
	int r = shmipc_shm_lock(shm, &deadline);

	(void)slot;
	if (r == -EOWNERDEAD)
		expect("mark", "it", shmipc_shm_mark_consistent(shm), 0, 0);
	else if (expect("lock", "after a death", r, 0, 0) == 0 && *dirty)
		complain("nobody said that the last holder was not ready");
	*dirty = 0;
	if (r == 0 || r == -EOWNERDEAD)
		expect("unlock", "it", shmipc_shm_unlock(shm), 0, 0);
	atomic_fetch_add(&shared->died, r == -EOWNERDEAD);
}

static void await_stop(pid_t pid)
{
	siginfo_t info;

	(void)waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT);
}

/* Run count instructions of the turn. False: it was over before. */
static bool step(pid_t pid, unsigned long count)
{
	while (count && !atomic_load(&shared->over)) {
		count -= (unsigned)atomic_load(&shared->begun);
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			break; /* it has ended, somehow */
		await_stop(pid);
	}
	return !atomic_load(&shared->over);
}

/* One death. False: the turn was over before. */
static bool die_at(unsigned long instruction, unsigned sleeper)
{
	pid_t pid, waiter = 0;
	bool reached;

	atomic_store(&shared->begun, 0);
	atomic_store(&shared->over, 0);
	pid = start(take_turn, sleeper);
	await_stop(pid);
	if (sleeper) {
		waiter = start(look_after, 1);
		await_asleep(waiter);
	}
	reached = step(pid, instruction);
	kill(pid, SIGKILL);
	reap(pid, SIGKILL);
	if (sleeper)
		reap(waiter, 0);
	look_after(0);
	return reached;
}

/* Some sandboxes forbid it. */
static void trace_me(unsigned slot)
{
	atomic_store(&shared->begun,
		     ptrace(PTRACE_TRACEME, slot, NULL, NULL) == 0);
}

static bool may_trace(void)
{
	reap(start(trace_me, 0), 0);
	return atomic_load(&shared->begun);
}

void steps(unsigned long count)
{
	unsigned long deaths = 0;

	shared = share(sizeof(*shared));
	if (!may_trace()) {
		printf("stress: no tracing here: not tried\n");
		exit(77);
	}
	expect("open region", names[0],
	       shmipc_shm_open(ipc, &shm, names[0], sizeof(*dirty),
			       SHMIPC_CREATE | SHMIPC_EXCL, 0600),
	       0, 0);
	dirty = shmipc_shm_addr(shm);
	for (unsigned sleeper = 0; sleeper < 2; sleeper++)
		for (unsigned long i = 0; i < count && die_at(i, sleeper); i++)
			deaths++;
	expect("unlink", names[0], shmipc_shm_unlink(ipc, names[0]), 0, 0);
	shmipc_shm_close(shm);
	if (atomic_load(&shared->died) == 0 ||
	    atomic_load(&shared->died) >= deaths)
		complain("%lu of %lu died in the lock",
			 atomic_load(&shared->died), deaths);
	sweep();
	printf("stress: %s steps: %lu instructions, %lu owners died, "
	       "%lu untold\n",
	       shmipc_backend_name(ipc), deaths, atomic_load(&shared->died),
	       complaints());
}
