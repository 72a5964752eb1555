/* SPDX-License-Identifier: MIT */
/*
 * A pool of workers that may be killed at any time without losing a job.
 *
 * usage: pool [JOBS [WORKERS]]
 *
 * The parent puts jobs into a table in shared memory, and workers take them.
 * The lock of the region protects the table. The semaphore has one unit for
 * each waiting job, and one more for each worker: that one wakes it to find
 * that no job is left.
 *
 * When a worker dies, the parent marks its job as waiting again and posts a
 * unit, because a unit may have died with the worker. If none did, there is one
 * unit too many, and the worker that takes it finds no job. If the worker died
 * holding the lock, the next holder gets -EOWNERDEAD. It has nothing to repair:
 * see struct job.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmipc.h>

/*
 * A single store to state takes a job from one state to the next, so a death
 * cannot leave it half way. The result is stored before that.
 */
struct job {
	_Atomic pid_t state; /* WAITING, DONE, or the worker that has it */
	int result;
};
enum { WAITING = -1, DONE = -2 }; /* and 0: not put yet */

static struct shmipc *ipc;
static struct shmipc_shm *shm;
static struct shmipc_sem *sem;
static struct job *jobs;
static int count = 100;

/* Runs at exit: the last process to close them removes the objects. */
static void close_all(void)
{
	shmipc_sem_close(sem);
	shmipc_shm_close(shm);
	shmipc_close(ipc);
}

static void need(int err)
{
	if (err < 0) {
		fprintf(stderr, "pool: %s\n", shmipc_errmsg());
		exit(1);
	}
}

static void lock(void)
{
	int err;

	do
		err = shmipc_shm_lock(shm, NULL);
	while (err == -EINTR);
	if (err == -EOWNERDEAD)
		err = shmipc_shm_mark_consistent(shm);
	need(err);
}

static void unlock(void)
{
	need(shmipc_shm_unlock(shm));
}

/* ---- the worker --------------------------------------------------------- */

/* Wait for a unit; exit if the parent has died. */
static void wait_for_unit(pid_t parent)
{
	struct timespec deadline;
	int err;

	do {
		clock_gettime(CLOCK_MONOTONIC, &deadline);
		deadline.tv_sec += 1;
		err = shmipc_sem_timedwait(sem, &deadline);
		if (getppid() != parent)
			exit(1);
	} while (err == -EINTR || err == -ETIMEDOUT);
	need(err);
}

/* Take a waiting job. -1: no job is waiting. */
static int take(void)
{
	int job = 0;

	lock();
	while (job < count && jobs[job].state != WAITING)
		job++;
	if (job < count)
		jobs[job].state = getpid();
	unlock();
	return job < count ? job : -1;
}

static int primes_below(int limit)
{
	int primes = 0;

	for (int n = 2; n < limit; n++) {
		int factor = 2;

		while (factor * factor <= n && n % factor != 0)
			factor++;
		primes += factor * factor > n;
	}
	return primes;
}

static void work(pid_t parent)
{
	for (;;) {
		int job, result;

		wait_for_unit(parent);
		job = take();
		if (job < 0)
			exit(0);
		result = primes_below(job * 100);

		lock();
		jobs[job].result = result;
		jobs[job].state = DONE;
		unlock();
	}
}

/* ---- the parent --------------------------------------------------------- */

static void start_worker(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		work(parent);
	if (pid < 0) {
		perror("pool: fork");
		exit(1);
	}
	fprintf(stderr, "pool: worker %ld was started\n", (long)pid);
}

static void put(int job)
{
	lock();
	jobs[job].state = WAITING;
	unlock();
	need(shmipc_sem_post(sem));
}

static void replace_worker(pid_t dead)
{
	fprintf(stderr, "pool: worker %ld was killed\n", (long)dead);
	lock();
	for (int job = 0; job < count; job++)
		if (jobs[job].state == dead)
			jobs[job].state = WAITING;
	unlock();
	need(shmipc_sem_post(sem));
	start_worker();
}

/* Wait until every worker has found that no job is left. */
static void wait_for_workers(int workers)
{
	while (workers > 0) {
		int status;
		pid_t pid = wait(&status);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid > 0 && WIFSIGNALED(status)) {
			replace_worker(pid);
			continue;
		}
		if (pid < 0 || status != 0)
			exit(1);
		workers--;
	}
}

int main(int argc, char **argv)
{
	const unsigned flags = SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT;
	int workers = argc > 2 ? atoi(argv[2]) : 4;
	char name[40];

	if (argc > 1)
		count = atoi(argv[1]);
	if (argc > 3 || count < 1 || workers < 1) {
		fprintf(stderr, "usage: pool [JOBS [WORKERS]]\n");
		return 2;
	}
	atexit(close_all);
	snprintf(name, sizeof(name), "pool.%ld", (long)getpid());
	need(shmipc_open(&ipc, NULL));
	need(shmipc_shm_open(ipc, &shm, name, (size_t)count * sizeof(*jobs),
			     flags, 0600));
	need(shmipc_sem_open(ipc, &sem, name, 0, flags, 0600));
	jobs = shmipc_shm_addr(shm);

	for (int i = 0; i < workers; i++)
		start_worker();
	for (int job = 0; job < count; job++)
		put(job);
	for (int i = 0; i < workers; i++)
		need(shmipc_sem_post(sem));
	wait_for_workers(workers);

	for (int job = 0; job < count; job++)
		printf("primes below %d: %d\n", job * 100, jobs[job].result);
	return fclose(stdout) == EOF;
}
