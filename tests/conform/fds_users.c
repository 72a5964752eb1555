/* SPDX-License-Identifier: MIT */
/*
 * Hand-over by descriptor: who counts as a user, what that does to transient
 * objects, and who may do what.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/conform/conform.h"

#define NEW_TRANSIENT (SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT)

static struct shmipc_shm *new_transient(const char *name)
{
	struct shmipc_shm *shm;

	ok(shmipc_shm_open(ipc, &shm, name, 64, NEW_TRANSIENT, 0600));
	return shm;
}

static void is_gone(const char *name)
{
	struct shmipc_shm *shm;

	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
}

static unsigned attached(const char *name)
{
	struct shmipc_info info = stat_of(SHMIPC_SHM, name);

	ck_assert_int_eq(info.in_use, info.attached > 0);
	return info.attached;
}

/* All marks of this description go, as a peer can have it who has got it. */
static void take_marks(int fd)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &all), 0);
}

/* ---- users -------------------------------------------------------------- */

START_TEST(descriptor_is_a_user)
{
	const char *name = name_of("count");
	struct shmipc_shm *shm = new_shm(name, 8), *other;
	int fd, copy;

	ck_assert_uint_eq(attached(name), 1);
	fd = export_shm(shm);
	ck_assert_uint_eq(attached(name), 2);
	ok(shmipc_shm_close(shm));
	ck_assert_uint_eq(attached(name), 1);
	other = import_shm(fd);
	ck_assert_uint_eq(attached(name), 2);
	copy = dup(fd);
	close(fd);
	ck_assert_uint_eq(attached(name), 2);
	close(copy);
	ck_assert_uint_eq(attached(name), 1);
	ok(shmipc_shm_close(other));
	ck_assert_uint_eq(attached(name), 0);
	ok(shmipc_shm_unlink(ipc, name));
}
END_TEST

START_TEST(descriptor_in_flight_is_a_user)
{
	const char *name = name_of("flight");
	struct shmipc_shm *shm = new_shm(name, 8);
	int socks[2], fd[2] = { -1, -1 };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	fd[0] = export_shm(shm);
	send_fds(socks[0], fd);
	close_fds(fd);
	ok(shmipc_shm_close(shm));
	ck_assert_uint_eq(attached(name), 1);
	close_fds(socks);
	ck_assert_uint_eq(attached(name), 0);
	ok(shmipc_shm_unlink(ipc, name));
}
END_TEST

START_TEST(receiver_cannot_take_another_users_mark)
{
	const char *name = name_of("marks");
	struct shmipc_shm *shm = new_transient(name), *other;
	int fd = export_shm(shm);

	take_marks(fd);
	ck_assert_uint_eq(attached(name), 1);
	other = import_shm(fd);
	take_marks(fd);
	ck_assert_uint_eq(attached(name), 2);
	ok(shmipc_shm_close(shm));
	ck_assert_uint_eq(attached(name), 1);
	close(fd);
	ok(shmipc_shm_close(other));
	is_gone(name);
}
END_TEST

START_TEST(transient_lives_in_flight)
{
	const char *name = name_of("transient");
	struct shmipc_shm *shm = new_transient(name);
	int socks[2], fd[2] = { -1, -1 };

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	bytes_of(shm)[63] = 63;
	fd[0] = export_shm(shm);
	send_fds(socks[0], fd);
	close_fds(fd);
	ok(shmipc_shm_close(shm));
	/* It has its name, too. */
	ck_assert_uint_eq(attached(name), 1);
	ok(shmipc_shm_close(open_shm(name)));
	ok(shmipc_gc(ipc, 0, NULL, NULL));
	receive_fds(socks[1], fd);
	shm = import_shm(fd[0]);
	close_fds(fd);
	ck_assert_int_eq(bytes_of(shm)[63], 63);
	ck_assert_uint_eq(attached(name), 1);
	ok(shmipc_shm_close(shm));
	is_gone(name);
	close_fds(socks);
}
END_TEST

static int send_and_die(void *arg)
{
	int fd[2] = { -1, -1 };
	struct shmipc_shm *shm = new_transient(name_of("heir"));

	bytes_of(shm)[0] = 1;
	fd[0] = export_shm(shm);
	send_fds(*(int *)arg, fd);
	raise(SIGKILL);
	return 1;
}

START_TEST(transient_outlives_a_killed_exporter)
{
	struct shmipc_shm *shm;
	int socks[2], fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	ck_assert_int_eq(reap(spawn(send_and_die, &socks[0])), 128 + SIGKILL);
	receive_fds(socks[1], fd);
	shm = import_shm(fd[0]);
	close_fds(fd);
	ck_assert_int_eq(bytes_of(shm)[0], 1);
	ok(shmipc_shm_close(shm));
	is_gone(name_of("heir"));
	close_fds(socks);
}
END_TEST

START_TEST(closing_the_last_descriptor_removes_it)
{
	const char *name = name_of("last");
	struct shmipc_shm *shm = new_transient(name);
	int fd = export_shm(shm);

	ok(shmipc_shm_close(shm));
	close(fd);
	is_gone(name);
}
END_TEST

START_TEST(orphan_is_not_imported)
{
	const char *name = name_of("orphan");
	struct shmipc_shm *shm = new_transient(name), *other = NULL;
	int fd = export_shm(shm);

	/* Nobody of ours does that. */
	take_marks(fd);
	ok(shmipc_shm_close(shm));
	fails(-ENOENT, shmipc_shm_import_fd(ipc, &other, fd, 0));
	ck_assert_ptr_null(other);
	is_gone(name);
	close(fd);
}
END_TEST

START_TEST(forked_child_goes_on_with_an_import)
{
	const char *name = name_of("fork");
	struct shmipc_shm *shm = new_transient(name), *other;
	int fd = export_shm(shm);

	other = import_shm(fd);
	close(fd);
	ck_assert_int_eq(in_child(shmipc_shm_close, other), 0);
	ok(shmipc_shm_close(shm));
	ck_assert_uint_eq(attached(name), 1);
	fd = export_shm(other);
	ok(shmipc_shm_close(other));
	other = import_shm(fd);
	close(fd);
	ok(shmipc_shm_close(other));
	is_gone(name);
}
END_TEST

/* ---- a program that closes all descriptors ------------------------------ */

/* Put /dev/null in the place of every descriptor of this file but one. */
static int replace_all(int but)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), n = 0;
	DIR *dir = opendir("/proc/self/fd");
	struct stat its, st;
	struct dirent *entry;

	ck_assert_int_eq(fstat(but, &its), 0);
	while ((entry = readdir(dir))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (fd <= 2 || fd == but || fstat(fd, &st) < 0 ||
		    st.st_ino != its.st_ino || st.st_dev != its.st_dev)
			continue;
		dup2(null, fd);
		n = fd;
	}
	closedir(dir);
	close(null);
	return n;
}

START_TEST(what_took_the_place_of_ours_is_left_alone)
{
	struct shmipc_shm *shm = new_shm(name_of("daemon"), 8);
	int fd = export_shm(shm), result = -7, null = replace_all(fd);

	ck_assert_int_gt(null, 2);
	bytes_of(shm)[0] = 1;
	fails(-EBADF, shmipc_shm_export_fd(shm, &result));
	ck_assert_int_eq(result, -7);
	drop_shm(shm, name_of("daemon"));
	ck_assert_int_ge(fcntl(null, F_GETFD), 0);
	close(null);
	close(fd);
}
END_TEST

/* ---- rights ------------------------------------------------------------- */

START_TEST(read_only_handle_gives_no_more)
{
	const char *name = name_of("reader");
	struct shmipc_shm *shm = new_shm(name, 8), *reader, *other = NULL;
	int fd;

	bytes_of(shm)[0] = 5;
	ok(shmipc_shm_open(ipc, &reader, name, 0, SHMIPC_RDONLY, 0));
	fd = export_shm(reader);
	ok(shmipc_shm_close(reader));
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	fails(-EACCES, shmipc_shm_import_fd(ipc, &other, fd, 0));
	ck_assert_ptr_null(other);
	ok(shmipc_shm_import_fd(ipc, &other, fd, SHMIPC_RDONLY));
	close(fd);
	ck_assert_int_eq(bytes_of(other)[0], 5);
	fails(-EACCES, shmipc_shm_lock(other, NULL));
	ok(shmipc_shm_close(other));
	drop_shm(shm, name);
}
END_TEST

START_TEST(reader_of_a_writers_descriptor_gives_no_more)
{
	struct shmipc_shm *shm = new_shm(name_of("less"), 8), *reader;
	int fd = export_shm(shm), again;

	ok(shmipc_shm_import_fd(ipc, &reader, fd, SHMIPC_RDONLY));
	fails(-EACCES, shmipc_shm_lock(reader, NULL));
	again = export_shm(reader);
	ck_assert_int_eq(fcntl(again, F_GETFL) & O_ACCMODE, O_RDONLY);
	ok(shmipc_shm_close(reader));
	close(fd);
	close(again);
	drop_shm(shm, name_of("less"));
}
END_TEST

START_TEST(reader_of_a_semaphore_gets_no_place)
{
	const char *name = name_of("readsem");
	struct shmipc_sem *sem = new_sem(name, 3), *reader, *other = NULL;
	int fds[2];

	ok(shmipc_sem_open(ipc, &reader, name, 0, SHMIPC_RDONLY, 0));
	ok(shmipc_sem_export_fds(reader, fds));
	ok(shmipc_sem_close(reader));
	ck_assert_int_eq(fds[1], -1);
	ck_assert_int_eq(fcntl(fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	fails(-EBADF, shmipc_sem_import_fds(ipc, &other, fds, 0));
	ok(shmipc_sem_import_fds(ipc, &other, fds, SHMIPC_RDONLY));
	close_fds(fds);
	ck_assert_int_eq(value_of(other), 3);
	fails(-EACCES, shmipc_sem_post(other));
	ok(shmipc_sem_close(other));
	drop_sem(sem, name);
}
END_TEST

/* Somebody who could not open it by any name. */
static int use_as_nobody(void *arg)
{
	const int *fds = arg; /* for writing, for reading, and a semaphore */
	struct shmipc_shm *shm = NULL, *reader, *none = NULL;
	struct shmipc_sem *sem;
	int fd;

	if (become_nobody())
		return 99;
	ok(shmipc_open(&ipc, NULL));
	fails(-EACCES, shmipc_shm_import_fd(ipc, &none, fds[1], 0));
	ok(shmipc_shm_import_fd(ipc, &reader, fds[1], SHMIPC_RDONLY));
	fd = export_shm(reader);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	ok(shmipc_shm_close(reader));
	ok(shmipc_shm_import_fd(ipc, &reader, fds[0], SHMIPC_RDONLY));
	fails(-EACCES, shmipc_shm_export_fd(reader, &fd));
	ok(shmipc_shm_close(reader));
	for (int i = 0; i < 3; i++) {
		fd = i ? export_shm(shm) : dup(fds[0]);
		if (i)
			ok(shmipc_shm_close(shm));
		shm = import_shm(fd);
		close(fd);
	}
	ok(shmipc_shm_lock(shm, NULL));
	bytes_of(shm)[1] = bytes_of(shm)[0] + 1;
	ok(shmipc_shm_unlock(shm));
	sem = import_sem(fds + 2);
	ok(shmipc_sem_post(sem));
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	pause();
	return 1;
}

START_TEST(descriptor_gives_the_right_to_other_users)
{
	const char *name = name_of("other");
	struct shmipc_shm *shm = new_transient(name), *reader;
	struct shmipc_sem *sem = new_sem(name_of("othersem"), 0);
	int fds[4];
	pid_t pid;

	bytes_of(shm)[0] = 20;
	fds[0] = export_shm(shm);
	ok(shmipc_shm_open(ipc, &reader, name, 0, SHMIPC_RDONLY, 0));
	fds[1] = export_shm(reader);
	ok(shmipc_shm_close(reader));
	ok(shmipc_sem_export_fds(sem, fds + 2));
	pid = spawn(use_as_nobody, fds);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	ok(shmipc_sem_wait(sem));
	await_asleep(pid);
	ck_assert_int_eq(bytes_of(shm)[1], 21);
	/* The child inherits our handle; only its own counts as a second. */
	ck_assert_uint_eq(attached(name), 2);
	end_by_kill(pid);
	ck_assert_uint_eq(attached(name), 1);
	ok(shmipc_shm_close(shm));
	is_gone(name);
	drop_sem(sem, name_of("othersem"));
}
END_TEST

static int import_unmarked_as_nobody(void *arg)
{
	int fd = *(int *)arg;
	struct shmipc_shm *shm;

	if (become_nobody())
		return 99;
	ok(shmipc_open(&ipc, NULL));
	shm = import_shm(fd);
	close(fd);
	bytes_of(shm)[0] = 1;
	pause();
	return 1;
}

START_TEST(importer_of_an_unmarked_descriptor_is_a_user)
{
	const char *name = name_of("bare");
	struct shmipc_shm *shm = new_shm(name, 8);
	int fd = export_shm(shm);
	pid_t pid;

	take_marks(fd);
	pid = spawn(import_unmarked_as_nobody, &fd);
	close(fd);
	while (!*(volatile unsigned char *)bytes_of(shm))
		usleep(1000);
	await_asleep(pid);
	ck_assert_uint_eq(attached(name), 2);
	end_by_kill(pid);
	ck_assert_uint_eq(attached(name), 1);
	drop_shm(shm, name);
}
END_TEST

void add_fds_users(TCase *tc)
{
	if (!suite_can(SHMIPC_CAP_FDS))
		return;
	tcase_add_test(tc, descriptor_is_a_user);
	tcase_add_test(tc, descriptor_in_flight_is_a_user);
	tcase_add_test(tc, receiver_cannot_take_another_users_mark);
	tcase_add_test(tc, transient_lives_in_flight);
	tcase_add_test(tc, transient_outlives_a_killed_exporter);
	tcase_add_test(tc, closing_the_last_descriptor_removes_it);
	tcase_add_test(tc, orphan_is_not_imported);
	tcase_add_test(tc, forked_child_goes_on_with_an_import);
	tcase_add_test(tc, what_took_the_place_of_ours_is_left_alone);
	tcase_add_test(tc, read_only_handle_gives_no_more);
	tcase_add_test(tc, reader_of_a_writers_descriptor_gives_no_more);
	tcase_add_test(tc, reader_of_a_semaphore_gets_no_place);
	if (geteuid() == 0) {
		tcase_add_test(tc, descriptor_gives_the_right_to_other_users);
		tcase_add_test(tc,
			       importer_of_an_unmarked_descriptor_is_a_user);
	}
}
