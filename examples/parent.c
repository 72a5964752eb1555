/* SPDX-License-Identifier: MIT */
/*
 * The parent: fills a shared region and starts the child, which reads it.
 *
 * usage: parent [--no-sync]
 *
 * The program does not name a kind of shared memory: SHMIPC_BACKEND selects it
 * at run time.
 */
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmipc.h>

#define REGION	  "/my_shared_memory"
#define SEMAPHORE "/my_semaphore"
#define SIZE	  1024

static int complain(const char *what)
{
	fprintf(stderr, "parent: %s: %s\n", what, shmipc_errmsg());
	return 1;
}

/* Write while holding the unit of the semaphore; NULL: without one. */
static int fill(struct shmipc_shm *shm, struct shmipc_sem *sem)
{
	unsigned char *data = shmipc_shm_addr(shm);

	if (sem && shmipc_sem_wait(sem) < 0)
		return complain("wait");
	for (int i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i % 256);
	if (sem && shmipc_sem_post(sem) < 0)
		return complain("post");
	return 0;
}

/* Run the program `child' in the directory of this one, and wait for it. */
static int run_child(char *self, char *option)
{
	char path[4096];
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/child", dirname(self));
	pid = fork();
	if (pid < 0) {
		perror("parent: fork");
		return 1;
	}
	if (pid == 0) {
		execl(path, path, option, (char *)NULL);
		perror(path);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0) {
		perror("parent: waitpid");
		return 1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "parent: the child failed (%s %d)\n",
		WIFEXITED(status) ? "exit status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return 1;
}

int main(int argc, char **argv)
{
	int sync = !(argc == 2 && !strcmp(argv[1], "--no-sync"));
	struct shmipc *ipc = NULL;
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;
	int failed = 1;

	if (argc > 1 && sync) {
		fprintf(stderr, "usage: parent [--no-sync]\n");
		return 2;
	}
	if (shmipc_open(&ipc, NULL) < 0)
		return complain("open");
	if (shmipc_shm_open(ipc, &shm, REGION, SIZE,
			    SHMIPC_CREATE | SHMIPC_EXCL, 0600) < 0) {
		complain("create");
		goto out;
	}
	if (sync && shmipc_sem_open(ipc, &sem, SEMAPHORE, 1,
				    SHMIPC_CREATE | SHMIPC_EXCL, 0600) < 0) {
		complain("create");
		goto out;
	}

	failed = fill(shm, sem) || run_child(argv[0], argv[1]);
out:
	/* Unlink only what this program made. */
	if (sem)
		shmipc_sem_unlink(ipc, SEMAPHORE);
	if (shm)
		shmipc_shm_unlink(ipc, REGION);
	shmipc_sem_close(sem);
	shmipc_shm_close(shm);
	shmipc_close(ipc);
	return failed;
}
