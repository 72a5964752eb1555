/* SPDX-License-Identifier: MIT */
/* Names: the same rules on every backend. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/conform/conform.h"

static void cannot_be_a_name(int err, const char *name)
{
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;
	struct shmipc_info info;

	fails(err, shmipc_shm_open(ipc, &shm, name, 1, SHMIPC_CREATE, 0600));
	fails(err, shmipc_sem_open(ipc, &sem, name, 1, SHMIPC_CREATE, 0600));
	fails(err, shmipc_shm_unlink(ipc, name));
	fails(err, shmipc_sem_unlink(ipc, name));
	fails(err, shmipc_stat(ipc, SHMIPC_SHM, name, &info));
	ck_assert_ptr_null(shm);
	ck_assert_ptr_null(sem);
}

START_TEST(leading_slash_makes_no_difference)
{
	char slashed[SHMIPC_NAME_MAX + 2];
	const char *name = name_of("slash");
	struct shmipc_shm *with, *without;

	snprintf(slashed, sizeof(slashed), "/%s", name);
	with = new_shm(slashed, 10);
	without = open_shm(name);
	bytes_of(with)[9] = 77;
	ck_assert_int_eq(bytes_of(without)[9], 77);
	ok(shmipc_shm_close(without));
	drop_shm(with, name);
	fails(-ENOENT, shmipc_shm_unlink(ipc, slashed));
}
END_TEST

START_TEST(name_of_200_bytes_works)
{
	char name[SHMIPC_NAME_MAX + 2];

	snprintf(name, sizeof(name), "/%s", name_of("long"));
	for (size_t i = strlen(name); i <= SHMIPC_NAME_MAX; i++)
		name[i] = 'x';
	name[SHMIPC_NAME_MAX + 1] = '\0';

	drop_shm(new_shm(name, 1), name);
	drop_sem(new_sem(name + 1, 1), name + 1);
}
END_TEST

START_TEST(name_of_201_bytes_is_too_long)
{
	char name[SHMIPC_NAME_MAX + 3];

	memset(name, 'x', sizeof(name));
	name[SHMIPC_NAME_MAX + 1] = '\0';
	cannot_be_a_name(-ENAMETOOLONG, name);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[SHMIPC_NAME_MAX + 2] = '\0';
	cannot_be_a_name(-ENAMETOOLONG, name);
}
END_TEST

START_TEST(very_long_name_is_too_long)
{
	char *name = malloc(1000000);

	memset(name, 'x', 1000000);
	name[999999] = '\0';
	cannot_be_a_name(-ENAMETOOLONG, name);
	free(name);
}
END_TEST

START_TEST(empty_name_is_invalid)
{
	cannot_be_a_name(-EINVAL, "");
	cannot_be_a_name(-EINVAL, "/");
}
END_TEST

START_TEST(null_name_is_invalid)
{
	cannot_be_a_name(-EINVAL, NULL);
}
END_TEST

START_TEST(message_shows_the_name_as_it_is_but_no_control_bytes)
{
	struct shmipc_info info;

	fails(-EINVAL, shmipc_stat(ipc, SHMIPC_SHM, "bu f\033", &info));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "\"bu f?\""));
}
END_TEST

START_TEST(second_slash_is_invalid)
{
	cannot_be_a_name(-EINVAL, "//a");
	cannot_be_a_name(-EINVAL, "/a/b");
	cannot_be_a_name(-EINVAL, "a/");
	cannot_be_a_name(-EINVAL, "../a");
}
END_TEST

START_TEST(bytes_outside_the_set_are_invalid)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._-";

	for (int byte = 1; byte < 256; byte++) {
		char name[] = { 'a', (char)byte, 'b', '\0' };

		if (!strchr(allowed, byte))
			cannot_be_a_name(-EINVAL, name);
	}
}
END_TEST

START_TEST(bytes_of_the_set_work)
{
	const char *name = name_of("AZaz09._--..");

	drop_shm(new_shm(name, 1), name);
	drop_sem(new_sem(name, 1), name);
}
END_TEST

START_TEST(dots_are_names_like_others)
{
	struct shmipc_shm *one, *two;

	/* Nobody else's test uses them, but another run may: no EXCL. */
	ok(shmipc_shm_open(ipc, &one, ".", 1, SHMIPC_CREATE, 0600));
	ok(shmipc_shm_open(ipc, &two, "..", 1, SHMIPC_CREATE, 0600));
	bytes_of(one)[0] = 1;
	bytes_of(two)[0] = 2;
	ck_assert_int_eq(bytes_of(one)[0], 1);
	drop_shm(one, ".");
	drop_shm(two, "..");
}
END_TEST

START_TEST(region_and_semaphore_may_share_a_name)
{
	const char *name = name_of("both");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_sem *sem = new_sem(name, 3);

	memset(bytes_of(shm), 0xff, 8);
	ck_assert_int_eq(value_of(sem), 3);
	drop_shm(shm, name);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).value, 3);
	drop_sem(sem, name);
}
END_TEST

START_TEST(similar_names_are_different_objects)
{
	enum { COUNT = 200 };
	struct shmipc_shm *shm[COUNT];
	char word[32];

	for (int i = 0; i < COUNT; i++) {
		snprintf(word, sizeof(word), "similar%d", i);
		shm[i] = new_shm(name_of(word), 4);
		memcpy(bytes_of(shm[i]), &i, sizeof(i));
	}
	for (int i = 0; i < COUNT; i++) {
		struct shmipc_shm *again;

		snprintf(word, sizeof(word), "similar%d", i);
		again = open_shm(name_of(word));
		ck_assert_int_eq(memcmp(bytes_of(again), &i, sizeof(i)), 0);
		ok(shmipc_shm_close(again));
		drop_shm(shm[i], name_of(word));
	}
}
END_TEST

START_TEST(case_matters)
{
	struct shmipc_shm *lower = new_shm(name_of("case"), 1);

	fails(-ENOENT, shmipc_shm_unlink(ipc, name_of("Case")));
	drop_shm(lower, name_of("case"));
}
END_TEST

START_TEST(name_is_copied)
{
	char name[SHMIPC_NAME_MAX + 1];
	struct shmipc_sem *sem;

	strcpy(name, name_of("copied"));
	sem = new_sem(name, 0);
	memset(name, 'x', sizeof(name) - 1);
	fails(-EAGAIN, shmipc_sem_trywait(sem));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), name_of("copied")));
	drop_sem(sem, name_of("copied"));
}
END_TEST

void add_names(TCase *tc)
{
	tcase_add_test(tc, leading_slash_makes_no_difference);
	tcase_add_test(tc, name_of_200_bytes_works);
	tcase_add_test(tc, name_of_201_bytes_is_too_long);
	tcase_add_test(tc, very_long_name_is_too_long);
	tcase_add_test(tc, empty_name_is_invalid);
	tcase_add_test(tc, null_name_is_invalid);
	tcase_add_test(tc,
		       message_shows_the_name_as_it_is_but_no_control_bytes);
	tcase_add_test(tc, second_slash_is_invalid);
	tcase_add_test(tc, bytes_outside_the_set_are_invalid);
	tcase_add_test(tc, bytes_of_the_set_work);
	tcase_add_test(tc, dots_are_names_like_others);
	tcase_add_test(tc, region_and_semaphore_may_share_a_name);
	tcase_add_test(tc, similar_names_are_different_objects);
	tcase_add_test(tc, case_matters);
	tcase_add_test(tc, name_is_copied);
}
