/* SPDX-License-Identifier: MIT */
/* The lock of a region: death in it, and what becomes of it then. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/conform/conform.h"

static int mark_and_unlock(struct shmipc_shm *shm)
{
	int r = shmipc_shm_mark_consistent(shm);

	return r < 0 ? r : shmipc_shm_unlock(shm);
}

START_TEST(next_holder_is_told_of_a_killed_one)
{
	static int (*const ways[])(struct shmipc_shm *) = { shmipc_shm_trylock,
							    lock_at_once };
	const char *name = name_of("killed");
	struct shmipc_shm *shm = new_shm(name, 8);

	for (int i = 0; i < 2; i++) {
		end_by_kill(start_holder(shm, 0));
		fails(-EOWNERDEAD, ways[i](shm));
		/* It is held, and the death stays known until it is marked. */
		fails(-EDEADLK, shmipc_shm_trylock(shm));
		ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -EBUSY);
		fails(-EBUSY, shmipc_shm_close(shm));
		ok(shmipc_shm_mark_consistent(shm));
		fails(-EINVAL, shmipc_shm_mark_consistent(shm));
		ok(shmipc_shm_unlock(shm));
		/* As if nothing had been. */
		ok(shmipc_shm_trylock(shm));
		fails(-EINVAL, shmipc_shm_mark_consistent(shm));
		ok(shmipc_shm_unlock(shm));
	}
	drop_shm(shm, name);
}
END_TEST

static int write_and_die(void *arg)
{
	struct shmipc_shm *shm = arg;

	if (shmipc_shm_lock(shm, NULL) < 0)
		return 1;
	memset(bytes_of(shm), 7, shmipc_shm_size(shm));
	raise(SIGKILL);
	return 2;
}

START_TEST(what_a_dead_holder_wrote_is_read)
{
	const char *name = name_of("wrote");
	struct shmipc_shm *shm = new_shm(name, 4096);

	ck_assert_int_eq(reap(spawn(write_and_die, shm)), 128 + SIGKILL);
	fails(-EOWNERDEAD, shmipc_shm_lock(shm, NULL));
	for (int i = 0; i < 4096; i++)
		ck_assert_int_eq(bytes_of(shm)[i], 7);
	ok(mark_and_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

START_TEST(death_before_the_mark_is_told_again)
{
	const char *name = name_of("twice");
	struct shmipc_shm *shm = new_shm(name, 8);

	end_by_kill(start_holder(shm, 0));
	for (int i = 0; i < 3; i++)
		end_by_kill(start_holder(shm, -EOWNERDEAD));
	take_over(shm);
	end_by_kill(start_holder(shm, 0));
	take_over(shm);
	drop_shm(shm, name);
}
END_TEST

static int want_the_lock(void *shm)
{
	return -shmipc_shm_lock(shm, NULL);
}

/* How long it took, in ms, until the processes that slept for it knew. */
static long end_the_lock(struct shmipc_shm *shm)
{
	enum { SLEEPERS = 5 };
	pid_t pids[SLEEPERS];
	long start;

	end_by_kill(start_holder(shm, 0));
	fails(-EOWNERDEAD, shmipc_shm_lock(shm, NULL));
	for (int i = 0; i < SLEEPERS; i++)
		pids[i] = spawn(want_the_lock, shm);
	for (int i = 0; i < SLEEPERS; i++)
		await_asleep(pids[i]);
	start = now_ms();
	ok(shmipc_shm_unlock(shm));
	for (int i = 0; i < SLEEPERS; i++)
		ck_assert_int_eq(reap(pids[i]), ENOTRECOVERABLE);
	return now_ms() - start;
}

START_TEST(end_of_the_lock_wakes_all_promptly)
{
	const char *name = name_of("all");
	long quickest = 60000;

	for (int round = 0; round < 5; round++) {
		struct shmipc_shm *shm = new_shm(name, 8);
		long took = end_the_lock(shm);

		quickest = took < quickest ? took : quickest;
		drop_shm(shm, name);
	}
	/* Without a wake-up, each rechecks after half a second. */
	ck_assert_int_lt(quickest, 300);
}
END_TEST

START_TEST(unlock_without_the_mark_is_the_end_of_the_lock)
{
	const char *name = name_of("end");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);
	struct timespec far = in_ms(60000);

	end_the_lock(shm);
	fails(-ENOTRECOVERABLE, shmipc_shm_lock(shm, NULL));
	fails(-ENOTRECOVERABLE, lock_at_once(shm));
	fails(-ENOTRECOVERABLE, shmipc_shm_trylock(shm));
	fails(-ENOTRECOVERABLE, shmipc_shm_lock(other, &far));
	fails(-EPERM, shmipc_shm_unlock(shm));
	fails(-EPERM, shmipc_shm_mark_consistent(shm));
	ck_assert_int_eq(in_thread(shmipc_shm_trylock, shm), -ENOTRECOVERABLE);
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -ENOTRECOVERABLE);
	ok(shmipc_shm_close(other));
	drop_shm(shm, name);

	shm = new_shm(name, 8);
	ok(shmipc_shm_trylock(shm));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

/* ---- however it ends ---------------------------------------------------- */

START_TEST(end_of_the_holders_thread_is_a_death)
{
	const char *name = name_of("thread");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);

	ck_assert_int_eq(in_thread(shmipc_shm_trylock, shm), 0);
	/* The holder is dead, and so nobody holds it. */
	fails(-EPERM, shmipc_shm_unlock(shm));
	fails(-EPERM, shmipc_shm_mark_consistent(shm));
	ck_assert_int_eq(in_thread(shmipc_shm_trylock, shm), -EOWNERDEAD);
	ck_assert_int_eq(in_thread(shmipc_shm_trylock, other), -EOWNERDEAD);
	ck_assert_int_eq(in_thread(lock_at_once, shm), -EOWNERDEAD);
	take_over(shm);
	ck_assert_int_eq(in_thread(shmipc_shm_trylock, shm), 0);
	take_over(other);
	ok(shmipc_shm_close(other));
	drop_shm(shm, name);
}
END_TEST

START_TEST(close_after_the_holders_thread_has_ended_is_fine)
{
	const char *name = name_of("gone");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);

	ck_assert_int_eq(in_thread(shmipc_shm_trylock, shm), 0);
	ok(shmipc_shm_close(shm));
	take_over(other);
	drop_shm(other, name);
}
END_TEST

static int lock_and_exit(void *arg)
{
	if (shmipc_shm_trylock(arg) < 0)
		return 1;
	exit(0);
}

START_TEST(exit_of_the_holder_is_a_death)
{
	const char *name = name_of("exit");
	struct shmipc_shm *shm = new_shm(name, 8);

	ck_assert_int_eq(reap(spawn(lock_and_exit, shm)), 0);
	take_over(shm);
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), 0);
	take_over(shm);
	drop_shm(shm, name);
}
END_TEST

static int lock_and_exec(void *shm)
{
	const char *program = getenv("SHMIPC_TEST_OPENER");

	if (shmipc_shm_lock(shm, NULL) < 0)
		return 1;
	execl(program, program, "idle", "-", "-", (char *)NULL);
	return 127;
}

START_TEST(exec_of_the_holder_is_a_death)
{
	const char *name = name_of("exec");
	struct shmipc_shm *shm = new_shm(name, 8);
	pid_t pid = spawn(lock_and_exec, shm);
	int r;

	/* Before it has it, it is free. */
	while ((r = shmipc_shm_lock(shm, NULL)) == 0)
		ok(shmipc_shm_unlock(shm));
	ck_assert_int_eq(r, -EOWNERDEAD);
	ok(mark_and_unlock(shm));
	/* It lives, as something else. */
	ck_assert_int_eq(kill(pid, 0), 0);
	end_by_kill(pid);
	ok(shmipc_shm_trylock(shm));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

/* ---- sleepers ----------------------------------------------------------- */

static int inherit(void *shm)
{
	int r = shmipc_shm_lock(shm, NULL);

	if (r == -EOWNERDEAD)
		r = mark_and_unlock(shm);
	else if (r == 0)
		r = -EIO;
	return -r;
}

START_TEST(death_of_the_holder_wakes_promptly)
{
	enum { ROUNDS = 50 };
	const char *name = name_of("prompt");
	struct shmipc_shm *shm = new_shm(name, 8);
	long start = now_ms();

	for (int i = 0; i < ROUNDS; i++) {
		pid_t holder = start_holder(shm, 0);
		pid_t waiter = spawn(inherit, shm);

		await_asleep(waiter);
		end_by_kill(holder);
		ck_assert_int_eq(reap(waiter), 0);
	}
	ck_assert_int_lt(now_ms() - start, ROUNDS * 200);
	drop_shm(shm, name);
}
END_TEST

static int take_once(void *shm)
{
	int r = shmipc_shm_lock(shm, NULL);

	return -(r < 0 ? r : shmipc_shm_unlock(shm));
}

START_TEST(killed_sleepers_leave_the_lock_to_the_living)
{
	const char *name = name_of("sleepers");
	struct shmipc_shm *shm = new_shm(name, 8);

	for (int round = 0; round < 20; round++) {
		pid_t killed, alive;
		long start;

		ok(shmipc_shm_lock(shm, NULL));
		killed = spawn(take_once, shm);
		await_asleep(killed);
		alive = spawn(take_once, shm);
		await_asleep(alive);
		/* Stopped, so that it cannot take the lock when woken. */
		kill(killed, SIGSTOP);
		start = now_ms();
		ok(shmipc_shm_unlock(shm));
		end_by_kill(killed);
		ck_assert_int_eq(reap(alive), 0);
		ck_assert_int_lt(now_ms() - start, 3000);
	}
	ok(shmipc_shm_trylock(shm));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

/* ---- many locks --------------------------------------------------------- */

static struct shmipc_shm *many[SHMIPC_LOCKS_MAX + 1];

static const char *name_of_many(int i)
{
	char word[32];

	snprintf(word, sizeof(word), "many%d", i);
	return name_of(word);
}

static int hold_as_many_as_can_be(void *arg)
{
	(void)arg;
	for (int i = 0; i < SHMIPC_LOCKS_MAX; i++)
		if (shmipc_shm_lock(many[i], NULL) < 0)
			return 1;
	if (shmipc_shm_lock(many[SHMIPC_LOCKS_MAX], NULL) != -ENOLCK ||
	    shmipc_shm_trylock(many[SHMIPC_LOCKS_MAX]) != -ENOLCK ||
	    *shmipc_errmsg() == '\0')
		return 2;
	/* One less, one more. */
	if (shmipc_shm_unlock(many[7]) < 0 ||
	    shmipc_shm_lock(many[SHMIPC_LOCKS_MAX], NULL) < 0)
		return 3;
	if (shmipc_shm_trylock(many[7]) != -ENOLCK)
		return 4;
	raise(SIGKILL);
	return 5;
}

START_TEST(all_locks_of_a_killed_holder_are_marked)
{
	for (int i = 0; i <= SHMIPC_LOCKS_MAX; i++)
		many[i] = new_shm(name_of_many(i), 8);
	ck_assert_int_eq(reap(spawn(hold_as_many_as_can_be, NULL)),
			 128 + SIGKILL);
	for (int i = 0; i <= SHMIPC_LOCKS_MAX; i++) {
		int r = shmipc_shm_trylock(many[i]);

		ck_assert_msg(r == (i == 7 ? 0 : -EOWNERDEAD),
			      "lock %d gave %d", i, r);
		ok(shmipc_shm_unlock(many[i]));
		drop_shm(many[i], name_of_many(i));
	}
}
END_TEST

/* ---- beside the mutexes of the program ---------------------------------- */

enum { PAIRS = 24, STEPS = 4000 };

struct mixed {
	pthread_mutex_t mutexes[PAIRS];
	bool held[2][PAIRS]; /* mutexes, and locks */
};

static void make_mutex(pthread_mutex_t *mutex, bool inherits)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (inherits)
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	ck_assert_int_eq(pthread_mutex_init(mutex, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}

/* Change one of them, at random; both kinds stand in one list. */
static int step(struct mixed *mixed, unsigned *seed)
{
	int i = rand_r(seed) / 16 % PAIRS, kind = rand_r(seed) / 16 % 2;
	bool *held = &mixed->held[kind][i];
	int r;

	if (kind == 0)
		r = *held ? pthread_mutex_unlock(&mixed->mutexes[i])
			  : pthread_mutex_lock(&mixed->mutexes[i]);
	else
		r = *held ? shmipc_shm_unlock(many[i])
			  : shmipc_shm_lock(many[i], NULL);
	*held = !*held;
	return r;
}

static int mix_and_die(void *arg)
{
	unsigned seed = (unsigned)getpid();

	for (int i = 0; i < STEPS; i++)
		if (step(arg, &seed) != 0)
			return 1;
	raise(SIGKILL);
	return 2;
}

static void check_mixed(struct mixed *mixed)
{
	for (int i = 0; i < PAIRS; i++) {
		int r = pthread_mutex_trylock(&mixed->mutexes[i]);

		ck_assert_int_eq(r, mixed->held[0][i] ? EOWNERDEAD : 0);
		if (r == EOWNERDEAD)
			pthread_mutex_consistent(&mixed->mutexes[i]);
		ck_assert_int_eq(pthread_mutex_unlock(&mixed->mutexes[i]), 0);
		r = shmipc_shm_trylock(many[i]);
		ck_assert_int_eq(r, mixed->held[1][i] ? -EOWNERDEAD : 0);
		if (r == -EOWNERDEAD)
			ok(shmipc_shm_mark_consistent(many[i]));
		ok(shmipc_shm_unlock(many[i]));
	}
	memset(mixed->held, 0, sizeof(mixed->held));
}

START_TEST(locks_and_robust_mutexes_do_not_disturb_each_other)
{
	struct mixed *mixed = mmap(NULL, sizeof(*mixed), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(mixed, MAP_FAILED);
	for (int i = 0; i < PAIRS; i++) {
		make_mutex(&mixed->mutexes[i], i % 3 == 0);
		many[i] = new_shm(name_of_many(i), 8);
	}
	for (int round = 0; round < 30; round++) {
		ck_assert_int_eq(reap(spawn(mix_and_die, mixed)),
				 128 + SIGKILL);
		check_mixed(mixed);
	}
	for (int i = 0; i < PAIRS; i++)
		drop_shm(many[i], name_of_many(i));
	munmap(mixed, sizeof(*mixed));
}
END_TEST

void add_lock_death(TCase *tc)
{
	tcase_add_test(tc, next_holder_is_told_of_a_killed_one);
	tcase_add_test(tc, what_a_dead_holder_wrote_is_read);
	tcase_add_test(tc, death_before_the_mark_is_told_again);
	tcase_add_test(tc, unlock_without_the_mark_is_the_end_of_the_lock);
	tcase_add_test(tc, end_of_the_lock_wakes_all_promptly);
	tcase_add_test(tc, end_of_the_holders_thread_is_a_death);
	tcase_add_test(tc, close_after_the_holders_thread_has_ended_is_fine);
	tcase_add_test(tc, exit_of_the_holder_is_a_death);
	tcase_add_test(tc, exec_of_the_holder_is_a_death);
	tcase_add_test(tc, death_of_the_holder_wakes_promptly);
	tcase_add_test(tc, killed_sleepers_leave_the_lock_to_the_living);
	tcase_add_test(tc, all_locks_of_a_killed_holder_are_marked);
	tcase_add_test(tc, locks_and_robust_mutexes_do_not_disturb_each_other);
}
