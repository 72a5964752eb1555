/* SPDX-License-Identifier: MIT */
/*
 * A program that allows only one running instance of itself. A second instance
 * prints the pid of the first and exits. A pid file would be wrong after
 * kill -9, but a transient region disappears with its last user. All instances
 * must run with the same SHMIPC_BACKEND.
 *
 * usage: once; it runs until the end of its standard input
 */
#include <errno.h>
#include <stdio.h>

#include <shmipc.h>

#define NAME "once"

/* The instance lasts while this is open, here or in a child; exec closes it. */
static struct shmipc_shm *guard;

/* 1: this is the only instance. 0: *pid is the other one. -1: an error. */
static int become_the_one(struct shmipc *ipc, pid_t *pid)
{
	const unsigned flags = SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT;
	struct shmipc_info info = { .creator = 0 };
	int err;

	do {
		err = shmipc_shm_open(ipc, &guard, NAME, 1, flags, 0600);
		if (err == 0)
			return 1;
		if (err == -EEXIST)
			err = shmipc_stat(ipc, SHMIPC_SHM, NAME, &info);
	} while (err == -ENOENT); /* it has just exited */
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
