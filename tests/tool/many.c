/* SPDX-License-Identifier: MIT */
/*
 * Make many objects, regions and semaphores in turns, and leave them.
 *
 * usage: many NUMBER
 */
#include <stdio.h>
#include <stdlib.h>

#include <shmipc.h>

#define NEW (SHMIPC_CREATE | SHMIPC_EXCL)

static int make(struct shmipc *ipc, int i)
{
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "many.%d", i);
	if (i % 2)
		r = shmipc_sem_open(ipc, &sem, name, (unsigned)i, NEW, 0600);
	else
		r = shmipc_shm_open(ipc, &shm, name, 64, NEW, 0600);
	shmipc_sem_close(sem);
	shmipc_shm_close(shm);
	return r;
}

int main(int argc, char **argv)
{
	struct shmipc *ipc;
	int r = 0;

	if (argc != 2 || shmipc_open(&ipc, NULL) < 0) {
		fprintf(stderr, "many: %s\n", shmipc_errmsg());
		return 1;
	}
	for (int i = 0; i < atoi(argv[1]) && r == 0; i++)
		r = make(ipc, i);
	shmipc_close(ipc);
	if (r < 0)
		fprintf(stderr, "many: %s\n", shmipc_errmsg());
	return r < 0;
}
