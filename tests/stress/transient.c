/* SPDX-License-Identifier: MIT */
/*
 * Processes open and close one transient object as fast as they can, so that
 * each open races with the close, or the death, of a user that may be the last.
 * The object must live while it has a user, and not a moment longer.
 *
 * Each process draws a number before it opens, from a counter that only grows;
 * the creator's becomes the object's token (a region's first word; a
 * semaphore's value), so tokens distinguish objects and say how old they are.
 * Then:
 *
 *   dead handle  Who has it open opens it once more, by name, and must find
 *                the same token; and who holds another token at the same time
 *                holds another object. Either means that one of the handles
 *                leads to an object whose name was taken away.
 *   orphan        If nobody was between the begin of an open and the end of
 *                a close when a number was drawn, then no object lived, and a
 *                lower token seen later is that of a dead one.
 *
 * Both are decided by one atomic word: users below, numbers above. Everything
 * here is sequentially consistent.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/stress/stress.h"

#define WORKERS 4

/* One in this many holders is killed instead of closing. */
#define LETHAL 50

/* This many opens of the region, then of the semaphore, and so on. */
#define TURN 200

#define ONE_USER   UINT64_C(1)
#define ONE_NUMBER (UINT64_C(1) << 16)
#define USERS(w)   ((w) & (ONE_NUMBER - 1))
#define NUMBER(w)  ((w) / ONE_NUMBER + 1)

#define PATIENCE_MS 10000

static struct {
	/* One of each for regions and one for semaphores. */
	struct side {
		_Atomic uint64_t word;
		_Atomic uint64_t floor;		/* all lower ones are dead */
		_Atomic uint64_t held[WORKERS]; /* token, or 0 */
	} sides[2];
	_Atomic unsigned side_of[WORKERS]; /* for bury() */
	_Atomic unsigned long opens, dead, orphans;
	unsigned long count;
} * shared;

/* An open object of either kind. */
struct holding {
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	uint64_t token;
};

static struct side *side; /* of this turn */
static unsigned self;

/* A creator is not killed before it has written the token. */
static uint64_t token_of_shm(struct shmipc_shm *shm, uint64_t number)
{
	_Atomic uint64_t *word = shmipc_shm_addr(shm);
	long deadline = now_ms() + PATIENCE_MS;
	uint64_t token;
	unsigned turns = 0;

	if (shmipc_shm_created(shm))
		atomic_store(word, number);
	while ((token = atomic_load(word)) == 0) {
		spin(&turns);
		if (turns % 65536 == 0 && now_ms() > deadline) {
			complain("a region whose creator never came");
			break;
		}
	}
	return token;
}

static uint64_t token_of_sem(struct shmipc_sem *sem)
{
	int value = 0;

	expect("value of", names[0], shmipc_sem_getvalue(sem, &value), 0, 0);
	return (uint64_t)value;
}

static int hold(struct holding *ret, unsigned flags, uint64_t number, int or)
{
	bool is_shm = side == &shared->sides[0];
	int r;

	*ret = (struct holding){ 0 };
	if (is_shm)
		r = shmipc_shm_open(ipc, &ret->shm, names[0], flags ? 5000 : 0,
				    flags, 0600);
	else
		r = shmipc_sem_open(ipc, &ret->sem, names[0], (unsigned)number,
				    flags, 0600);
	if (expect("open", names[0], r, or, 0) < 0)
		return r;
	ret->token = is_shm ? token_of_shm(ret->shm, number)
			    : token_of_sem(ret->sem);
	return 0;
}

static void release(const struct holding *h)
{
	expect("close", names[0], shmipc_shm_close(h->shm), 0, 0);
	expect("close", names[0], shmipc_sem_close(h->sem), 0, 0);
}

static void is_dead(uint64_t token, uint64_t other, const char *where)
{
	complain("a dead handle: of %ju, but %s %ju", (uintmax_t)token, where,
		 (uintmax_t)other);
	atomic_fetch_add(&shared->dead, 1);
}

/* Does the name still lead to what we have? Go on with either handle. */
static void open_again(struct holding *h)
{
	struct holding again, drop;

	if (hold(&again, 0, 0, -ENOENT) < 0) {
		is_dead(h->token, 0, "the name leads to");
		return;
	}
	if (again.token != h->token)
		is_dead(h->token, again.token, "the name leads to");
	drop = again;
	if (dice(2)) {
		drop = *h;
		*h = again;
	}
	release(&drop);
}

static void compare_held(uint64_t token)
{
	atomic_store(&side->held[self], token);
	for (unsigned i = 0; i < WORKERS; i++) {
		uint64_t other = atomic_load(&side->held[i]);

		if (other && other != token)
			is_dead(token, other, "somebody holds");
	}
}

static void raise_floor(uint64_t number)
{
	uint64_t floor = atomic_load(&side->floor);

	while (floor < number &&
	       !atomic_compare_exchange_weak(&side->floor, &floor, number))
		;
}

/* The end of a user: by close, or by what closes for the dead. */
static void use_and_end(struct holding *h)
{
	compare_held(h->token);
	dawdle(dice(4) ? 100 : 5000);
	if (dice(2))
		open_again(h);
	dawdle(100);
	/* Until here it is ours. */
	atomic_store(&side->held[self], 0);
	if (dice(LETHAL) == 0)
		kill(getpid(), SIGKILL);
	release(h);
}

static void one_open(unsigned long nth)
{
	unsigned n = (unsigned)(nth / TURN % 2);
	uint64_t word, number, floor;
	struct holding h;

	side = &shared->sides[n];
	atomic_store(&shared->side_of[self], n);
	word = atomic_fetch_add(&side->word, ONE_NUMBER + ONE_USER);
	number = NUMBER(word);
	if (USERS(word) == 0)
		raise_floor(number);
	floor = atomic_load(&side->floor);
	if (hold(&h, SHMIPC_CREATE | SHMIPC_TRANSIENT, number, 0) == 0) {
		if (h.token < floor) {
			complain("an orphan: of %ju, but all before %ju are "
				 "dead",
				 (uintmax_t)h.token, (uintmax_t)floor);
			atomic_fetch_add(&shared->orphans, 1);
		}
		use_and_end(&h);
	}
	atomic_fetch_sub(&side->word, ONE_USER);
}

/*
 * Sometimes all are here at once, sometimes hardly anybody: an object must be
 * abandoned as often as it is shared.
 */
static void work(unsigned slot)
{
	unsigned long nth;

	self = slot;
	while ((nth = atomic_fetch_add(&shared->opens, 1)) < shared->count) {
		one_open(nth);
		dawdle(nth / 1000 % 2 ? 50 : 50000);
	}
}

/*
 * A killed process may have left something to the next open; that is ours. Our
 * close leaves nothing, before another process asks for the name again.
 */
static void close_last(void)
{
	struct objects *before = note_objects();
	unsigned flags = SHMIPC_CREATE | SHMIPC_TRANSIENT;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	int r;

	r = shmipc_shm_open(ipc, &shm, names[0], 5000, flags, 0600);
	if (expect("open region", names[0], r, 0, 0) == 0)
		shmipc_shm_close(shm);
	r = shmipc_sem_open(ipc, &sem, names[0], 1, flags, 0600);
	if (expect("open semaphore", names[0], r, 0, 0) == 0)
		shmipc_sem_close(sem);
	(void)objects_left(before);
	forget_objects(before);
	if (shmipc_shm_open(ipc, &shm, names[0], 0, 0, 0) != -ENOENT)
		complain("the region %s is there still", names[0]);
	if (shmipc_sem_open(ipc, &sem, names[0], 0, 0, 0) != -ENOENT)
		complain("the semaphore %s is there still", names[0]);
}

/*
 * A killed process counts as a user until it is gone for good, memory and all:
 * reap() waits for that.
 */
static void bury(unsigned slot)
{
	struct side *its = &shared->sides[atomic_load(&shared->side_of[slot])];

	atomic_fetch_sub(&its->word, ONE_USER);
}

static unsigned long run_servers(void)
{
	unsigned long kills = 0;
	unsigned left = WORKERS;
	pid_t pids[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = start(work, i);
	while (left > 0) {
		unsigned slot = disturb(pids, WORKERS);

		if (reap(pids[slot], SIGKILL)) {
			kills++;
			bury(slot);
			pids[slot] = start(work, slot);
		} else {
			pids[slot] = 0;
			left--;
		}
	}
	return kills;
}

void transient(unsigned long count)
{
	unsigned long kills;

	shared = share(sizeof(*shared));
	shared->count = count;
	kills = run_servers();
	close_last();
	(void)sweep();
	printf("stress: %s transient: %lu opens, %lu kills, %lu dead handles, "
	       "%lu orphans\n",
	       shmipc_backend_name(ipc), count, kills,
	       atomic_load(&shared->dead), atomic_load(&shared->orphans));
}
