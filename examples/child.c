/* SPDX-License-Identifier: MIT */
/*
 * The child: opens the region of its parent by name and prints the bytes.
 *
 * usage: child [--no-sync]
 */
#include <stdio.h>
#include <string.h>

#include <shmipc.h>

#define REGION	  "/my_shared_memory"
#define SEMAPHORE "/my_semaphore"
#define SIZE	  1024

static int complain(const char *what)
{
	fprintf(stderr, "child: %s: %s\n", what, shmipc_errmsg());
	return 1;
}

/* Read while holding the unit of the semaphore; NULL: without one. */
static int print(struct shmipc_shm *shm, struct shmipc_sem *sem)
{
	const unsigned char *data = shmipc_shm_addr(shm);

	if (sem && shmipc_sem_wait(sem) < 0)
		return complain("wait");
	for (int i = 0; i < SIZE; i++)
		printf("Data at index %d: %d\n", i, data[i]);
	if (sem && shmipc_sem_post(sem) < 0)
		return complain("post");
	if (fflush(stdout) == EOF) {
		perror("child: stdout");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int sync = !(argc == 2 && !strcmp(argv[1], "--no-sync"));
	struct shmipc *ipc = NULL;
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;
	int failed = 1;

	if (argc > 1 && sync) {
		fprintf(stderr, "usage: child [--no-sync]\n");
		return 2;
	}
	if (shmipc_open(&ipc, NULL) < 0)
		return complain("open");
	if (shmipc_shm_open(ipc, &shm, REGION, SIZE, SHMIPC_RDONLY, 0) < 0 ||
	    (sync && shmipc_sem_open(ipc, &sem, SEMAPHORE, 0, 0, 0) < 0))
		complain("open");
	else
		failed = print(shm, sem);

	shmipc_sem_close(sem);
	shmipc_shm_close(shm);
	shmipc_close(ipc);
	return failed;
}
