/* SPDX-License-Identifier: MIT */
/*
 * A program that runs once at a time. Whoever comes second is told, with the
 * pid of the first. A file with a pid in it would be wrong after kill -9; this
 * is right, since a transient region is gone with its last user. All of them
 * must run with the same SHMIPC_BACKEND.
 *
 * usage: once, which works until its standard input ends
 */
#include <errno.h>
#include <stdio.h>

#include <shmipc.h>

#define NAME "once"

/* As long as it is open, here or in a child; exec closes it. */
static struct shmipc_shm *guard;

/* 1: we are the one. 0: another is, and *pid is his. -1: cannot tell. */
static int become_the_one(struct shmipc *ipc, pid_t *pid)
{
	const unsigned flags = SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT;
	struct shmipc_info info;
	int err;

	do {
		err = shmipc_shm_open(ipc, &guard, NAME, 1, flags, 0600);
		if (err == 0)
			return 1;
		if (err == -EEXIST)
			err = shmipc_stat(ipc, SHMIPC_SHM, NAME, &info);
	} while (err == -ENOENT); /* he has just ended */
	if (err < 0)
		return -1;
	*pid = info.creator;
	return 0;
}

int main(void)
{
	struct shmipc *ipc;
	pid_t pid;
	int one;

	if (shmipc_open(&ipc, NULL) < 0 ||
	    (one = become_the_one(ipc, &pid)) < 0) {
		fprintf(stderr, "once: %s\n", shmipc_errmsg());
		return 2;
	}
	if (!one) {
		printf("already running, pid %ld\n", (long)pid);
		shmipc_close(ipc);
		return 1;
	}

	printf("running\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	shmipc_shm_close(guard);
	shmipc_close(ipc);
	return 0;
}
