/* SPDX-License-Identifier: MIT */
/* Unlinking: the name goes at once, the object with its last user. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/conform/conform.h"

START_TEST(unlink_frees_the_name_at_once)
{
	const char *name = name_of("free");
	struct shmipc_shm *shm = new_shm(name, 8), *other = NULL;

	ok(shmipc_shm_unlink(ipc, name));
	fails(-ENOENT, shmipc_shm_open(ipc, &other, name, 0, 0, 0));
	fails(-ENOENT, shmipc_shm_unlink(ipc, name));
	ok(shmipc_shm_close(shm));
	ck_assert_ptr_null(other);
}
END_TEST

START_TEST(unlink_of_nothing_says_so)
{
	fails(-ENOENT, shmipc_shm_unlink(ipc, name_of("nothing")));
	fails(-ENOENT, shmipc_sem_unlink(ipc, name_of("nothing")));
}
END_TEST

START_TEST(unlink_of_one_kind_leaves_the_other)
{
	const char *name = name_of("kinds");
	struct shmipc_shm *shm = new_shm(name, 8);

	fails(-ENOENT, shmipc_sem_unlink(ipc, name));
	drop_shm(shm, name);
}
END_TEST

START_TEST(unlinked_region_lives_on_with_its_users)
{
	const char *name = name_of("lives");
	struct shmipc_shm *one = new_shm(name, 5000), *two = open_shm(name);

	ok(shmipc_shm_unlink(ipc, name));
	memset(bytes_of(one), 5, 5000);
	ok(shmipc_shm_close(one));
	for (int i = 0; i < 5000; i++)
		ck_assert_int_eq(bytes_of(two)[i], 5);
	ok(shmipc_shm_close(two));
}
END_TEST

START_TEST(name_can_be_used_again_while_the_old_object_lives)
{
	const char *name = name_of("again");
	struct shmipc_shm *old = new_shm(name, 16), *fresh, *opened;
	struct shmipc_sem *old_sem = new_sem(name, 1), *fresh_sem;

	memset(bytes_of(old), 1, 16);
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_sem_unlink(ipc, name));
	fresh = new_shm(name, 32);
	fresh_sem = new_sem(name, 7);

	ck_assert_int_eq(bytes_of(fresh)[0], 0);
	bytes_of(fresh)[0] = 2;
	ck_assert_int_eq(bytes_of(old)[0], 1);
	opened = open_shm(name);
	ck_assert_uint_eq(shmipc_shm_size(opened), 32);
	ck_assert_int_eq(value_of(old_sem), 1);
	ok(shmipc_sem_wait(old_sem));
	ck_assert_int_eq(value_of(fresh_sem), 7);

	ok(shmipc_shm_close(opened));
	ok(shmipc_shm_close(old));
	ok(shmipc_sem_close(old_sem));
	drop_shm(fresh, name);
	drop_sem(fresh_sem, name);
}
END_TEST

static int wait_once(void *sem)
{
	return shmipc_sem_wait(sem) < 0;
}

START_TEST(sleepers_on_an_unlinked_semaphore_go_on)
{
	const char *name = name_of("sleepers");
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = spawn(wait_once, sem);
	for (int i = 0; i < 4; i++)
		await_asleep(pids[i]);
	ok(shmipc_sem_unlink(ipc, name));
	for (int i = 0; i < 4; i++)
		ok(shmipc_sem_post(sem));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(reap(pids[i]), 0);
	ok(shmipc_sem_close(sem));
}
END_TEST

START_TEST(semaphore_works_after_unlink_in_another_process)
{
	const char *name = name_of("other");
	struct shmipc_sem *sem = new_sem(name, 1);
	pid_t waiter = start_opener("wait", name, "3");

	/* It is in when it has taken the first. */
	while (value_of(sem) == 1)
		;
	ok(shmipc_sem_unlink(ipc, name));
	for (int i = 0; i < 2; i++)
		ok(shmipc_sem_post(sem));
	ck_assert_int_eq(reap(waiter), 0);
	ok(shmipc_sem_close(sem));
}
END_TEST

/* 0: this call removed it; 1: the name did not exist; 2: anything else. */
static int unlink_it(void *name)
{
	int r = shmipc_shm_unlink(ipc, name);

	return r == 0 ? 0 : r == -ENOENT ? 1 : 2;
}

START_TEST(of_two_who_unlink_one_succeeds)
{
	const char *name = name_of("twice");

	for (int round = 0; round < 300; round++) {
		struct shmipc_shm *shm = new_shm(name, 8);
		pid_t a = spawn(unlink_it, (void *)name);
		pid_t b = spawn(unlink_it, (void *)name);

		ck_assert_int_eq(reap(a) + reap(b), 1);
		ok(shmipc_shm_close(shm));
	}
}
END_TEST

START_TEST(unlink_needs_no_handle)
{
	const char *name = name_of("nohandle");

	ok(shmipc_shm_close(new_shm(name, 8)));
	ok(shmipc_sem_close(new_sem(name, 8)));
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_sem_unlink(ipc, name));
}
END_TEST

/* Make, look at and unlink a few semaphores, in no order. */
static int race_for_semaphores(void *seed)
{
	unsigned random = *(unsigned *)seed + (unsigned)getpid();

	for (int i = 0; i < 1500; i++) {
		struct shmipc_sem *sem;
		char word[16];
		int r;

		snprintf(word, sizeof(word), "race%d", rand_r(&random) % 3);
		if (rand_r(&random) % 2) {
			r = shmipc_sem_unlink(ipc, name_of(word));
			if (r < 0 && r != -ENOENT)
				return 1;
			continue;
		}
		r = shmipc_sem_open(ipc, &sem, name_of(word), 7, SHMIPC_CREATE,
				    0600);
		if (r < 0)
			return 2;
		if (value_of(sem) != 7)
			return 3;
		shmipc_sem_close(sem);
	}
	return 0;
}

/*
 * The listing here shows that nothing is left; tests/run/after.sh finds objects
 * that a listing does not show.
 */
START_TEST(creating_and_unlinking_at_once_leaves_nothing)
{
	unsigned seed = 1;
	pid_t pids[6];

	for (int i = 0; i < 6; i++)
		pids[i] = spawn(race_for_semaphores, &seed);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(reap(pids[i]), 0);
	(void)shmipc_sem_unlink(ipc, name_of("race0"));
	(void)shmipc_sem_unlink(ipc, name_of("race1"));
	(void)shmipc_sem_unlink(ipc, name_of("race2"));
}
END_TEST

void add_unlink(TCase *tc)
{
	tcase_add_test(tc, unlink_frees_the_name_at_once);
	tcase_add_test(tc, unlink_of_nothing_says_so);
	tcase_add_test(tc, unlink_of_one_kind_leaves_the_other);
	tcase_add_test(tc, unlinked_region_lives_on_with_its_users);
	tcase_add_test(tc, name_can_be_used_again_while_the_old_object_lives);
	tcase_add_test(tc, sleepers_on_an_unlinked_semaphore_go_on);
	tcase_add_test(tc, semaphore_works_after_unlink_in_another_process);
	tcase_add_test(tc, of_two_who_unlink_one_succeeds);
	tcase_add_test(tc, unlink_needs_no_handle);
	tcase_add_test(tc, creating_and_unlinking_at_once_leaves_nothing);
}
