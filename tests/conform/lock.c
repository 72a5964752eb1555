/* SPDX-License-Identifier: MIT */
/* The lock of a region: whose turn it is, and who may what. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>

#include "tests/lib/unshare.h"
#include "tests/conform/conform.h"

/* ---- turns -------------------------------------------------------------- */

enum { TAKERS = 8, TURNS = 3000 };

/* Not atomic: a turn that two have at a time loses some. */
static int count_up(struct shmipc_shm *shm)
{
	volatile uint64_t *counter = shmipc_shm_addr(shm);

	for (int i = 0; i < TURNS; i++) {
		if (shmipc_shm_lock(shm, NULL) < 0)
			return -EIO;
		*counter = *counter + 1;
		if (shmipc_shm_unlock(shm) < 0)
			return -EIO;
	}
	return 0;
}

static int count_up_in_a_child(void *shm)
{
	return -count_up(shm);
}

static int open_and_count_up(void *name)
{
	return -count_up(open_shm(name));
}

START_TEST(processes_take_turns)
{
	const char *name = name_of("turns");
	struct shmipc_shm *shm = new_shm(name, 8);
	pid_t pids[TAKERS];

	for (int i = 0; i < TAKERS; i++)
		pids[i] = i % 2 ? spawn(count_up_in_a_child, shm)
				: spawn(open_and_count_up, (void *)name);
	for (int i = 0; i < TAKERS; i++)
		ck_assert_int_eq(reap(pids[i]), 0);
	ck_assert_uint_eq(*(uint64_t *)shmipc_shm_addr(shm), TAKERS * TURNS);
	drop_shm(shm, name);
}
END_TEST

static void *count_up_in_a_thread(void *shm)
{
	return (void *)(intptr_t)count_up(shm);
}

/* All through one handle, or each through its own. */
static void let_threads_count(bool through_one)
{
	const char *name = name_of("threads");
	struct shmipc_shm *shms[TAKERS] = { new_shm(name, 8) };
	pthread_t threads[TAKERS];
	void *result;

	for (int i = 1; i < TAKERS; i++)
		shms[i] = through_one ? shms[0] : open_shm(name);
	for (int i = 0; i < TAKERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						count_up_in_a_thread, shms[i]),
				 0);
	for (int i = 0; i < TAKERS; i++) {
		pthread_join(threads[i], &result);
		ck_assert_int_eq((intptr_t)result, 0);
	}
	ck_assert_uint_eq(*(uint64_t *)shmipc_shm_addr(shms[0]),
			  TAKERS * TURNS);
	for (int i = 1; i < TAKERS && !through_one; i++)
		ok(shmipc_shm_close(shms[i]));
	drop_shm(shms[0], name);
}

START_TEST(threads_take_turns_through_one_handle)
{
	let_threads_count(true);
}
END_TEST

START_TEST(threads_take_turns_through_a_handle_each)
{
	let_threads_count(false);
}
END_TEST

/* In each turn all bytes must be the same, and then become the next. */
static int fill_with_the_next(void *arg)
{
	struct shmipc_shm *shm = arg;
	volatile unsigned char *bytes = bytes_of(shm);
	int wrong = 0;

	for (int turn = 0; turn < 3000; turn++) {
		unsigned char is;

		if (shmipc_shm_lock(shm, NULL) < 0)
			return 1;
		is = bytes[0];
		for (int i = 0; i < 500; i++) {
			wrong |= bytes[i] != is;
			bytes[i] = (unsigned char)(is + 1);
		}
		if (shmipc_shm_unlock(shm) < 0)
			return 2;
	}
	return wrong ? 3 : 0;
}

START_TEST(what_was_written_before_unlock_is_read_after_lock)
{
	const char *name = name_of("bytes");
	struct shmipc_shm *shm = new_shm(name, 500);
	pid_t other = spawn(fill_with_the_next, shm);

	ck_assert_int_eq(fill_with_the_next(shm), 0);
	ck_assert_int_eq(reap(other), 0);
	ck_assert_int_eq(bytes_of(shm)[499], 6000 % 256);
	drop_shm(shm, name);
}
END_TEST

START_TEST(each_region_has_its_own_lock)
{
	const char *name = name_of("one"), *other_name = name_of("two");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_shm *other = new_shm(other_name, 8);

	ok(shmipc_shm_lock(shm, NULL));
	ok(shmipc_shm_lock(other, NULL));
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -EBUSY);
	ok(shmipc_shm_unlock(shm));
	ck_assert_int_eq(in_child(shmipc_shm_trylock, other), -EBUSY);
	ok(shmipc_shm_trylock(shm));
	ok(shmipc_shm_unlock(other));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
	drop_shm(other, other_name);
}
END_TEST

/* ---- who may what ------------------------------------------------------- */

START_TEST(held_lock_is_busy_for_all_others)
{
	const char *name = name_of("busy");
	struct shmipc_shm *shm = new_shm(name, 8);

	ok(shmipc_shm_trylock(shm));
	ck_assert_int_eq(in_thread(shmipc_shm_trylock, shm), -EBUSY);
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -EBUSY);
	ck_assert_int_eq(in_thread(lock_at_once, shm), -ETIMEDOUT);
	ck_assert_int_eq(in_child(lock_at_once, shm), -ETIMEDOUT);
	ck_assert_int_eq(run_opener("busy", name, "1"), 0);
	ok(shmipc_shm_unlock(shm));
	ck_assert_int_eq(run_opener("busy", name, "0"), 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(own_lock_again_would_be_a_deadlock)
{
	const char *name = name_of("again");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);
	struct timespec far = in_ms(60000);

	ok(shmipc_shm_lock(shm, NULL));
	fails(-EDEADLK, shmipc_shm_lock(shm, NULL));
	fails(-EDEADLK, shmipc_shm_lock(shm, &far));
	fails(-EDEADLK, shmipc_shm_trylock(shm));
	fails(-EDEADLK, shmipc_shm_lock(other, NULL));
	fails(-EDEADLK, shmipc_shm_lock(other, &far));
	fails(-EDEADLK, shmipc_shm_trylock(other));
	/* It is still held, and once. */
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -EBUSY);
	ok(shmipc_shm_unlock(shm));
	fails(-EPERM, shmipc_shm_unlock(shm));
	ok(shmipc_shm_lock(other, NULL));
	ok(shmipc_shm_unlock(other));
	ok(shmipc_shm_close(other));
	drop_shm(shm, name);
}
END_TEST

START_TEST(only_the_holder_gives_it_back)
{
	const char *name = name_of("perm");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);

	fails(-EPERM, shmipc_shm_unlock(shm));
	fails(-EPERM, shmipc_shm_mark_consistent(shm));
	ok(shmipc_shm_lock(shm, NULL));
	fails(-EPERM, shmipc_shm_unlock(other));
	fails(-EPERM, shmipc_shm_mark_consistent(other));
	ck_assert_int_eq(in_thread(shmipc_shm_unlock, shm), -EPERM);
	ck_assert_int_eq(in_thread(shmipc_shm_mark_consistent, shm), -EPERM);
	ck_assert_int_eq(in_child(shmipc_shm_unlock, shm), -EPERM);
	ck_assert_int_eq(in_child(shmipc_shm_mark_consistent, shm), -EPERM);
	ck_assert_int_eq(in_child(shmipc_shm_unlock, other), -EPERM);
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -EBUSY);
	fails(-EINVAL, shmipc_shm_mark_consistent(shm));
	ok(shmipc_shm_unlock(shm));
	ok(shmipc_shm_close(other));
	drop_shm(shm, name);
}
END_TEST

START_TEST(null_has_no_lock)
{
	fails(-EINVAL, shmipc_shm_lock(NULL, NULL));
	fails(-EINVAL, shmipc_shm_trylock(NULL));
	fails(-EINVAL, shmipc_shm_unlock(NULL));
	fails(-EINVAL, shmipc_shm_mark_consistent(NULL));
}
END_TEST

START_TEST(reader_has_no_part_in_the_lock)
{
	const char *name = name_of("reader");
	struct shmipc_shm *shm = new_shm(name, 8), *reader;
	struct timespec far = in_ms(60000);

	ok(shmipc_shm_open(ipc, &reader, name, 0, SHMIPC_RDONLY, 0));
	for (int held = 0; held < 2; held++) {
		fails(-EACCES, shmipc_shm_lock(reader, NULL));
		fails(-EACCES, shmipc_shm_lock(reader, &far));
		fails(-EACCES, shmipc_shm_trylock(reader));
		fails(-EACCES, shmipc_shm_unlock(reader));
		fails(-EACCES, shmipc_shm_mark_consistent(reader));
		if (!held)
			ok(shmipc_shm_trylock(shm));
	}
	ok(shmipc_shm_close(reader));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

static int try_in_another_name_space(void *arg)
{
	struct shmipc_shm *shm = arg;
	pid_t pid;

	if (!unshare_self(CLONE_NEWPID))
		return 77;
	pid = fork(); /* process 1 of the new one */
	if (pid == 0)
		_exit(shmipc_shm_trylock(shm) != -ENOTSUP ||
		      lock_at_once(shm) != -ENOTSUP ||
		      shmipc_shm_lock(open_shm(name_of("pidns")), NULL) !=
			      -ENOTSUP ||
		      shmipc_shm_unlock(shm) != -EPERM);
	return reap(pid);
}

START_TEST(lock_serves_one_pid_name_space)
{
	const char *name = name_of("pidns");
	struct shmipc_shm *shm = new_shm(name, 8);
	int r;

	for (int held = 0; held < 2; held++) {
		r = reap(spawn(try_in_another_name_space, shm));
		if (r == 77)
			printf("no pid name spaces here: not tried\n");
		else
			ck_assert_int_eq(r, 0);
		if (held) {
			ck_assert_int_eq(in_child(shmipc_shm_trylock, shm),
					 -EBUSY);
			ok(shmipc_shm_unlock(shm));
		} else {
			ok(shmipc_shm_trylock(shm));
		}
	}
	drop_shm(shm, name);
}
END_TEST

/* ---- close, unlink, fork ------------------------------------------------ */

struct keeper {
	struct shmipc_shm *shm;
	sem_t has, end;
	int result;
};

static void *keep(void *arg)
{
	struct keeper *keeper = arg;

	keeper->result = shmipc_shm_lock(keeper->shm, NULL);
	sem_post(&keeper->has);
	sem_wait(&keeper->end);
	if (keeper->result == 0)
		keeper->result = shmipc_shm_unlock(keeper->shm);
	return NULL;
}

START_TEST(close_while_holding_is_refused)
{
	const char *name = name_of("close");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);
	struct keeper keeper = { .shm = shm };
	pthread_t thread;

	ok(shmipc_shm_lock(shm, NULL));
	fails(-EBUSY, shmipc_shm_close(shm));
	ck_assert_int_eq(in_thread(shmipc_shm_close, shm), -EBUSY);
	ok(shmipc_shm_unlock(shm));

	sem_init(&keeper.has, 0, 0);
	sem_init(&keeper.end, 0, 0);
	pthread_create(&thread, NULL, keep, &keeper);
	sem_wait(&keeper.has);
	fails(-EBUSY, shmipc_shm_close(shm));
	/* Nothing was done; a handle without the lock may be closed. */
	bytes_of(shm)[0] = 1;
	ok(shmipc_shm_close(other));
	fails(-EBUSY, shmipc_shm_trylock(shm));
	sem_post(&keeper.end);
	pthread_join(thread, NULL);
	ck_assert_int_eq(keeper.result, 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(close_while_another_process_holds_is_fine)
{
	const char *name = name_of("theirs");
	struct shmipc_shm *shm = new_shm(name, 8);
	pid_t holder = start_holder(shm, 0);

	ok(shmipc_shm_close(shm));
	shm = open_shm(name);
	fails(-EBUSY, shmipc_shm_trylock(shm));
	end_by_kill(holder);
	drop_shm(shm, name);
}
END_TEST

static int be_a_child_of_the_holder(struct shmipc_shm *shm)
{
	if (shmipc_shm_trylock(shm) != -EBUSY)
		return -1;
	if (lock_at_once(shm) != -ETIMEDOUT)
		return -2;
	if (shmipc_shm_unlock(shm) != -EPERM)
		return -3;
	return shmipc_shm_close(shm) == 0 ? 0 : -4;
}

START_TEST(lock_is_not_inherited_over_fork)
{
	const char *name = name_of("fork");
	struct shmipc_shm *shm = new_shm(name, 8);

	ok(shmipc_shm_lock(shm, NULL));
	ck_assert_int_eq(in_child(be_a_child_of_the_holder, shm), 0);
	/* It closed for itself alone, and its end was not a death in it. */
	ck_assert_int_eq(in_child(shmipc_shm_trylock, shm), -EBUSY);
	ok(shmipc_shm_unlock(shm));
	ok(shmipc_shm_trylock(shm));
	ok(shmipc_shm_unlock(shm));
	drop_shm(shm, name);
}
END_TEST

static volatile bool forking_is_over;

static void *take_for_ever(void *arg)
{
	struct shmipc_shm *shm = arg;
	int r = 0;

	while (!forking_is_over && r == 0) {
		r = shmipc_shm_lock(shm, NULL);
		if (r == 0)
			r = shmipc_shm_unlock(shm);
	}
	return (void *)(intptr_t)r;
}

static int take_once(struct shmipc_shm *shm)
{
	struct timespec far = in_ms(60000);
	int r = shmipc_shm_lock(shm, &far);

	return r < 0 ? r : shmipc_shm_unlock(shm);
}

START_TEST(fork_in_the_middle_of_another_threads_lock)
{
	const char *name = name_of("midfork");
	struct shmipc_shm *shm = new_shm(name, 8);
	pthread_t threads[2];
	void *result;

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, take_for_ever, shm);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(in_child(take_once, shm), 0);
	forking_is_over = true;
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &result);
		ck_assert_int_eq((intptr_t)result, 0);
	}
	drop_shm(shm, name);
}
END_TEST

START_TEST(lock_goes_on_without_a_name)
{
	const char *name = name_of("unlinked");
	struct shmipc_shm *old = new_shm(name, 8), *young;

	ok(shmipc_shm_lock(old, NULL));
	ok(shmipc_shm_unlink(ipc, name));
	ck_assert_int_eq(in_child(shmipc_shm_trylock, old), -EBUSY);
	/* A new region of the name has a new lock. */
	young = new_shm(name, 8);
	ok(shmipc_shm_trylock(young));
	ok(shmipc_shm_unlock(old));
	ck_assert_int_eq(in_child(shmipc_shm_trylock, young), -EBUSY);
	ck_assert_int_eq(in_child(take_once, old), 0);
	ok(shmipc_shm_unlock(young));
	ok(shmipc_shm_close(old));
	drop_shm(young, name);
}
END_TEST

void add_lock(TCase *tc)
{
	tcase_add_test(tc, processes_take_turns);
	tcase_add_test(tc, threads_take_turns_through_one_handle);
	tcase_add_test(tc, threads_take_turns_through_a_handle_each);
	tcase_add_test(tc, what_was_written_before_unlock_is_read_after_lock);
	tcase_add_test(tc, each_region_has_its_own_lock);
	tcase_add_test(tc, held_lock_is_busy_for_all_others);
	tcase_add_test(tc, own_lock_again_would_be_a_deadlock);
	tcase_add_test(tc, only_the_holder_gives_it_back);
	tcase_add_test(tc, null_has_no_lock);
	tcase_add_test(tc, reader_has_no_part_in_the_lock);
	tcase_add_test(tc, lock_serves_one_pid_name_space);
	tcase_add_test(tc, close_while_holding_is_refused);
	tcase_add_test(tc, close_while_another_process_holds_is_fine);
	tcase_add_test(tc, lock_is_not_inherited_over_fork);
	tcase_add_test(tc, fork_in_the_middle_of_another_threads_lock);
	tcase_add_test(tc, lock_goes_on_without_a_name);
}
