/* SPDX-License-Identifier: MIT */
/* The lock of a region: sleeping, waking, deadlines, signals. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "tests/conform/conform.h"

static int take_patiently(void *shm)
{
	int r = shmipc_shm_lock(shm, NULL);

	return -(r < 0 ? r : shmipc_shm_unlock(shm));
}

START_TEST(unlock_wakes_promptly)
{
	enum { ROUNDS = 50 };
	const char *name = name_of("prompt");
	struct shmipc_shm *shm = new_shm(name, 8);
	long start = now_ms();

	/* By a wake-up each, not by looking again now and then. */
	for (int i = 0; i < ROUNDS; i++) {
		pid_t waiter;

		ok(shmipc_shm_lock(shm, NULL));
		waiter = spawn(take_patiently, shm);
		await_asleep(waiter);
		ok(shmipc_shm_unlock(shm));
		ck_assert_int_eq(reap(waiter), 0);
	}
	ck_assert_int_lt(now_ms() - start, ROUNDS * 200);
	drop_shm(shm, name);
}
END_TEST

START_TEST(many_sleepers_come_one_after_the_other)
{
	enum { COUNT = 16, ROUNDS = 5 };
	const char *name = name_of("many");
	struct shmipc_shm *shm = new_shm(name, 8);
	long quickest = 60000;
	pid_t pids[COUNT];

	for (int round = 0; round < ROUNDS; round++) {
		long start, took;

		ok(shmipc_shm_lock(shm, NULL));
		for (int i = 0; i < COUNT; i++)
			pids[i] = spawn(take_patiently, shm);
		for (int i = 0; i < COUNT; i++)
			await_asleep(pids[i]);
		start = now_ms();
		ok(shmipc_shm_unlock(shm));
		for (int i = 0; i < COUNT; i++)
			ck_assert_int_eq(reap(pids[i]), 0);
		took = now_ms() - start;
		quickest = took < quickest ? took : quickest;
	}
	/* Without a wake-up, each rechecks after half a second. */
	ck_assert_int_lt(quickest, 300);
	drop_shm(shm, name);
}
END_TEST

START_TEST(free_lock_is_taken_after_the_deadline)
{
	const char *name = name_of("late");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct timespec zero = { 0, 0 }, before = { -1, 0 };
	long start = now_ms();
	pid_t holder;

	ok(lock_at_once(shm));
	ok(shmipc_shm_unlock(shm));
	ok(shmipc_shm_lock(shm, &before));
	ok(shmipc_shm_unlock(shm));
	holder = start_holder(shm, 0);
	fails(-ETIMEDOUT, lock_at_once(shm));
	fails(-ETIMEDOUT, shmipc_shm_lock(shm, &zero));
	fails(-ETIMEDOUT, shmipc_shm_lock(shm, &before));
	ck_assert_int_lt(now_ms() - start, 5000);
	end_by_kill(holder);
	drop_shm(shm, name);
}
END_TEST

START_TEST(deadline_of_a_lock_is_kept)
{
	static const long waits[] = { 1, 30, 120, 1100 };
	const char *name = name_of("kept");
	struct shmipc_shm *shm = new_shm(name, 8);
	pid_t holder = start_holder(shm, 0);

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		long start = now_ms(), took;
		struct timespec deadline = in_ms(waits[i]);

		fails(-ETIMEDOUT, shmipc_shm_lock(shm, &deadline));
		took = now_ms() - start;
		ck_assert_int_ge(took, waits[i]);
		ck_assert_int_lt(took, waits[i] + 3000);
	}
	fails(-EPERM, shmipc_shm_unlock(shm));
	end_by_kill(holder);
	drop_shm(shm, name);
}
END_TEST

START_TEST(malformed_deadline_of_a_lock_is_invalid)
{
	static const long bad[] = { -1, 1000000000, 0x7fffffff };
	const char *name = name_of("malformed");
	struct shmipc_shm *shm = new_shm(name, 8);

	for (int i = 0; i < 3; i++) {
		struct timespec t = in_ms(10);

		t.tv_nsec = bad[i];
		fails(-EINVAL, shmipc_shm_lock(shm, &t));
		fails(-EPERM, shmipc_shm_unlock(shm));
	}
	ok(shmipc_shm_trylock(shm));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

static volatile sig_atomic_t handled;

static void count_signal(int signal)
{
	(void)signal;
	handled++;
}

START_TEST(handler_ends_a_sleep_for_a_lock)
{
	static const struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
	static const struct itimerval never;
	const char *name = name_of("eintr");
	struct shmipc_shm *shm = new_shm(name, 8);
	pid_t holder = start_holder(shm, 0);

	for (int i = 0; i < 2; i++) {
		struct sigaction action = { .sa_handler = count_signal,
					    .sa_flags = i ? SA_RESTART : 0 };
		struct timespec far = in_ms(60000);

		handled = 0;
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &every, NULL);
		fails(-EINTR, shmipc_shm_lock(shm, NULL));
		ck_assert_int_ge(handled, 1);
		fails(-EINTR, shmipc_shm_lock(shm, &far));
		setitimer(ITIMER_REAL, &never, NULL);
		fails(-EPERM, shmipc_shm_unlock(shm));
	}
	end_by_kill(holder);
	take_over(shm);
	drop_shm(shm, name);
}
END_TEST

static int take_while_cancelled(struct shmipc_shm *shm)
{
	struct timespec soon = in_ms(50);
	int r;

	pthread_cancel(pthread_self());
	r = shmipc_shm_lock(shm, &soon);
	if (r == 0)
		r = shmipc_shm_unlock(shm);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return r;
}

START_TEST(sleep_for_a_lock_is_no_cancellation_point)
{
	const char *name = name_of("cancel");
	struct shmipc_shm *shm = new_shm(name, 8);

	ck_assert_int_eq(in_thread(take_while_cancelled, shm), 0);
	ok(shmipc_shm_lock(shm, NULL));
	ck_assert_int_eq(in_thread(take_while_cancelled, shm), -ETIMEDOUT);
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

void add_lock_sleep(TCase *tc)
{
	tcase_add_test(tc, unlock_wakes_promptly);
	tcase_add_test(tc, many_sleepers_come_one_after_the_other);
	tcase_add_test(tc, free_lock_is_taken_after_the_deadline);
	tcase_add_test(tc, deadline_of_a_lock_is_kept);
	tcase_add_test(tc, malformed_deadline_of_a_lock_is_invalid);
	tcase_add_test(tc, handler_ends_a_sleep_for_a_lock);
	tcase_add_test(tc, sleep_for_a_lock_is_no_cancellation_point);
}
