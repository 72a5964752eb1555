/* SPDX-License-Identifier: MIT */
/* Semaphores: sleeping, waking, deadlines, signals, death. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "tests/conform/conform.h"

static int wait_once(void *sem)
{
	return shmipc_sem_wait(sem) < 0;
}

START_TEST(wait_sleeps_until_a_post)
{
	const char *name = name_of("sleep");
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t waiter = spawn(wait_once, sem);

	await_asleep(waiter);
	ck_assert_int_eq(value_of(sem), 0);
	ok(shmipc_sem_post(sem));
	ck_assert_int_eq(reap(waiter), 0);
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(post_of_a_stranger_wakes)
{
	const char *name = name_of("stranger");
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t waiter = spawn(wait_once, sem);

	await_asleep(waiter);
	ck_assert_int_eq(run_opener("post", name, "1"), 0);
	ck_assert_int_eq(reap(waiter), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(as_many_posts_wake_as_many_sleepers)
{
	enum { COUNT = 12 };
	const char *name = name_of("many");
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t pids[COUNT];
	long start;

	for (int i = 0; i < COUNT; i++)
		pids[i] = spawn(wait_once, sem);
	for (int i = 0; i < COUNT; i++)
		await_asleep(pids[i]);
	start = now_ms();
	for (int i = 0; i < COUNT; i++)
		ok(shmipc_sem_post(sem));
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(reap(pids[i]), 0);
	ck_assert_int_lt(now_ms() - start, 2000);
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(wake_up_is_prompt)
{
	const char *name = name_of("prompt");
	struct shmipc_sem *sem = new_sem(name, 0);
	int prompt = 0;

	/* By a wake-up each, not by looking again now and then. */
	for (int i = 0; i < 50; i++) {
		pid_t waiter = spawn(wait_once, sem);
		long start;

		await_asleep(waiter);
		start = now_ms();
		ok(shmipc_sem_post(sem));
		ck_assert_int_eq(reap(waiter), 0);
		prompt += now_ms() - start < 200;
	}
	ck_assert_int_gt(prompt, 25); /* the machine may be busy */
	drop_sem(sem, name);
}
END_TEST

/* ---- deadlines ---------------------------------------------------------- */

START_TEST(deadline_in_the_past_does_not_wait)
{
	const char *name = name_of("past");
	struct shmipc_sem *sem = new_sem(name, 0);
	struct timespec past = in_ms(-1000), zero = { 0, 0 };
	struct timespec before = { -1, 0 };
	long start = now_ms();

	fails(-ETIMEDOUT, shmipc_sem_timedwait(sem, &past));
	fails(-ETIMEDOUT, shmipc_sem_timedwait(sem, &zero));
	fails(-ETIMEDOUT, shmipc_sem_timedwait(sem, &before));
	ck_assert_int_lt(now_ms() - start, 400);
	drop_sem(sem, name);
}
END_TEST

START_TEST(unit_that_is_there_is_taken_after_the_deadline)
{
	const char *name = name_of("late");
	struct shmipc_sem *sem = new_sem(name, 1);
	struct timespec past = in_ms(-1000);

	ok(shmipc_sem_timedwait(sem, &past));
	fails(-ETIMEDOUT, shmipc_sem_timedwait(sem, &past));
	drop_sem(sem, name);
}
END_TEST

START_TEST(deadline_is_kept)
{
	static const long waits[] = { 1, 30, 120, 1100 };
	const char *name = name_of("deadline");
	struct shmipc_sem *sem = new_sem(name, 0);

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		long start = now_ms(), took;
		struct timespec deadline = in_ms(waits[i]);

		fails(-ETIMEDOUT, shmipc_sem_timedwait(sem, &deadline));
		took = now_ms() - start;
		ck_assert_int_ge(took, waits[i]);
		ck_assert_int_lt(took, waits[i] + 400);
	}
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

static int wait_an_hour(void *sem)
{
	struct timespec hour = in_ms(3600000);

	return shmipc_sem_timedwait(sem, &hour) < 0;
}

START_TEST(post_ends_a_wait_with_a_far_deadline)
{
	const char *name = name_of("far");
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t waiter = spawn(wait_an_hour, sem);

	await_asleep(waiter);
	ok(shmipc_sem_post(sem));
	ck_assert_int_eq(reap(waiter), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(malformed_deadline_is_invalid)
{
	static const long bad[] = { -1, 1000000000, 0x7fffffff };
	const char *name = name_of("malformed");
	struct shmipc_sem *sem = new_sem(name, 1);

	for (int i = 0; i < 3; i++) {
		struct timespec t = in_ms(10);

		t.tv_nsec = bad[i];
		fails(-EINVAL, shmipc_sem_timedwait(sem, &t));
	}
	ck_assert_int_eq(value_of(sem), 1);
	drop_sem(sem, name);
}
END_TEST

/* ---- signals ------------------------------------------------------------ */

static volatile sig_atomic_t handled;

static void count_signal(int signal)
{
	(void)signal;
	handled++;
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(signal, &action, NULL);
}

/* A signal that comes again until the test ends: none can come too early. */
static void signal_again_and_again(void)
{
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } };

	setitimer(ITIMER_REAL, &every, NULL);
}

static void stop_signals(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &never, NULL);
}

static void handler_ends_the_sleep(int flags)
{
	const char *name = name_of("eintr");
	struct shmipc_sem *sem = new_sem(name, 0);
	struct timespec far = in_ms(60000);

	handled = 0;
	handle(SIGALRM, count_signal, flags);
	signal_again_and_again();
	fails(-EINTR, shmipc_sem_wait(sem));
	ck_assert_int_ge(handled, 1);
	fails(-EINTR, shmipc_sem_timedwait(sem, &far));
	fails(-EINTR, shmipc_sem_timedwait(sem, NULL));
	stop_signals();
	ck_assert_int_eq(value_of(sem), 0);
	ok(shmipc_sem_post(sem));
	ok(shmipc_sem_wait(sem));
	drop_sem(sem, name);
}

START_TEST(handler_ends_a_sleep)
{
	handler_ends_the_sleep(0);
}
END_TEST

START_TEST(handler_with_sa_restart_ends_a_sleep_too)
{
	handler_ends_the_sleep(SA_RESTART);
}
END_TEST

static struct shmipc_sem *handlers_sem;

static void post_in_handler(int signal)
{
	(void)signal;
	errno = 4711;
	if (shmipc_sem_post(handlers_sem) == 0 && errno == 4711)
		handled++;
}

/* The handler runs once, ns nanoseconds from now. */
static void signal_in(timer_t timer, long ns)
{
	struct itimerspec once = { .it_value = { 0, ns } };

	ck_assert_int_eq(timer_settime(timer, 0, &once, NULL), 0);
}

/*
 * Before the wait, while it looks, as it marks and while it sleeps. A post
 * that misses its wait is found by looking again, half a second later.
 */
START_TEST(post_from_a_handler_reaches_the_wait_it_interrupts)
{
	enum { ROUNDS = 10000, STALLS = 5 };
	static const long most_ns[] = { 3000, 20000, 60000, 300000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGALRM };
	const char *name = name_of("handler");
	unsigned seed = (unsigned)getpid();
	int slow = 0, interrupted = 0, r;
	timer_t timer;

	handlers_sem = new_sem(name, 0);
	handled = 0;
	handle(SIGALRM, post_in_handler, 0);
	ck_assert_int_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	for (int i = 0; i < ROUNDS; i++) {
		long start = now_ms();

		signal_in(timer, 1 + rand_r(&seed) % most_ns[i % 4]);
		while ((r = shmipc_sem_wait(handlers_sem)) == -EINTR)
			interrupted++;
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(handled, i + 1);
		slow += now_ms() - start > 300;
	}
	ck_assert_int_le(slow, STALLS);
	/* Some were hit asleep, and others were not. */
	ck_assert_int_gt(interrupted, 0);
	ck_assert_int_lt(interrupted, ROUNDS);
	ck_assert_int_eq(value_of(handlers_sem), 0);
	timer_delete(timer);
	drop_sem(handlers_sem, name);
}
END_TEST

static int wait_after_stop(void *sem)
{
	int r;

	/* SIGSTOP and SIGCONT run no handler; some systems say EINTR. */
	do
		r = shmipc_sem_wait(sem);
	while (r == -EINTR);
	return r < 0;
}

START_TEST(stopped_sleeper_goes_on)
{
	const char *name = name_of("stopped");
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t waiter = spawn(wait_after_stop, sem);

	await_asleep(waiter);
	kill(waiter, SIGSTOP);
	ok(shmipc_sem_post(sem));
	kill(waiter, SIGCONT);
	ck_assert_int_eq(reap(waiter), 0);
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

/* ---- death -------------------------------------------------------------- */

START_TEST(killed_sleepers_leave_the_unit_to_the_living)
{
	const char *name = name_of("killed");
	struct shmipc_sem *sem = new_sem(name, 0);

	for (int round = 0; round < 5; round++) {
		pid_t killed = spawn(wait_once, sem);
		pid_t alive = spawn(wait_once, sem);
		long start;

		await_asleep(killed);
		await_asleep(alive);
		/* Stopped, so that it cannot take the unit when woken. */
		kill(killed, SIGSTOP);
		start = now_ms();
		ok(shmipc_sem_post(sem));
		kill(killed, SIGKILL);
		ck_assert_int_eq(reap(killed), 128 + SIGKILL);
		ck_assert_int_eq(reap(alive), 0);
		ck_assert_int_lt(now_ms() - start, 1100);
	}
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(semaphore_counts_right_after_many_killed_sleepers)
{
	const char *name = name_of("graves");
	struct shmipc_sem *sem = new_sem(name, 0);

	for (int i = 0; i < 100; i++) {
		pid_t pid = spawn(wait_once, sem);

		if (i % 2)
			await_asleep(pid);
		kill(pid, SIGKILL);
		ck_assert_int_eq(reap(pid), 128 + SIGKILL);
	}
	for (int i = 0; i < 10; i++)
		ok(shmipc_sem_post(sem));
	for (int i = 0; i < 10; i++)
		ok(shmipc_sem_wait(sem));
	fails(-EAGAIN, shmipc_sem_trywait(sem));
	drop_sem(sem, name);
}
END_TEST

/* ---- cancellation ------------------------------------------------------- */

/* AddressSanitizer guards what is in the frames that a cancellation skips. */
#ifndef __SANITIZE_ADDRESS__

static void *wait_while_cancelled(void *sem)
{
	pthread_cancel(pthread_self());
	shmipc_sem_wait(sem);
	return NULL;
}

static void *wait_too_late_while_cancelled(void *sem)
{
	struct timespec past = in_ms(-1000);

	pthread_cancel(pthread_self());
	shmipc_sem_timedwait(sem, &past);
	return NULL;
}

static void *wait_with_cancellation_off(void *sem)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cancel(pthread_self());
	ok(shmipc_sem_wait(sem));
	return NULL;
}

static void *result_of(void *(*act)(void *sem), struct shmipc_sem *sem)
{
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, act, sem), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	return result;
}

START_TEST(wait_that_need_not_sleep_is_a_cancellation_point)
{
	const char *name = name_of("cancel");
	struct shmipc_sem *sem = new_sem(name, 1);

	ck_assert_ptr_eq(result_of(wait_while_cancelled, sem),
			 PTHREAD_CANCELED);
	ck_assert_int_eq(value_of(sem), 1);
	ck_assert_ptr_null(result_of(wait_with_cancellation_off, sem));
	ck_assert_int_eq(value_of(sem), 0);
	ck_assert_ptr_eq(result_of(wait_too_late_while_cancelled, sem),
			 PTHREAD_CANCELED);
	drop_sem(sem, name);
}
END_TEST
#endif

void add_wait(TCase *tc)
{
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(tc, wait_that_need_not_sleep_is_a_cancellation_point);
#endif
	tcase_add_test(tc, wait_sleeps_until_a_post);
	tcase_add_test(tc, post_of_a_stranger_wakes);
	tcase_add_test(tc, as_many_posts_wake_as_many_sleepers);
	tcase_add_test(tc, wake_up_is_prompt);
	tcase_add_test(tc, deadline_in_the_past_does_not_wait);
	tcase_add_test(tc, unit_that_is_there_is_taken_after_the_deadline);
	tcase_add_test(tc, deadline_is_kept);
	tcase_add_test(tc, post_ends_a_wait_with_a_far_deadline);
	tcase_add_test(tc, malformed_deadline_is_invalid);
	tcase_add_test(tc, handler_ends_a_sleep);
	tcase_add_test(tc, handler_with_sa_restart_ends_a_sleep_too);
	tcase_add_test(tc, post_from_a_handler_reaches_the_wait_it_interrupts);
	tcase_add_test(tc, stopped_sleeper_goes_on);
	tcase_add_test(tc, killed_sleepers_leave_the_unit_to_the_living);
	tcase_add_test(tc, semaphore_counts_right_after_many_killed_sleepers);
}
