/* SPDX-License-Identifier: MIT */
/* Semaphores: counting. */
#include <pthread.h>
#include <stdio.h>

#include "tests/conform/conform.h"

START_TEST(semaphore_starts_with_its_value)
{
	static const unsigned values[] = { 0, 1, 2, 1000,
					   SHMIPC_SEM_VALUE_MAX };
	const char *name = name_of("value");

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct shmipc_sem *sem = new_sem(name, values[i]), *opened;

		ck_assert_int_eq(value_of(sem), (int)values[i]);
		opened = open_sem(name);
		ck_assert_int_eq(value_of(opened), (int)values[i]);
		ok(shmipc_sem_close(opened));
		drop_sem(sem, name);
	}
}
END_TEST

START_TEST(value_above_the_maximum_is_invalid)
{
	struct shmipc_sem *sem = NULL;

	fails(-EINVAL,
	      shmipc_sem_open(ipc, &sem, name_of("above"),
			      SHMIPC_SEM_VALUE_MAX + 1, SHMIPC_CREATE, 0600));
	ck_assert_ptr_null(sem);
	fails(-ENOENT, shmipc_sem_unlink(ipc, name_of("above")));
}
END_TEST

START_TEST(post_adds_and_wait_takes)
{
	const char *name = name_of("count");
	struct shmipc_sem *sem = new_sem(name, 2);

	ok(shmipc_sem_wait(sem));
	ck_assert_int_eq(value_of(sem), 1);
	ok(shmipc_sem_post(sem));
	ok(shmipc_sem_post(sem));
	ck_assert_int_eq(value_of(sem), 3);
	ok(shmipc_sem_trywait(sem));
	ck_assert_int_eq(value_of(sem), 2);
	ok(shmipc_sem_timedwait(sem, NULL));
	ok(shmipc_sem_wait(sem));
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(trywait_on_zero_does_not_wait)
{
	const char *name = name_of("try");
	struct shmipc_sem *sem = new_sem(name, 0);

	fails(-EAGAIN, shmipc_sem_trywait(sem));
	ck_assert_int_eq(value_of(sem), 0);
	ok(shmipc_sem_post(sem));
	ok(shmipc_sem_trywait(sem));
	fails(-EAGAIN, shmipc_sem_trywait(sem));
	drop_sem(sem, name);
}
END_TEST

START_TEST(post_at_the_maximum_overflows)
{
	const char *name = name_of("max");
	struct shmipc_sem *sem = new_sem(name, SHMIPC_SEM_VALUE_MAX);

	fails(-EOVERFLOW, shmipc_sem_post(sem));
	ck_assert_int_eq(value_of(sem), (int)SHMIPC_SEM_VALUE_MAX);
	ok(shmipc_sem_wait(sem));
	ok(shmipc_sem_post(sem));
	fails(-EOVERFLOW, shmipc_sem_post(sem));
	drop_sem(sem, name);
}
END_TEST

START_TEST(value_stays_when_nobody_has_it_open)
{
	const char *name = name_of("stays");
	struct shmipc_sem *sem = new_sem(name, 5);

	ok(shmipc_sem_wait(sem));
	ok(shmipc_sem_close(sem));
	sem = open_sem(name);
	ck_assert_int_eq(value_of(sem), 4);
	drop_sem(sem, name);
}
END_TEST

START_TEST(taken_units_stay_taken_after_close)
{
	const char *name = name_of("undo");
	struct shmipc_sem *sem = new_sem(name, 3);

	ck_assert_int_eq(run_opener("wait", name, "2"), 0);
	ck_assert_int_eq(value_of(sem), 1);
	ck_assert_int_eq(run_opener("post", name, "4"), 0);
	ck_assert_int_eq(value_of(sem), 5);
	drop_sem(sem, name);
}
END_TEST

/* One counter, no atomics: only the semaphore keeps it right. */
struct counting {
	struct shmipc_sem *sem;
	volatile long *counter;
	int times;
};

static int increment(void *arg)
{
	struct counting *c = arg;

	for (int i = 0; i < c->times; i++) {
		if (shmipc_sem_wait(c->sem) < 0)
			return 1;
		++*c->counter;
		if (shmipc_sem_post(c->sem) < 0)
			return 2;
	}
	return 0;
}

START_TEST(increments_of_16_processes_are_all_counted)
{
	const char *name = name_of("counter");
	struct shmipc_shm *shm = new_shm(name, sizeof(long));
	struct counting c = { new_sem(name, 1), shmipc_shm_addr(shm), 10000 };
	pid_t pids[16];

	for (int i = 0; i < 16; i++)
		pids[i] = spawn(increment, &c);
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(reap(pids[i]), 0);
	ck_assert_int_eq(*c.counter, 16 * 10000);
	ck_assert_int_eq(value_of(c.sem), 1);
	drop_sem(c.sem, name);
	drop_shm(shm, name);
}
END_TEST

static void *increment_in_thread(void *arg)
{
	return (void *)(intptr_t)increment(arg);
}

START_TEST(increments_of_8_threads_are_all_counted)
{
	const char *name = name_of("threads");
	long counter = 0;
	struct counting c = { new_sem(name, 1), &counter, 5000 };
	pthread_t threads[8];
	void *result;

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						increment_in_thread, &c),
				 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		ck_assert_ptr_null(result);
	}
	ck_assert_int_eq(counter, 8 * 5000);
	drop_sem(c.sem, name);
}
END_TEST

/* Two semaphores, one way each: what is passed must arrive in order. */
struct channel {
	struct shmipc_sem *full, *empty;
	volatile int *slot;
};

static int produce(void *arg)
{
	struct channel *c = arg;

	for (int i = 1; i <= 3000; i++) {
		if (shmipc_sem_wait(c->empty) < 0)
			return 1;
		*c->slot = i;
		if (shmipc_sem_post(c->full) < 0)
			return 2;
	}
	return 0;
}

START_TEST(what_was_written_before_a_post_is_read_after_the_wait)
{
	const char *name = name_of("slot");
	struct shmipc_shm *shm = new_shm(name, sizeof(int));
	struct channel c = { new_sem(name_of("full"), 0),
			     new_sem(name_of("empty"), 1),
			     shmipc_shm_addr(shm) };
	pid_t producer = spawn(produce, &c);

	for (int i = 1; i <= 3000; i++) {
		ok(shmipc_sem_wait(c.full));
		ck_assert_int_eq(*c.slot, i);
		ok(shmipc_sem_post(c.empty));
	}
	ck_assert_int_eq(reap(producer), 0);
	drop_sem(c.full, name_of("full"));
	drop_sem(c.empty, name_of("empty"));
	drop_shm(shm, name);
}
END_TEST

START_TEST(two_handles_are_one_semaphore)
{
	const char *name = name_of("handles");
	struct shmipc_sem *one = new_sem(name, 0), *two = open_sem(name);

	ok(shmipc_sem_post(one));
	ok(shmipc_sem_wait(two));
	fails(-EAGAIN, shmipc_sem_trywait(one));
	ok(shmipc_sem_close(one));
	ok(shmipc_sem_post(two));
	ck_assert_int_eq(value_of(two), 1);
	drop_sem(two, name);
}
END_TEST

void add_sem(TCase *tc)
{
	tcase_add_test(tc, semaphore_starts_with_its_value);
	tcase_add_test(tc, value_above_the_maximum_is_invalid);
	tcase_add_test(tc, post_adds_and_wait_takes);
	tcase_add_test(tc, trywait_on_zero_does_not_wait);
	tcase_add_test(tc, post_at_the_maximum_overflows);
	tcase_add_test(tc, value_stays_when_nobody_has_it_open);
	tcase_add_test(tc, taken_units_stay_taken_after_close);
	tcase_add_test(tc, increments_of_16_processes_are_all_counted);
	tcase_add_test(tc, increments_of_8_threads_are_all_counted);
	tcase_add_test(tc,
		       what_was_written_before_a_post_is_read_after_the_wait);
	tcase_add_test(tc, two_handles_are_one_semaphore);
}
