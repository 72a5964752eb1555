/* SPDX-License-Identifier: MIT */
/* Looking around: list. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/conform/conform.h"

/* Those of the listing whose names start with ours. */
struct seen {
	char prefix[32];
	int shm, sem, stop_at;
	uint64_t size;
};

static int see(const struct shmipc_info *info, void *arg)
{
	struct seen *seen = arg;

	if (strncmp(info->name, seen->prefix, strlen(seen->prefix)))
		return 0;
	ck_assert_str_eq(info->backend, shmipc_backend_name(ipc));
	if (info->kind == SHMIPC_SHM)
		seen->shm++;
	else
		seen->sem++;
	seen->size += info->size;
	return seen->shm + seen->sem == seen->stop_at;
}

static struct seen list_ours(int stop_at)
{
	struct seen seen = { .stop_at = stop_at };

	snprintf(seen.prefix, sizeof(seen.prefix), "t.%d.", (int)test_pid);
	ok(shmipc_list(ipc, see, &seen));
	return seen;
}

START_TEST(list_shows_all_objects_once)
{
	enum { COUNT = 150 };
	struct shmipc_shm *shm[COUNT];
	struct shmipc_sem *sem[COUNT];
	struct seen seen;
	char word[32];

	for (int i = 0; i < COUNT; i++) {
		snprintf(word, sizeof(word), "list%d", i);
		shm[i] = new_shm(name_of(word), 100);
		sem[i] = new_sem(name_of(word), 0);
	}
	seen = list_ours(0);
	ck_assert_int_eq(seen.shm, COUNT);
	ck_assert_int_eq(seen.sem, COUNT);
	ck_assert_uint_eq(seen.size, COUNT * 100);
	for (int i = 0; i < COUNT; i++) {
		snprintf(word, sizeof(word), "list%d", i);
		drop_shm(shm[i], name_of(word));
		drop_sem(sem[i], name_of(word));
	}
	seen = list_ours(0);
	ck_assert_int_eq(seen.shm + seen.sem, 0);
}
END_TEST

START_TEST(list_ends_when_visit_says_so)
{
	struct shmipc_shm *a = new_shm(name_of("a"), 1);
	struct shmipc_shm *b = new_shm(name_of("b"), 1);
	struct seen seen = list_ours(1);

	ck_assert_int_eq(seen.shm + seen.sem, 1);
	drop_shm(a, name_of("a"));
	drop_shm(b, name_of("b"));
}
END_TEST

static int unlink_ours(const struct shmipc_info *info, void *arg)
{
	if (!strncmp(info->name, arg, strlen(arg)))
		ok(shmipc_shm_unlink(ipc, info->name));
	return 0;
}

START_TEST(objects_may_be_unlinked_during_the_walk)
{
	char prefix[32], word[32];
	struct seen seen;

	snprintf(prefix, sizeof(prefix), "t.%d.", (int)test_pid);
	for (int i = 0; i < 50; i++) {
		snprintf(word, sizeof(word), "walk%d", i);
		ok(shmipc_shm_close(new_shm(name_of(word), 1)));
	}
	ok(shmipc_list(ipc, unlink_ours, prefix));
	seen = list_ours(0);
	ck_assert_int_eq(seen.shm, 0);
}
END_TEST

/* More than what some backends fetch at a time. */
enum { MANY = 40 };

static void make_many(void)
{
	char word[32];

	for (int i = 0; i < MANY; i++) {
		struct shmipc_shm *shm;

		snprintf(word, sizeof(word), "many%d", i);
		shm = new_shm(name_of(word), 8);
		bytes_of(shm)[0] = (unsigned char)i;
		ok(shmipc_shm_close(shm));
	}
}

static void unlink_many(void)
{
	char word[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(word, sizeof(word), "many%d", i);
		ok(shmipc_shm_unlink(ipc, name_of(word)));
	}
}

static int list_within(const struct shmipc_info *info, void *arg)
{
	(void)info;
	if (++*(int *)arg % 9 == 1) {
		ck_assert_int_eq(list_ours(7).shm, 7);
		ck_assert_int_eq(list_ours(0).shm, MANY);
	}
	return 0;
}

START_TEST(walks_may_be_within_each_other)
{
	int shown = 0, more = 0;

	make_many();
	ok(shmipc_list(ipc, list_within, &shown));
	ck_assert_int_ge(shown, MANY);
	ck_assert_int_eq(list_ours(3).shm, 3);
	ok(shmipc_list(ipc, list_within, &more));
	unlink_many();
}
END_TEST

static int open_ours(const struct shmipc_info *info, void *arg)
{
	const char *word = strstr(info->name, ".many");
	struct shmipc_info again;
	struct shmipc_shm *shm;

	if (strncmp(info->name, arg, strlen(arg)) || !word)
		return 0;
	ok(shmipc_shm_open(ipc, &shm, info->name, 8, 0, 0));
	ck_assert_int_eq(bytes_of(shm)[0], atoi(word + 5));
	ok(shmipc_stat(ipc, SHMIPC_SHM, info->name, &again));
	ck_assert_int_eq(info->in_use, 0);
	ck_assert_int_eq(again.in_use, 1);
	ok(shmipc_shm_close(shm));
	return 0;
}

START_TEST(objects_may_be_opened_during_the_walk)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "t.%d.", (int)test_pid);
	make_many();
	ok(shmipc_list(ipc, open_ours, prefix));
	unlink_many();
}
END_TEST

static void *list_often(void *arg)
{
	int *wrong = arg;

	for (int i = 0; i < 20; i++) {
		struct seen seen = { .stop_at = 0 };

		snprintf(seen.prefix, sizeof(seen.prefix), "t.%d.many",
			 (int)test_pid);
		*wrong +=
			shmipc_list(ipc, see, &seen) < MANY || seen.shm != MANY;
	}
	return NULL;
}

START_TEST(threads_may_walk_at_once)
{
	enum { THREADS = 3 };
	pthread_t threads[THREADS];
	int wrong[THREADS] = { 0 };

	make_many();
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, list_often,
						&wrong[i]),
				 0);
	/* Others come and go. */
	for (int i = 0; i < 50; i++)
		drop_shm(new_shm(name_of("other"), 8), name_of("other"));
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(wrong[i], 0);
	}
	unlink_many();
}
END_TEST

void add_list(TCase *tc)
{
	tcase_add_test(tc, list_shows_all_objects_once);
	tcase_add_test(tc, list_ends_when_visit_says_so);
	tcase_add_test(tc, objects_may_be_unlinked_during_the_walk);
	tcase_add_test(tc, walks_may_be_within_each_other);
	tcase_add_test(tc, objects_may_be_opened_during_the_walk);
	tcase_add_test(tc, threads_may_walk_at_once);
}
