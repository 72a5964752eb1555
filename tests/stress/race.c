/* SPDX-License-Identifier: MIT */
/*
 * Two processes meet at one name, again and again. One creates the object,
 * the other opens it as early as it can: it must find nothing, or all of it.
 * Or both create it, and must come to share one.
 *
 * A round has four phases, which both enter together. Phases are numbers that
 * only grow, so that one who was thrown out of a round by SIGBUS does not keep
 * the other waiting.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/stress/stress.h"

#define PATIENCE_MS 30000

enum { OPEN, USE, CHECK, REMOVE, PHASES };

static struct {
	/* Each process writes its own of these, and reads the other's. */
	_Atomic unsigned long phase[2];
	_Atomic int created[2];
	_Atomic unsigned long sigbus, uninitialised;
	unsigned long rounds;
} * shared;

static unsigned me; /* 0 or 1 */
static unsigned long round_no;
static sigjmp_buf out;

static void enter(unsigned phase)
{
	unsigned long number = round_no * PHASES + phase + 1;
	long deadline = now_ms() + PATIENCE_MS;
	unsigned turns = 0;

	atomic_store(&shared->phase[me], number);
	while (atomic_load(&shared->phase[!me]) < number) {
		spin(&turns);
		if (turns % 65536 == 0 && now_ms() > deadline) {
			complain("round %lu: the other does not come",
				 round_no);
			_exit(1);
		}
	}
}

/* A page more or less, with an end anywhere in a page. */
static size_t size_now(void)
{
	return 1 + round_no * 2654435761UL % 16384;
}

static unsigned value_now(void)
{
	return 1 + (unsigned)(round_no % 100000);
}

static const char *name_now(void)
{
	return names[round_no / 7 % NAMES];
}

static void look_at_region(struct shmipc_shm *shm)
{
	const unsigned char *data = shmipc_shm_addr(shm);

	if (shmipc_shm_size(shm) != size_now())
		complain("round %lu: %zu bytes, not %zu", round_no,
			 shmipc_shm_size(shm), size_now());
	for (size_t i = 0; i < shmipc_shm_size(shm); i++) {
		if (data[i] == 0)
			continue;
		complain("round %lu: byte %zu is %d", round_no, i, data[i]);
		atomic_fetch_add(&shared->uninitialised, 1);
		return;
	}
}

static void look_at_semaphore(struct shmipc_sem *sem, unsigned should)
{
	int is = -1;

	expect("value of", name_now(), shmipc_sem_getvalue(sem, &is), 0, 0);
	if (is == (int)should)
		return;
	complain("round %lu: the value is %d, not %u", round_no, is, should);
	atomic_fetch_add(&shared->uninitialised, 1);
}

/* Open until it is there. Every open before finds nothing at all. */
static int await_region(struct shmipc_shm **ret)
{
	unsigned flags = dice(2) ? SHMIPC_RDONLY : 0;
	long deadline = now_ms() + PATIENCE_MS;
	int r;

	do
		r = shmipc_shm_open(ipc, ret, name_now(), 0, flags, 0);
	while (r == -ENOENT && now_ms() < deadline);
	return expect("open region", name_now(), r, 0, 0);
}

static int await_semaphore(struct shmipc_sem **ret)
{
	unsigned flags = dice(2) ? SHMIPC_RDONLY : 0;
	long deadline = now_ms() + PATIENCE_MS;
	int r;

	do
		r = shmipc_sem_open(ipc, ret, name_now(), 0, flags, 0);
	while (r == -ENOENT && now_ms() < deadline);
	return expect("open semaphore", name_now(), r, 0, 0);
}

/* The same, seen by one who does not open it. */
static void await_sight(enum shmipc_kind kind)
{
	long deadline = now_ms() + PATIENCE_MS;
	struct shmipc_info info;
	int r;

	do
		r = shmipc_stat(ipc, kind, name_now(), &info);
	while (r == -ENOENT && now_ms() < deadline);
	if (expect("look at", name_now(), r, 0, 0) < 0)
		return;
	if (kind == SHMIPC_SHM ? info.size != size_now()
			       : info.value != value_now()) {
		complain("round %lu: stat shows size %ju, value %u", round_no,
			 (uintmax_t)info.size, info.value);
		atomic_fetch_add(&shared->uninitialised, 1);
	}
}

static void check_created(int is, int should)
{
	if (is != should)
		complain("round %lu: created is %d, not %d", round_no, is,
			 should);
}

static void new_region(void)
{
	struct shmipc_shm *shm;
	int r;

	if (me == 0) {
		r = shmipc_shm_open(ipc, &shm, name_now(), size_now(),
				    SHMIPC_CREATE | SHMIPC_EXCL, 0600);
		expect("create region", name_now(), r, 0, 0);
	} else {
		if (dice(4) == 0)
			await_sight(SHMIPC_SHM);
		r = await_region(&shm);
	}
	if (r < 0)
		return;
	check_created(shmipc_shm_created(shm), me == 0);
	if (me == 1)
		look_at_region(shm);
	shmipc_shm_close(shm);
}

static void new_semaphore(void)
{
	struct shmipc_sem *sem;
	int r;

	if (me == 0) {
		r = shmipc_sem_open(ipc, &sem, name_now(), value_now(),
				    SHMIPC_CREATE | SHMIPC_EXCL, 0600);
		expect("create semaphore", name_now(), r, 0, 0);
	} else {
		if (dice(4) == 0)
			await_sight(SHMIPC_SEM);
		r = await_semaphore(&sem);
	}
	if (r < 0)
		return;
	check_created(shmipc_sem_created(sem), me == 0);
	if (me == 1)
		look_at_semaphore(sem, value_now());
	shmipc_sem_close(sem);
}

/* Exactly one of two has made it. */
static void compare_created(int mine)
{
	atomic_store(&shared->created[me], mine);
	enter(USE);
	if (me == 0)
		check_created(mine + atomic_load(&shared->created[1]), 1);
}

static void same_region(void)
{
	struct shmipc_shm *shm;
	unsigned char *data;
	int r = shmipc_shm_open(ipc, &shm, name_now(), size_now(),
				SHMIPC_CREATE, 0600);

	if (expect("create region", name_now(), r, 0, 0) < 0)
		return;
	look_at_region(shm);
	compare_created(shmipc_shm_created(shm));
	data = shmipc_shm_addr(shm);
	if (me == 0)
		data[size_now() - 1] = 42;
	enter(CHECK);
	if (me == 1 && data[size_now() - 1] != 42)
		complain("round %lu: two regions of one name", round_no);
	shmipc_shm_close(shm);
}

static void same_semaphore(void)
{
	struct shmipc_sem *sem;
	int r = shmipc_sem_open(ipc, &sem, name_now(), value_now(),
				SHMIPC_CREATE, 0600);

	if (expect("create semaphore", name_now(), r, 0, 0) < 0)
		return;
	look_at_semaphore(sem, value_now());
	compare_created(shmipc_sem_created(sem));
	if (me == 0)
		expect("post", name_now(), shmipc_sem_post(sem), 0, 0);
	enter(CHECK);
	if (me == 1)
		look_at_semaphore(sem, value_now() + 1);
	shmipc_sem_close(sem);
}

static const struct {
	void (*meet)(void);
	int (*unlink)(struct shmipc *ipc, const char *name);
	bool both_create;
} ways[] = {
	{ new_region, shmipc_shm_unlink, false },
	{ new_semaphore, shmipc_sem_unlink, false },
	{ same_region, shmipc_shm_unlink, true },
	{ same_semaphore, shmipc_sem_unlink, true },
};

static void caught(int signal)
{
	siglongjmp(out, signal);
}

/*
 * The creator starts a little later, so that the other looks for the object
 * before it is begun; two creators start at the same moment, or nearly.
 */
static void start_apart(bool both_create)
{
	dawdle(both_create || me == 1 ? 500 : 5000);
}

static void one_round(void)
{
	unsigned way = round_no % (sizeof(ways) / sizeof(ways[0]));

	int signal = sigsetjmp(out, 0);

	if (signal == 0) {
		enter(OPEN);
		start_apart(ways[way].both_create);
		ways[way].meet();
	} else {
		complain("round %lu: signal %d", round_no, signal);
		atomic_fetch_add(&shared->sigbus, signal == SIGBUS);
	}
	enter(REMOVE);
	if (me == 0)
		expect("unlink", name_now(), ways[way].unlink(ipc, name_now()),
		       0, 0);
}

static void run_rounds(unsigned slot)
{
	/* SA_NODEFER: it is left by a jump that restores no mask. */
	struct sigaction action = { .sa_handler = caught,
				    .sa_flags = SA_NODEFER };
	int fds = 0;

	me = slot;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	for (round_no = 0; round_no < shared->rounds; round_no++) {
		one_round();
		if (round_no == 0)
			fds = count_fds(); /* the connection has its own */
	}
	if (count_fds() != fds)
		complain("%d descriptors became %d", fds, count_fds());
}

void race(unsigned long count)
{
	pid_t pids[2];

	shared = share(sizeof(*shared));
	shared->rounds = count;
	for (unsigned i = 0; i < 2; i++)
		pids[i] = start(run_rounds, i);
	(void)disturb(pids, 2);
	for (unsigned i = 0; i < 2; i++)
		reap(pids[i], 0);
	/* Nobody died, so that there is nothing to collect. */
	(void)objects_left(at_start);
	(void)sweep();
	printf("stress: %s race: %lu pairs, %lu SIGBUS, "
	       "%lu uninitialised reads\n",
	       shmipc_backend_name(ipc), count, atomic_load(&shared->sigbus),
	       atomic_load(&shared->uninitialised));
}
