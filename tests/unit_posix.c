/* SPDX-License-Identifier: MIT */
/* White box: what others may have put where our files belong. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shmipc.h>

#include "tests/units.h"

static struct shmipc *ipc;
static char name[64], path[128];

static void setup(void)
{
	ck_assert_int_eq(shmipc_open(&ipc, "posix"), 0);
	snprintf(name, sizeof(name), "t.%d.posix", (int)getpid());
	snprintf(path, sizeof(path), "/dev/shm/shmipc.shm.%s", name);
}

static void teardown(void)
{
	shmipc_close(ipc);
	(void)remove(path);
}

/* Refused in every way, and as it was. */
static void is_refused(void)
{
	struct shmipc_shm *shm;
	struct shmipc_info info;
	struct stat before, after;

	ck_assert_int_eq(lstat(path, &before), 0);
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 0, 0, 0), -EPROTO);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "left as it is"));
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 0, SHMIPC_RDONLY, 0),
			 -EPROTO);
	ck_assert_int_eq(
		shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE, 0600),
		-EPROTO);
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 8,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 -EEXIST);
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, name, &info), -EPROTO);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), -EPROTO);
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert_int_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert_int_eq(before.st_mode, after.st_mode);
}

START_TEST(files_of_any_length_are_refused)
{
	static const off_t lengths[] = {
		0, 1, 4095, 4096, 4097, 100000, (off_t)1 << 40, (off_t)1 << 62
	};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(ftruncate(fd, lengths[i]), 0);
		close(fd);
		is_refused();
		ck_assert_int_eq(unlink(path), 0);
	}
}
END_TEST

START_TEST(things_that_are_no_files_are_refused)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	is_refused();
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	is_refused();
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
	struct shmipc_shm *shm;
	char other[80];

	/* To a region that is sound. */
	snprintf(other, sizeof(other), "%s.real", name);
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, other, 8,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	snprintf(other, sizeof(other), "shmipc.shm.%s.real", name);
	ck_assert_int_eq(symlink(other, path), 0);
	is_refused();
	ck_assert_int_eq(shmipc_shm_unlink(ipc, other + strlen("shmipc.shm.")),
			 0);
	shmipc_shm_close(shm);
}
END_TEST

START_TEST(truncated_region_is_refused)
{
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 10000,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	ck_assert_int_eq(truncate(path, 5000), 0);
	is_refused();
	ck_assert_int_eq(truncate(path, 4096 + 10000), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), 0);
	shmipc_shm_close(shm);
}
END_TEST

static char place_path[128];

static struct shmipc_sem *new_semaphore(void)
{
	struct shmipc_sem *sem;
	char sem_path[160];
	struct stat st;

	ck_assert_int_eq(shmipc_sem_open(ipc, &sem, name, 1,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	snprintf(sem_path, sizeof(sem_path), "/dev/shm/shmipc.sem.%s", name);
	ck_assert_int_eq(stat(sem_path, &st), 0);
	snprintf(place_path, sizeof(place_path),
		 "/dev/shm/sem.shmipc.place.%016lx", (unsigned long)st.st_ino);
	return sem;
}

START_TEST(damaged_place_is_refused_at_once)
{
	struct shmipc_sem *sem = new_semaphore(), *other;

	alarm(3); /* it used to be tried again for five seconds */
	ck_assert_int_eq(truncate(place_path, 0), 0);
	ck_assert_int_eq(shmipc_sem_open(ipc, &other, name, 0, 0, 0), -EPROTO);
	ck_assert_int_eq(unlink(place_path), 0);
	ck_assert_int_eq(shmipc_sem_open(ipc, &other, name, 0, 0, 0), -EPROTO);
	ck_assert_int_eq(symlink("/etc/passwd", place_path), 0);
	ck_assert_int_eq(shmipc_sem_open(ipc, &other, name, 0, 0, 0), -EPROTO);
	ck_assert_int_eq(shmipc_sem_unlink(ipc, name), 0);
	shmipc_sem_close(sem);
}
END_TEST

/* Lock so many bytes from here on, as anybody may who can read the file. */
static int lock_for_reading(off_t start, off_t length)
{
	struct flock lock = { .l_type = F_RDLCK,
			      .l_start = start,
			      .l_len = length };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

START_TEST(strangers_locks_cost_little)
{
	enum { LOCKS = 500 };
	struct shmipc_shm *shm;
	struct shmipc_info info;
	int wide, fds[LOCKS];

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 8,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	alarm(20);
	for (off_t start = 0; start < 2; start++) {
		/* All of the file, and all but one byte. */
		wide = lock_for_reading(start, 0);
		ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, name, &info), 0);
		ck_assert_int_eq(info.in_use, 1);
		ck_assert_uint_le(info.attached, 2);
		close(wide);
	}
	/* Each left of the one before: the worst order to find them in. */
	for (int i = 0; i < LOCKS; i++)
		fds[i] = lock_for_reading(
			((off_t)1 << 60) + 2 * (off_t)(LOCKS - i), 1);
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, name, &info), 0);
	ck_assert_int_eq(info.in_use, 1);
	ck_assert_uint_le(info.attached, LOCKS + 1);
	for (int i = 0; i < LOCKS; i++)
		close(fds[i]);
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, name, &info), 0);
	ck_assert_uint_eq(info.attached, 1);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), 0);
	shmipc_shm_close(shm);
}
END_TEST

TCase *posix_case(void)
{
	TCase *tc = tcase_create("posix");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, files_of_any_length_are_refused);
	tcase_add_test(tc, things_that_are_no_files_are_refused);
	tcase_add_test(tc, symbolic_links_are_not_followed);
	tcase_add_test(tc, truncated_region_is_refused);
	tcase_add_test(tc, damaged_place_is_refused_at_once);
	tcase_add_test(tc, strangers_locks_cost_little);
	return tc;
}
