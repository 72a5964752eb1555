/* SPDX-License-Identifier: MIT */
/*
 * examples/pool.c, the very same text, whose workers die: one after the other
 * at each of its calls of the library, just before and just after it, the first
 * time that they come there, or the second, third or fourth. Says on stderr
 * which worker died where, and which was told that the holder of the lock had
 * died.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <shmipc.h>

#define DEATHS 240

/* clang-format off */
static const char *const places[] = {
	"before the wait", "after the wait", "before the lock",
	"after the lock", "before the unlock", "after the unlock",
};
/* clang-format on */
#define PLACES (int)(sizeof(places) / sizeof(places[0]))

/* How many workers were started; in a worker, which one it is. */
static int number;
static int is_worker;

static void reach(int place)
{
	static int times;

	if (!is_worker || number > DEATHS || number % PLACES != place ||
	    times++ < number / PLACES % 4)
		return;
	dprintf(2, "died %s\n", places[place]);
	kill(getpid(), SIGKILL);
}

static pid_t counted_fork(void)
{
	pid_t pid;

	number++;
	pid = fork();
	if (pid == 0)
		is_worker = 1;
	return pid;
}

static int dying_wait(struct shmipc_sem *s, const struct timespec *deadline)
{
	int err;

	reach(0);
	err = shmipc_sem_timedwait(s, deadline);
	if (err == 0)
		reach(1);
	return err;
}

static int dying_lock(struct shmipc_shm *s, const struct timespec *deadline)
{
	int err;

	reach(2);
	err = shmipc_shm_lock(s, deadline);
	if (err == -EOWNERDEAD)
		dprintf(2, "told\n");
	reach(3);
	return err;
}

static int dying_unlock(struct shmipc_shm *s)
{
	int err;

	reach(4);
	err = shmipc_shm_unlock(s);
	reach(5);
	return err;
}

#define fork		     counted_fork
#define shmipc_sem_timedwait dying_wait
#define shmipc_shm_lock	     dying_lock
#define shmipc_shm_unlock    dying_unlock
#include "examples/pool.c"
