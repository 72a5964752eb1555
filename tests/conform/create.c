/* SPDX-License-Identifier: MIT */
/* Creating and opening: one winner, nothing half-made, sizes exact. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/conform/conform.h"

START_TEST(fresh_region_is_zero)
{
	const char *name = name_of("zero");
	struct shmipc_shm *shm;
	int dirty = 0;

	/* Dirty some memory first, for the kernel to hand out again. */
	shm = new_shm(name, 1 << 20);
	memset(bytes_of(shm), 0xa5, 1 << 20);
	drop_shm(shm, name);

	shm = new_shm(name, 1 << 20);
	for (int i = 0; i < 1 << 20; i++)
		dirty += bytes_of(shm)[i] != 0;
	ck_assert_int_eq(dirty, 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(size_is_exactly_what_was_asked)
{
	static const size_t sizes[] = { 1,    2,    1023, 1024,	  1025,
					4095, 4096, 4097, 100000, 1 << 20 };
	const char *name = name_of("size");

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct shmipc_shm *made = new_shm(name, sizes[i]), *opened;

		ck_assert_uint_eq(shmipc_shm_size(made), sizes[i]);
		opened = open_shm(name);
		ck_assert_uint_eq(shmipc_shm_size(opened), sizes[i]);
		ck_assert_uint_eq(stat_of(SHMIPC_SHM, name).size, sizes[i]);
		ok(shmipc_shm_close(opened));
		drop_shm(made, name);
	}
}
END_TEST

START_TEST(every_byte_can_be_written_and_read)
{
	const char *name = name_of("bytes");
	const size_t size = 3 * 4096 + 17;
	struct shmipc_shm *made = new_shm(name, size);
	struct shmipc_shm *opened = open_shm(name);

	for (size_t i = 0; i < size; i++)
		bytes_of(made)[i] = (unsigned char)(i * 7);
	for (size_t i = 0; i < size; i++)
		ck_assert_int_eq(bytes_of(opened)[i], (unsigned char)(i * 7));
	ok(shmipc_shm_close(opened));
	drop_shm(made, name);
}
END_TEST

START_TEST(region_is_aligned_to_4096)
{
	const char *name = name_of("aligned");
	struct shmipc_shm *shm = new_shm(name, 1);

	ck_assert_uint_eq((uintptr_t)shmipc_shm_addr(shm) % 4096, 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(large_region_works)
{
	const char *name = name_of("large");
	const size_t size = (size_t)32 << 20;
	struct shmipc_shm *shm = new_shm(name, size);

	bytes_of(shm)[0] = 1;
	bytes_of(shm)[size - 1] = 2;
	ck_assert_int_eq(bytes_of(shm)[size / 2], 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(lazy_region_works)
{
	const char *name = name_of("lazy");
	const size_t size = (size_t)256 << 20;
	struct shmipc_shm *shm;

	ok(shmipc_shm_open(ipc, &shm, name, size,
			   SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_LAZY, 0600));
	bytes_of(shm)[size - 1] = 2;
	ck_assert_int_eq(bytes_of(shm)[size / 2], 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(impossible_size_is_refused)
{
	const char *name = name_of("huge");
	const size_t large = (size_t)1 << 23 << 23;
	struct shmipc_shm *shm = NULL;

	/* With 32 bits no size is so large that no machine has it. */
	if (large)
		fails(-ENOSPC, shmipc_shm_open(ipc, &shm, name, large,
					       SHMIPC_CREATE, 0600));
	fails(-EINVAL,
	      shmipc_shm_open(ipc, &shm, name, SIZE_MAX, SHMIPC_CREATE, 0600));
	fails(-EINVAL, shmipc_shm_open(ipc, &shm, name, SIZE_MAX - 4096,
				       SHMIPC_CREATE, 0600));
	ck_assert_ptr_null(shm);
	fails(-ENOENT, shmipc_shm_unlink(ipc, name));
}
END_TEST

START_TEST(open_without_create_finds_nothing)
{
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;

	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name_of("none"), 0, 0, 0));
	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name_of("none"), 8, 0, 0));
	fails(-ENOENT, shmipc_sem_open(ipc, &sem, name_of("none"), 0, 0, 0));
	ck_assert_ptr_null(shm);
	ck_assert_ptr_null(sem);
}
END_TEST

START_TEST(exclusive_create_of_a_taken_name_changes_nothing)
{
	const char *name = name_of("taken");
	struct shmipc_shm *shm = new_shm(name, 100), *other = NULL;
	struct shmipc_sem *sem = new_sem(name, 5), *another = NULL;
	struct shmipc_info before = stat_of(SHMIPC_SHM, name), after;

	memset(bytes_of(shm), 9, 100);
	fails(-EEXIST, shmipc_shm_open(ipc, &other, name, 200,
				       SHMIPC_CREATE | SHMIPC_EXCL, 0400));
	fails(-EEXIST, shmipc_sem_open(ipc, &another, name, 6,
				       SHMIPC_CREATE | SHMIPC_EXCL, 0400));
	ck_assert_ptr_null(other);
	ck_assert_ptr_null(another);
	after = stat_of(SHMIPC_SHM, name);
	ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(bytes_of(shm)[i], 9);
	ck_assert_int_eq(value_of(sem), 5);
	drop_sem(sem, name);
	drop_shm(shm, name);
}
END_TEST

START_TEST(create_opens_what_is_there)
{
	const char *name = name_of("there");
	struct shmipc_shm *shm = new_shm(name, 100), *other;
	struct shmipc_sem *sem = new_sem(name, 5), *another;

	bytes_of(shm)[99] = 4;
	ok(shmipc_shm_open(ipc, &other, name, 50, SHMIPC_CREATE, 0400));
	ck_assert_int_eq(shmipc_shm_created(other), 0);
	ck_assert_uint_eq(shmipc_shm_size(other), 100);
	ck_assert_int_eq(bytes_of(other)[99], 4);
	ok(shmipc_shm_close(other));

	ok(shmipc_sem_open(ipc, &another, name, 77, SHMIPC_CREATE, 0400));
	ck_assert_int_eq(shmipc_sem_created(another), 0);
	ck_assert_int_eq(value_of(another), 5);
	ok(shmipc_sem_close(another));
	drop_sem(sem, name);
	drop_shm(shm, name);
}
END_TEST

START_TEST(create_makes_what_is_not_there)
{
	const char *name = name_of("made");
	struct shmipc_shm *shm;

	ok(shmipc_shm_open(ipc, &shm, name, 50, SHMIPC_CREATE, 0600));
	ck_assert_int_eq(shmipc_shm_created(shm), 1);
	drop_shm(shm, name);
}
END_TEST

START_TEST(opening_takes_what_is_there_or_less)
{
	const char *name = name_of("less");
	struct shmipc_shm *shm = new_shm(name, 1000), *other = NULL;
	static const size_t enough[] = { 0, 1, 999, 1000 };

	for (int i = 0; i < 4; i++) {
		ok(shmipc_shm_open(ipc, &other, name, enough[i], 0, 0));
		ck_assert_uint_eq(shmipc_shm_size(other), 1000);
		ok(shmipc_shm_close(other));
	}
	other = NULL;
	fails(-EINVAL, shmipc_shm_open(ipc, &other, name, 1001, 0, 0));
	fails(-EINVAL,
	      shmipc_shm_open(ipc, &other, name, 1001, SHMIPC_CREATE, 0600));
	fails(-EINVAL, shmipc_shm_open(ipc, &other, name, 4096, 0, 0));
	ck_assert_ptr_null(other);
	drop_shm(shm, name);
}
END_TEST

START_TEST(new_region_needs_a_size)
{
	const char *name = name_of("nosize");
	struct shmipc_shm *shm, *other = NULL;

	fails(-EINVAL,
	      shmipc_shm_open(ipc, &other, name, 0, SHMIPC_CREATE, 0600));
	fails(-EINVAL, shmipc_shm_open(ipc, &other, name, 0,
				       SHMIPC_CREATE | SHMIPC_EXCL, 0600));
	shm = new_shm(name, 10);
	ok(shmipc_shm_open(ipc, &other, name, 0, SHMIPC_CREATE, 0600));
	ok(shmipc_shm_close(other));
	drop_shm(shm, name);
}
END_TEST

START_TEST(two_handles_share_their_bytes)
{
	const char *name = name_of("share");
	struct shmipc_shm *one = new_shm(name, 10), *two = open_shm(name);

	ck_assert_ptr_ne(shmipc_shm_addr(one), shmipc_shm_addr(two));
	bytes_of(two)[3] = 33;
	ck_assert_int_eq(bytes_of(one)[3], 33);
	ok(shmipc_shm_close(one));
	ck_assert_int_eq(bytes_of(two)[3], 33);
	drop_shm(two, name);
}
END_TEST

/* ---- races -------------------------------------------------------------- */

/* Children that start at the same moment: when the pipe has no writer left. */
struct race {
	const char *name;
	int start[2];
};

static void wait_for_start(struct race *race)
{
	char byte;

	close(race->start[1]);
	while (read(race->start[0], &byte, 1) < 0)
		;
	close(race->start[0]);
}

/* 1: won; 0: was told that somebody else did; 2: anything else. */
static int create_exclusively(void *arg)
{
	struct race *race = arg;
	struct shmipc_shm *shm;
	int r;

	wait_for_start(race);
	r = shmipc_shm_open(ipc, &shm, race->name, 64,
			    SHMIPC_CREATE | SHMIPC_EXCL, 0600);
	if (r < 0)
		return r == -EEXIST ? 0 : 2;
	return shmipc_shm_created(shm) ? 1 : 2;
}

/* The same for a semaphore; the others open it and see its value at once. */
static int create_or_open(void *arg)
{
	struct race *race = arg;
	struct shmipc_sem *sem;
	int value;

	wait_for_start(race);
	if (shmipc_sem_open(ipc, &sem, race->name, 4711, SHMIPC_CREATE, 0600))
		return 2;
	if (shmipc_sem_getvalue(sem, &value) < 0 || value != 4711)
		return 3;
	return shmipc_sem_created(sem);
}

/* How many of count racing children said that they won. */
static int run_race(int count, int (*act)(void *), const char *name)
{
	struct race race = { .name = name };
	pid_t pids[16];
	int winners = 0;

	ck_assert_int_eq(pipe(race.start), 0);
	for (int i = 0; i < count; i++)
		pids[i] = spawn(act, &race);
	close(race.start[0]);
	close(race.start[1]);
	for (int i = 0; i < count; i++) {
		int r = reap(pids[i]);

		ck_assert_int_le(r, 1);
		winners += r;
	}
	return winners;
}

START_TEST(exclusive_create_by_2_has_one_winner)
{
	const char *name = name_of("race2");

	for (int round = 0; round < 300; round++) {
		ck_assert_int_eq(run_race(2, create_exclusively, name), 1);
		ok(shmipc_shm_unlink(ipc, name));
	}
}
END_TEST

START_TEST(exclusive_create_by_16_has_one_winner)
{
	const char *name = name_of("race16");

	for (int round = 0; round < 50; round++) {
		ck_assert_int_eq(run_race(16, create_exclusively, name), 1);
		ok(shmipc_shm_unlink(ipc, name));
	}
}
END_TEST

START_TEST(create_or_open_by_16_makes_one_complete_semaphore)
{
	const char *name = name_of("open16");

	for (int round = 0; round < 50; round++) {
		ck_assert_int_eq(run_race(16, create_or_open, name), 1);
		ok(shmipc_sem_unlink(ipc, name));
	}
}
END_TEST

/* Create, fill and unlink until killed. */
static int create_for_ever(void *arg)
{
	struct shmipc_shm *shm;

	for (;;) {
		if (shmipc_shm_open(ipc, &shm, arg, 8192,
				    SHMIPC_CREATE | SHMIPC_EXCL, 0600) < 0)
			return 1;
		shmipc_shm_close(shm);
		if (shmipc_shm_unlink(ipc, arg) < 0)
			return 2;
	}
}

START_TEST(opener_never_sees_a_half_made_region)
{
	const char *name = name_of("half");
	pid_t creator = spawn(create_for_ever, (void *)name);
	struct shmipc_shm *shm;
	int seen = 0;

	while (seen < 2000) {
		int r = shmipc_shm_open(ipc, &shm, name, 0, 0, 0);

		if (r == -ENOENT)
			continue;
		ok(r);
		ck_assert_uint_eq(shmipc_shm_size(shm), 8192);
		ck_assert_int_eq(bytes_of(shm)[8191], 0);
		ok(shmipc_shm_close(shm));
		seen++;
	}
	kill(creator, SIGKILL);
	ck_assert_int_eq(reap(creator), 128 + SIGKILL);

	/* Killed anywhere: the name can be used again. */
	ok(shmipc_shm_open(ipc, &shm, name, 8192, SHMIPC_CREATE, 0600));
	drop_shm(shm, name);
}
END_TEST

static int make_and_remove(void *name)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	for (;;) {
		if (shmipc_shm_open(ipc, &shm, name, 5000, SHMIPC_CREATE,
				    0600) < 0 ||
		    shmipc_sem_open(ipc, &sem, name, 5, SHMIPC_CREATE, 0600) <
			    0)
			return 1;
		shmipc_shm_unlink(ipc, name);
		shmipc_sem_unlink(ipc, name);
		shmipc_shm_close(shm);
		shmipc_sem_close(sem);
	}
}

START_TEST(killed_creator_leaves_a_name_that_can_be_used)
{
	const char *name = name_of("halfway");
	unsigned seed = (unsigned)test_pid;

	for (int round = 0; round < 60; round++) {
		pid_t pid = spawn(make_and_remove, (void *)name);
		struct shmipc_shm *shm;
		struct shmipc_sem *sem;

		usleep((useconds_t)rand_r(&seed) % 3000);
		kill(pid, SIGKILL);
		ck_assert_int_eq(reap(pid), 128 + SIGKILL);
		/* An existing object is complete; a missing one can be made. */
		ok(shmipc_shm_open(ipc, &shm, name, 5000, SHMIPC_CREATE, 0600));
		ok(shmipc_sem_open(ipc, &sem, name, 5, SHMIPC_CREATE, 0600));
		ck_assert_uint_eq(shmipc_shm_size(shm), 5000);
		ck_assert_int_eq(bytes_of(shm)[4999], 0);
		ck_assert_int_eq(value_of(sem), 5);
		drop_shm(shm, name);
		drop_sem(sem, name);
	}
	ok(shmipc_gc(ipc, 0, NULL, NULL));
}
END_TEST

/*
 * Far less than one for each page. Sanitizers have some of their own: a byte
 * for each 8, and more.
 */
static long few(const struct shmipc_shm *shm)
{
	return (long)(shmipc_shm_size(shm) / 4096 / 8) + 64;
}

/* Page faults that writing each page of a region takes. */
static long faults_of_writing(struct shmipc_shm *shm)
{
	struct rusage before, after;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
	for (size_t at = 0; at < shmipc_shm_size(shm); at += 4096)
		bytes_of(shm)[at] = 1;
	ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
	return after.ru_minflt - before.ru_minflt;
}

START_TEST(prefault_maps_every_page_now)
{
	const char *name = name_of("prefault");
	const size_t size = 256 * 4096;
	struct shmipc_shm *shm, *again, *reader;

	ok(shmipc_shm_open(ipc, &shm, name, size,
			   SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_PREFAULT,
			   0600));
	ck_assert_int_lt(faults_of_writing(shm), few(shm));
	/* Opening maps them, too; without the flag, each page is a fault. */
	ok(shmipc_shm_open(ipc, &again, name, 0, SHMIPC_PREFAULT, 0));
	ck_assert_int_lt(faults_of_writing(again), few(again));
	ok(shmipc_shm_close(again));
	again = open_shm(name);
	ck_assert_int_gt(faults_of_writing(again), 200);
	ok(shmipc_shm_open(ipc, &reader, name, 0,
			   SHMIPC_PREFAULT | SHMIPC_RDONLY, 0));
	ck_assert_int_eq(bytes_of(reader)[4096], 1);
	ok(shmipc_shm_close(reader));
	ok(shmipc_shm_close(again));
	drop_shm(shm, name);

	ok(shmipc_shm_open(ipc, &shm, name, size,
			   SHMIPC_CREATE | SHMIPC_LAZY | SHMIPC_PREFAULT,
			   0600));
	ck_assert_int_lt(faults_of_writing(shm), few(shm));
	drop_shm(shm, name);
}
END_TEST

/* Bytes of address space in use. */
static size_t address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* So large that it may have huge pages, and not only those. */
START_TEST(prefaulted_large_region_is_mapped_and_zero)
{
	const char *name = name_of("large");
	const size_t size = (17 << 20) + 1;
	size_t before = address_space();
	struct shmipc_shm *shm, *again;

	ok(shmipc_shm_open(ipc, &shm, name, size,
			   SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_PREFAULT,
			   0600));
	ck_assert_uint_eq(shmipc_shm_size(shm), size);
	ck_assert_int_lt(faults_of_writing(shm), few(shm));
	for (size_t at = 0; at < size; at++)
		if (bytes_of(shm)[at] != (at % 4096 == 0))
			ck_abort_msg("byte %zu", at);
	again = open_shm(name);
	memset(bytes_of(shm), 7, size);
	for (size_t at = 0; at < size; at++)
		if (bytes_of(again)[at] != 7)
			ck_abort_msg("byte %zu in the other", at);
	ok(shmipc_shm_close(again));
	drop_shm(shm, name);
	ck_assert_uint_lt(address_space(), before + size);
}
END_TEST

START_TEST(no_descriptor_left_is_told_or_not_needed)
{
	const char *name = name_of("nofd"), *before = name_of("before");
	struct shmipc_shm *shm, *first = new_shm(before, 8);
	struct shmipc_sem *sem;
	struct rlimit limit, none;
	int r[4];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	r[0] = shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE, 0600);
	r[1] = shmipc_sem_open(ipc, &sem, name, 8, SHMIPC_CREATE, 0600);
	if (r[0] == 0)
		shmipc_shm_close(shm);
	if (r[1] == 0)
		shmipc_sem_close(sem);
	r[2] = shmipc_shm_unlink(ipc, name);
	r[3] = shmipc_sem_unlink(ipc, name);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_msg(r[i] == -EMFILE ||
				      r[i] == (r[i & 1] ? -ENOENT : 0),
			      "call %d gave %d", i, r[i]);
	/* Nothing was lost, and nothing half made. */
	drop_shm(first, before);
	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
	fails(-ENOENT, shmipc_sem_open(ipc, &sem, name, 0, 0, 0));
}
END_TEST

void add_create(TCase *tc)
{
	tcase_add_test(tc, killed_creator_leaves_a_name_that_can_be_used);
	tcase_add_test(tc, prefault_maps_every_page_now);
	tcase_add_test(tc, prefaulted_large_region_is_mapped_and_zero);
	tcase_add_test(tc, no_descriptor_left_is_told_or_not_needed);
	tcase_add_test(tc, fresh_region_is_zero);
	tcase_add_test(tc, size_is_exactly_what_was_asked);
	tcase_add_test(tc, every_byte_can_be_written_and_read);
	tcase_add_test(tc, region_is_aligned_to_4096);
	tcase_add_test(tc, large_region_works);
	tcase_add_test(tc, lazy_region_works);
	tcase_add_test(tc, impossible_size_is_refused);
	tcase_add_test(tc, open_without_create_finds_nothing);
	tcase_add_test(tc, exclusive_create_of_a_taken_name_changes_nothing);
	tcase_add_test(tc, create_opens_what_is_there);
	tcase_add_test(tc, create_makes_what_is_not_there);
	tcase_add_test(tc, opening_takes_what_is_there_or_less);
	tcase_add_test(tc, new_region_needs_a_size);
	tcase_add_test(tc, two_handles_share_their_bytes);
	tcase_add_test(tc, exclusive_create_by_2_has_one_winner);
	tcase_add_test(tc, exclusive_create_by_16_has_one_winner);
	tcase_add_test(tc, create_or_open_by_16_makes_one_complete_semaphore);
	tcase_add_test(tc, opener_never_sees_a_half_made_region);
}
