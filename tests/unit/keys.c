/* SPDX-License-Identifier: MIT */
/* White box: names in System V's key space, and names that share a key. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/sysv/key.h"
#include "tests/unit/unit.h"

static struct shmipc *ipc;
static char name[64];
static uint64_t common_hash; /* of this test alone: others may run beside it */

static void setup(void)
{
	ck_assert_int_eq(shmipc_open(&ipc, "sysv"), 0);
	snprintf(name, sizeof(name), "t.%d.key", (int)getpid());
	common_hash = 0x5a5a5a5a5a5a5a5a ^ (uint64_t)getpid();
}

static void teardown(void)
{
	shmipc_close(ipc);
}

START_TEST(slots_of_a_name_have_different_keys)
{
	for (int i = 0; i < 1000; i++) {
		char word[16];

		snprintf(word, sizeof(word), "n%d", i);
		for (unsigned a = 0; a < SYSV_SLOTS; a++) {
			key_t key = sysvkey_segment(SHMIPC_SHM, word, a);

			ck_assert_int_eq((uint32_t)key >> 24, 0xc5);
			ck_assert(sysvkey_is_of(key, SHMIPC_SHM, word));
			ck_assert(!sysvkey_is_of(key, SHMIPC_SEM, word));
			for (unsigned b = 0; b < a; b++)
				ck_assert_int_ne(
					key,
					sysvkey_segment(SHMIPC_SHM, word, b));
		}
	}
}
END_TEST

static int compare_keys(const void *a, const void *b)
{
	key_t x = *(const key_t *)a, y = *(const key_t *)b;

	return x < y ? -1 : x > y;
}

START_TEST(keys_of_similar_names_are_spread)
{
	enum { COUNT = 20000 };
	static key_t keys[COUNT];
	int same = 0;

	for (int i = 0; i < COUNT; i++) {
		char word[32];

		snprintf(word, sizeof(word), "server.%d.queue", i);
		keys[i] = sysvkey_segment(SHMIPC_SHM, word, 0);
	}
	qsort(keys, COUNT, sizeof(keys[0]), compare_keys);
	for (int i = 1; i < COUNT; i++)
		same += keys[i] == keys[i - 1];
	/*
	 * Chance gives n^2 / (2 * 2^22) = 48 pairs. With ftok(3), thousands of
	 * names would share a key.
	 */
	ck_assert_int_lt(same, 100);
}
END_TEST

START_TEST(size_holds_the_bytes_and_the_tag)
{
	for (size_t length = 4096; length < 40000; length += 37) {
		size_t size = sysvkey_size(SHMIPC_SHM, "a", length, false);

		ck_assert_uint_ge(sysvkey_mapped(size), length);
		ck_assert_uint_lt(sysvkey_mapped(size), length + 4096);
		ck_assert(sysvkey_fits(SHMIPC_SHM, "a", size));
		ck_assert(sysvkey_is_ours(sysvkey_segment(SHMIPC_SHM, "a", 2),
					  size));
		ck_assert(!sysvkey_is_ours(0x41414141, size));
		ck_assert(!sysvkey_is_ours(sysvkey_segment(SHMIPC_SHM, "a", 2),
					   sysvkey_mapped(size)));
	}
}
END_TEST

static uint64_t same_for_all(enum shmipc_kind kind, const char *word)
{
	(void)kind;
	(void)word;
	return common_hash;
}

static struct shmipc_shm *create_number(const char *word, int number)
{
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, word, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	*(int *)shmipc_shm_addr(shm) = number;
	return shm;
}

static void is_number(const char *word, int number)
{
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, word, 64, 0, 0), 0);
	ck_assert_int_eq(*(int *)shmipc_shm_addr(shm), number);
	shmipc_shm_close(shm);
}

START_TEST(names_with_one_hash_are_different_objects)
{
	char words[SYSV_SLOTS + 1][80];
	struct shmipc_shm *shm;

	sysvkey_hash = same_for_all;
	for (int i = 0; i <= SYSV_SLOTS; i++)
		snprintf(words[i], sizeof(words[i]), "%s.%d", name, i);
	for (int i = 0; i < SYSV_SLOTS; i++)
		shmipc_shm_close(create_number(words[i], i));
	for (int i = 0; i < SYSV_SLOTS; i++)
		is_number(words[i], i);
	/* One name more than keys is refused, and the others keep theirs. */
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, words[SYSV_SLOTS], 64,
					 SHMIPC_CREATE, 0600),
			 -ENOSPC);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "other names"));
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, words[SYSV_SLOTS], 0, 0, 0),
			 -ENOENT);
	/* A free slot before a name does not hide it, and can be taken. */
	ck_assert_int_eq(shmipc_shm_unlink(ipc, words[0]), 0);
	for (int i = 1; i < SYSV_SLOTS; i++) {
		is_number(words[i], i);
		ck_assert_int_eq(shmipc_shm_open(ipc, &shm, words[i], 64,
						 SHMIPC_CREATE | SHMIPC_EXCL,
						 0600),
				 -EEXIST);
		ck_assert_int_eq(shmipc_shm_open(ipc, &shm, words[i], 64,
						 SHMIPC_CREATE, 0600),
				 0);
		ck_assert_int_eq(shmipc_shm_created(shm), 0);
		shmipc_shm_close(shm);
	}
	shmipc_shm_close(create_number(words[SYSV_SLOTS], 99));
	is_number(words[SYSV_SLOTS], 99);
	for (int i = 1; i <= SYSV_SLOTS; i++)
		ck_assert_int_eq(shmipc_shm_unlink(ipc, words[i]), 0);
}
END_TEST

START_TEST(name_is_free_beside_one_that_may_only_be_read)
{
	struct shmipc_shm *shm, *other, *reader;
	char another[80];

	/* Root may read and write with any mode. */
	if (geteuid() == 0)
		ck_assert_int_eq(setuid(65533), 0);
	sysvkey_hash = same_for_all;
	snprintf(another, sizeof(another), "%s.other", name);
	ck_assert_int_eq(shmipc_shm_open(ipc, &other, another, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0400),
			 0);
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0400),
			 0);
	*(char *)shmipc_shm_addr(shm) = 'x';
	ck_assert_int_eq(
		shmipc_shm_open(ipc, &reader, name, 64, SHMIPC_RDONLY, 0), 0);
	ck_assert_int_eq(*(char *)shmipc_shm_addr(reader), 'x');
	shmipc_shm_close(reader);
	/* The name itself is taken, although it may only be read. */
	ck_assert_int_eq(shmipc_shm_open(ipc, &reader, name, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 -EEXIST);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, another), 0);
	shmipc_shm_close(shm);
	shmipc_shm_close(other);
}
END_TEST

START_TEST(orphan_behind_a_free_slot_goes_when_its_name_is_taken)
{
	struct shmipc_shm *shm;
	char first[80];
	pid_t child;

	sysvkey_hash = same_for_all;
	snprintf(first, sizeof(first), "%s.first", name);
	shmipc_shm_close(create_number(first, 1));
	child = fork();
	if (child == 0) {
		if (shmipc_shm_open(ipc, &shm, name, 64,
				    SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_ge(shmget(sysvkey_segment(SHMIPC_SHM, name, 1), 0, 0), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, first), 0);

	shmipc_shm_close(create_number(name, 2));
	is_number(name, 2);
	ck_assert_int_lt(shmget(sysvkey_segment(SHMIPC_SHM, name, 1), 0, 0), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), 0);
}
END_TEST

/* Create or open three names of one hash. Count those that were created. */
static int make_some(void *counts)
{
	atomic_int *made = counts;

	for (int i = 0; i < 3; i++) {
		struct shmipc_shm *shm;
		char word[80];

		snprintf(word, sizeof(word), "%s.%d", name, i);
		if (shmipc_shm_open(ipc, &shm, word, 64, SHMIPC_CREATE, 0600) <
		    0) {
			fprintf(stderr, "%s\n", shmipc_errmsg());
			return 1;
		}
		atomic_fetch_add(&made[i], shmipc_shm_created(shm));
		atomic_fetch_add((atomic_int *)shmipc_shm_addr(shm), 1);
	}
	return 0;
}

START_TEST(each_of_several_names_with_one_hash_has_one_creator)
{
	enum { ROUNDS = 150, RACERS = 6 };
	atomic_int *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	sysvkey_hash = same_for_all;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < RACERS; i++)
			if (fork() == 0)
				_exit(make_some(made));
		for (int i = 0; i < RACERS; i++) {
			int status;

			ck_assert_int_gt(wait(&status), 0);
			ck_assert_int_eq(status, 0);
		}
		for (int i = 0; i < 3; i++) {
			char word[80];

			snprintf(word, sizeof(word), "%s.%d", name, i);
			ck_assert_int_eq(atomic_exchange(&made[i], 0), 1);
			is_number(word, RACERS);
			ck_assert_int_eq(shmipc_shm_unlink(ipc, word), 0);
		}
	}
	munmap(made, 4096);
}
END_TEST

TCase *keys_case(void)
{
	TCase *tc = tcase_create("keys");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, slots_of_a_name_have_different_keys);
	tcase_add_test(tc, keys_of_similar_names_are_spread);
	tcase_add_test(tc, size_holds_the_bytes_and_the_tag);
	tcase_add_test(tc, names_with_one_hash_are_different_objects);
	tcase_add_test(tc, name_is_free_beside_one_that_may_only_be_read);
	tcase_add_test(tc,
		       orphan_behind_a_free_slot_goes_when_its_name_is_taken);
	tcase_add_test(tc, each_of_several_names_with_one_hash_has_one_creator);
	return tc;
}
