/* SPDX-License-Identifier: MIT */
/*
 * Programs that use all kinds of objects and are killed, and one that lives.
 *
 * usage: dead NUMBER SEED
 *
 * Half of NUMBER are killed while they have everything open and hold locks; the
 * others are killed while they make more and more, wherever they are. Then this
 * program, which has objects open itself, says what `shmipc ls' has to say, a
 * line for each object:
 *
 *	KIND NAME must|may VERDICT[,VERDICT]
 *
 * may: it may be missing, too. A line "ready" is the last. When its stdin ends,
 * it sees that its own objects, and the bytes of those that stay, are as they
 * should be, and ends.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmipc.h>

#include "tests/lib/reap.h"

#define NEW	   (SHMIPC_CREATE | SHMIPC_EXCL)
#define SIZE	   6000 /* of regions */
#define UNITS	   3	/* of semaphores */
#define CHILDREN   256
#define MOST	   80	/* that one of the makers makes */
#define LONGEST_US 1200 /* that it has for that, about */

/* Of what a child makes, by number: bit 0 and 1. */
#define IS_SEM(i)	((i)&1)
#define IS_TRANSIENT(i) ((i)&2)

static struct {
	_Atomic unsigned begun, done; /* how many; the child writes */
	pid_t pid;
} * children; /* shared */

static struct shmipc *ipc;
static int failures;

static void complain(const char *what, const char *name)
{
	fprintf(stderr, "dead: %s: %s: %s\n", name, what, shmipc_errmsg());
	failures++;
}

static void must(const char *what, const char *name, int r)
{
	if (r < 0) {
		complain(what, name);
		_exit(1);
	}
}

static void name_of(char ret[64], unsigned child, unsigned i)
{
	snprintf(ret, 64, "dead.%u.%u", child, i);
}

/* ---- what stands in a region --------------------------------------------- */

static unsigned char byte_at(unsigned seed, size_t at)
{
	return (unsigned char)(seed * 31 + at % 251);
}

static void fill(struct shmipc_shm *shm, unsigned seed)
{
	unsigned char *bytes = shmipc_shm_addr(shm);

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = byte_at(seed, i);
}

static void check_bytes(const struct shmipc_shm *shm, unsigned seed,
			const char *name)
{
	const unsigned char *bytes = shmipc_shm_addr(shm);

	if (shmipc_shm_size(shm) != SIZE)
		complain("the size is not what it was", name);
	for (size_t i = 0; i < SIZE; i++)
		if (bytes[i] != byte_at(seed, i)) {
			complain("the bytes are not what they were", name);
			return;
		}
}

/* ---- the processes that are killed --------------------------------------- */

/* Left open: that it goes with its process is the point. */
static struct shmipc_shm *make(unsigned child, unsigned i)
{
	unsigned flags = NEW | (IS_TRANSIENT(i) ? SHMIPC_TRANSIENT : 0);
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem;
	char name[64];

	name_of(name, child, i);
	atomic_store(&children[child].begun, i + 1);
	if (IS_SEM(i)) {
		must("make", name,
		     shmipc_sem_open(ipc, &sem, name, UNITS, flags, 0600));
	} else {
		must("make", name,
		     shmipc_shm_open(ipc, &shm, name, SIZE, flags, 0600));
		fill(shm, child);
	}
	atomic_store(&children[child].done, i + 1);
	return shm;
}

static void hold(unsigned child)
{
	for (unsigned i = 0; i < 4; i++) {
		struct shmipc_shm *shm = make(child, i);

		if (shm)
			must("lock", "region", shmipc_shm_lock(shm, NULL));
	}
	for (;;)
		pause();
}

static void make_many(unsigned child)
{
	for (unsigned i = 0; i < MOST; i++)
		make(child, i);
	for (;;)
		pause();
}

static void start(unsigned child, void (*run)(unsigned child))
{
	pid_t pid = reap_fork();

	if (pid < 0) {
		perror("dead: fork");
		exit(1);
	}
	if (pid == 0) {
		/* Connections are not for two processes. */
		must("connect", "child", shmipc_open(&ipc, NULL));
		run(child);
	}
	children[child].pid = pid;
}

static void end(unsigned child)
{
	pid_t pid = children[child].pid;
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	    reap_wait(pid) < 0)
		complain("it was not killed", "a child");
}

static void sleep_us(long us)
{
	struct timespec t = { .tv_nsec = us * 1000 };

	nanosleep(&t, NULL);
}

/* Until it has everything. */
static void await_holder(unsigned child)
{
	for (int i = 0; i < 2000 && children[child].done < 4; i++)
		sleep_us(10000);
	if (children[child].done < 4)
		complain("it was not ready in time", "a child");
}

static void kill_all(unsigned number)
{
	for (unsigned i = 0; i < number / 2; i++)
		start(i, hold);
	/* Two at a time, so that one is killed beside the other. */
	for (unsigned i = number / 2; i <= number; i++) {
		if (i < number)
			start(i, make_many);
		sleep_us(random() % LONGEST_US);
		if (i > number / 2)
			end(i - 1);
	}
	for (unsigned i = 0; i < number / 2; i++)
		await_holder(i);
	for (unsigned i = 0; i < number / 2; i++)
		end(i);
}

/* ---- what is to be expected ---------------------------------------------- */

static void expect(unsigned child, unsigned i)
{
	bool whole = i < children[child].done;
	char name[64];

	name_of(name, child, i);
	printf("%s %s %s %s\n", IS_SEM(i) ? "sem" : "shm", name,
	       whole ? "must" : "may",
	       IS_TRANSIENT(i) ? "garbage"
	       : whole	       ? "idle"
			       : "idle,garbage");
}

/* Those that stay are as they were. */
static void check(unsigned child, unsigned i)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	char name[64];
	int value = -1;

	if (IS_TRANSIENT(i))
		return;
	name_of(name, child, i);
	if (IS_SEM(i)) {
		must("open", name, shmipc_sem_open(ipc, &sem, name, 0, 0, 0));
		must("value", name, shmipc_sem_getvalue(sem, &value));
		if (value != UNITS)
			complain("its value is not what it was", name);
		shmipc_sem_close(sem);
	} else {
		must("open", name, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
		check_bytes(shm, child, name);
		shmipc_shm_close(shm);
	}
}

/* ---- the one that lives -------------------------------------------------- */

static struct {
	const char *name;
	unsigned flags;
	bool unlinked;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
} live[] = {
	{ .name = "live.stays" },
	{ .name = "live.transient", .flags = SHMIPC_TRANSIENT },
	{ .name = "live.unlinked", .unlinked = true },
};

#define LIVE (sizeof(live) / sizeof(live[0]))

static void begin_to_live(void)
{
	for (size_t i = 0; i < LIVE; i++) {
		const char *name = live[i].name;

		must("make", name,
		     shmipc_shm_open(ipc, &live[i].shm, name, SIZE,
				     NEW | live[i].flags, 0600));
		must("make", name,
		     shmipc_sem_open(ipc, &live[i].sem, name, UNITS,
				     NEW | live[i].flags, 0600));
		fill(live[i].shm, (unsigned)i);
		must("lock", name, shmipc_shm_lock(live[i].shm, NULL));
		if (live[i].unlinked) {
			must("unlink", name, shmipc_shm_unlink(ipc, name));
			must("unlink", name, shmipc_sem_unlink(ipc, name));
		} else {
			printf("shm %s must used\nsem %s must used\n", name,
			       name);
		}
	}
}

static void end_to_live(void)
{
	for (size_t i = 0; i < LIVE; i++) {
		const char *name = live[i].name;

		check_bytes(live[i].shm, (unsigned)i, name);
		must("unlock", name, shmipc_shm_unlock(live[i].shm));
		must("wait", name, shmipc_sem_trywait(live[i].sem));
		must("post", name, shmipc_sem_post(live[i].sem));
		must("close", name, shmipc_sem_close(live[i].sem));
		must("close", name, shmipc_shm_close(live[i].shm));
	}
}

int main(int argc, char **argv)
{
	unsigned number = argc == 3 ? (unsigned)atoi(argv[1]) : 0;

	if (number < 2 || number > CHILDREN) {
		fprintf(stderr, "usage: dead NUMBER SEED\n");
		return 2;
	}
	srandom((unsigned)atoi(argv[2]));
	children =
		mmap(NULL, CHILDREN * sizeof(*children), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (children == MAP_FAILED) {
		perror("dead: mmap");
		return 1;
	}
	kill_all(number);
	must("connect", "this one", shmipc_open(&ipc, NULL));
	begin_to_live();
	for (unsigned c = 0; c < number; c++)
		for (unsigned i = 0; i < children[c].begun; i++)
			expect(c, i);
	puts("ready");
	fflush(stdout);

	while (getchar() != EOF)
		;
	for (unsigned c = 0; c < number; c++)
		for (unsigned i = 0; i < children[c].done; i++)
			check(c, i);
	end_to_live();
	shmipc_close(ipc);
	return failures != 0;
}
