/* SPDX-License-Identifier: MIT */
/* White box: what others may have put where our files belong. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmipc.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"
#include "core/header.h"
#include "tests/lib/process.h"
#include "tests/unit/unit.h"

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

static char ksem_path[POSIX_PATH_MAX];

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
	posix_ksem_path(ksem_path, st.st_ino, 0);
	return sem;
}

START_TEST(damaged_ksem_is_refused_at_once)
{
	struct shmipc_sem *sem = new_semaphore(), *other;

	alarm(3); /* it used to be tried again for five seconds */
	ck_assert_int_eq(truncate(ksem_path, 0), 0);
	ck_assert_int_eq(shmipc_sem_open(ipc, &other, name, 0, 0, 0), -EPROTO);
	ck_assert_int_eq(unlink(ksem_path), 0);
	ck_assert_int_eq(shmipc_sem_open(ipc, &other, name, 0, 0, 0), -EPROTO);
	ck_assert_int_eq(symlink("/etc/passwd", ksem_path), 0);
	ck_assert_int_eq(shmipc_sem_open(ipc, &other, name, 0, 0, 0), -EPROTO);
	ck_assert_int_eq(shmipc_sem_unlink(ipc, name), 0);
	shmipc_sem_close(sem);
}
END_TEST

/* Lock length bytes from start on, as any reader of the file may. */
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

/* ---- garbage ------------------------------------------------------------ */

static bool is_there(const char *file)
{
	return access(file, F_OK) == 0;
}

/* A file of this length and mode, with these first bytes. */
static int make(const char *file, const void *bytes, size_t length)
{
	int fd = open(file, O_CREAT | O_EXCL | O_RDWR, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), length);
	return fd;
}

START_TEST(ksem_without_a_segment_is_garbage_unless_its_creator_lives)
{
	char ksem[POSIX_PATH_MAX];
	sem_t sem;
	int fd;

	memset(&sem, 0, sizeof(sem));
	/* No inode of this machine has such a number. */
	posix_ksem_path(ksem, UINT64_MAX - (uint64_t)getpid(), 0);
	fd = make(ksem, &sem, sizeof(sem));
	ck_assert_int_eq(usemark_set(fd), 0);
	ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 0);
	ck_assert(is_there(ksem));
	close(fd);
	ck_assert_int_ge(shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, NULL, NULL), 1);
	ck_assert(is_there(ksem));
	ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 1);
	ck_assert(!is_there(ksem));
}
END_TEST

START_TEST(ksem_of_a_segment_is_not_garbage)
{
	char ksem[POSIX_PATH_MAX], header[POSIX_PATH_MAX];
	struct shmipc_sem *sem;
	struct stat st;

	ck_assert_int_eq(shmipc_sem_open(ipc, &sem, name, 0,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	shmipc_sem_close(sem);
	posix_segment_path(header, shmipc_kind_find(SHMIPC_SEM), name);
	ck_assert_int_eq(stat(header, &st), 0);
	posix_ksem_path(ksem, st.st_ino, 0);
	ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 0);
	ck_assert(is_there(ksem));
	/* Nor of one that somebody is unlinking. */
	ck_assert_int_eq(shmipc_sem_unlink(ipc, name), 0);
	ck_assert(!is_there(ksem));
}
END_TEST

/* What a killed unlinker leaves, and what another program made of it. */
START_TEST(dead_headers_are_garbage_and_their_ksems_too)
{
	char ksem[POSIX_PATH_MAX], header[POSIX_PATH_MAX], dead[128];
	struct shmipc_sem *sem;
	struct stat st;

	snprintf(dead, sizeof(dead), "/dev/shm/shmipc.dead.%016x",
		 (unsigned)getpid());
	posix_segment_path(header, shmipc_kind_find(SHMIPC_SEM), name);
	for (int linked = 0; linked < 2; linked++) {
		ck_assert_int_eq(shmipc_sem_open(ipc, &sem, name, 0,
						 SHMIPC_CREATE | SHMIPC_EXCL,
						 0600),
				 0);
		shmipc_sem_close(sem);
		ck_assert_int_eq(stat(header, &st), 0);
		posix_ksem_path(ksem, st.st_ino, 0);
		ck_assert_int_eq(
			linked ? link(header, dead) : rename(header, dead), 0);
		ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 1);
		ck_assert(!is_there(dead));
		/* A second name must not cost a living one its ksem. */
		ck_assert_int_eq(is_there(ksem), linked);
		ck_assert_int_eq(shmipc_sem_unlink(ipc, name),
				 linked ? 0 : -ENOENT);
	}
}
END_TEST

START_TEST(strangers_files_are_no_garbage)
{
	static const struct {
		const char *start;
		int digits;
	} files[] = {
		{ "shmipc.dead.", 1 },	    { "shmipc.dead.", 16 },
		{ "sem.shmipc.ksem.", 1 },  { "sem.shmipc.ksem.", 16 },
		{ "sem.shmipc.ksem.", 20 }, { "shmipc.other.", 1 },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char file[128];

		snprintf(file, sizeof(file), "/dev/shm/%s%0*d", files[i].start,
			 files[i].digits, (int)getpid());
		close(make(file, "a text of somebody's", 20));
		ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 0);
		ck_assert(is_there(file));
		ck_assert_int_eq(unlink(file), 0);
	}
}
END_TEST

/* Writing the header must not be enough to remove a persistent object. */
START_TEST(header_alone_makes_nothing_transient)
{
	struct shmi_header header;
	struct shmipc_shm *shm;
	int fd;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 8,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	shmipc_shm_close(shm);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &header, sizeof(header), 0), sizeof(header));
	header.flags |= SHMI_HEADER_TRANSIENT;
	ck_assert_int_eq(pwrite(fd, &header, sizeof(header), 0),
			 sizeof(header));
	is_refused();
	ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 0);
	ck_assert(is_there(path));
	/* And the other way round. */
	header.flags = 0;
	ck_assert_int_eq(pwrite(fd, &header, sizeof(header), 0),
			 sizeof(header));
	ck_assert_int_eq(fchmod(fd, 01600), 0);
	is_refused();
	close(fd);
}
END_TEST

START_TEST(reader_that_locks_all_it_can_delays_nobody)
{
	struct flock all = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	struct shmipc_shm *shm, *other;
	struct timespec start, end;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &start);
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 8,
					 SHMIPC_CREATE | SHMIPC_TRANSIENT,
					 0644),
			 0);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &all), 0);
	ck_assert_int_eq(shmipc_shm_open(ipc, &other, name, 8, 0, 0), 0);
	shmipc_shm_close(other);
	shmipc_shm_close(shm);
	ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 0);
	/* Its lock keeps the object in use, as any reader's can. */
	ck_assert(is_there(path));
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), 0);
	close(fd);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_int_le(end.tv_sec - start.tv_sec, 1);
}
END_TEST

/* A transient region whose only user was killed. */
static int leave_an_orphan(void)
{
	struct shmipc_shm *shm;
	int fd, status;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (shmipc_shm_open(ipc, &shm, name, 8,
				    SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	while (usemark_look(fd) != -ESTALE)
		sched_yield(); /* its memory may go a little later */
	return fd;
}

START_TEST(unlink_waits_for_a_process_that_is_just_joining)
{
	int gate = leave_an_orphan(), status;
	pid_t child, parent;
	char state;

	/* A process that has yet to see that it came too late. */
	ck_assert_int_eq(usemark_enter(gate), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(-shmipc_shm_unlink(ipc, name));
	/* It sleeps before it looks again; without a second look it ends. */
	do
		ck_assert(process_look(child, &state, &parent));
	while (state != 'S' && state != 'Z');
	usemark_leave(gate);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), ENOENT);
	close(gate);
	ck_assert_int_ge(shmipc_gc(ipc, 0, NULL, NULL), 1);
	ck_assert(!is_there(path));
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
	tcase_add_test(tc, damaged_ksem_is_refused_at_once);
	tcase_add_test(tc, strangers_locks_cost_little);
	tcase_add_test(
		tc, ksem_without_a_segment_is_garbage_unless_its_creator_lives);
	tcase_add_test(tc, ksem_of_a_segment_is_not_garbage);
	tcase_add_test(tc, dead_headers_are_garbage_and_their_ksems_too);
	tcase_add_test(tc, strangers_files_are_no_garbage);
	tcase_add_test(tc, header_alone_makes_nothing_transient);
	tcase_add_test(tc, reader_that_locks_all_it_can_delays_nobody);
	tcase_add_test(tc, unlink_waits_for_a_process_that_is_just_joining);
	return tc;
}
