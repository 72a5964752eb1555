/* SPDX-License-Identifier: MIT */
/*
 * Hand-over by descriptor: between processes that share nothing else.
 * fds_users.c tests which processes count as users then, and which rights each
 * has; fds_hostile.c tests descriptors that lead to something else.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/conform/conform.h"

/* ---- where it does not work --------------------------------------------- */

START_TEST(backend_without_hand_over_says_so)
{
	struct shmipc_shm *shm = new_shm(name_of("no"), 8), *other = NULL;
	struct shmipc_sem *sem = new_sem(name_of("no"), 1), *another = NULL;
	int fd = -7, fds[2] = { -7, -8 };

	fails(-ENOTSUP, shmipc_shm_export_fd(shm, &fd));
	fails(-ENOTSUP, shmipc_sem_export_fds(sem, fds));
	ck_assert_int_eq(fd, -7);
	ck_assert_int_eq(fds[0], -7);
	ck_assert_int_eq(fds[1], -8);
	fails(-ENOTSUP, shmipc_shm_import_fd(ipc, &other, 0, 0));
	fails(-ENOTSUP, shmipc_sem_import_fds(ipc, &another, fds, 0));
	ck_assert_ptr_null(other);
	ck_assert_ptr_null(another);
	drop_shm(shm, name_of("no"));
	drop_sem(sem, name_of("no"));
}
END_TEST

START_TEST(senseless_arguments_are_invalid)
{
	static const unsigned senseless[] = { SHMIPC_CREATE, SHMIPC_EXCL,
					      SHMIPC_LAZY, SHMIPC_TRANSIENT,
					      0x80000000U };
	struct shmipc_shm *shm = new_shm(name_of("bad"), 8), *other;
	struct shmipc_sem *sem = new_sem(name_of("bad"), 1), *another;
	const int fds[2] = { 0, 0 };
	int result[2];

	fails(-EINVAL, shmipc_shm_export_fd(NULL, result));
	fails(-EINVAL, shmipc_shm_export_fd(shm, NULL));
	fails(-EINVAL, shmipc_sem_export_fds(NULL, result));
	fails(-EINVAL, shmipc_sem_export_fds(sem, NULL));
	fails(-EINVAL, shmipc_shm_import_fd(NULL, &other, 0, 0));
	fails(-EINVAL, shmipc_shm_import_fd(ipc, NULL, 0, 0));
	fails(-EINVAL, shmipc_sem_import_fds(NULL, &another, fds, 0));
	fails(-EINVAL, shmipc_sem_import_fds(ipc, NULL, fds, 0));
	fails(-EINVAL, shmipc_sem_import_fds(ipc, &another, NULL, 0));
	for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
		fails(-EINVAL,
		      shmipc_shm_import_fd(ipc, &other, 0, senseless[i]));
		fails(-EINVAL,
		      shmipc_sem_import_fds(ipc, &another, fds, senseless[i]));
	}
	fails(-EINVAL,
	      shmipc_sem_import_fds(ipc, &another, fds, SHMIPC_PREFAULT));
	drop_shm(shm, name_of("bad"));
	drop_sem(sem, name_of("bad"));
}
END_TEST

/* ---- where it does ------------------------------------------------------ */

START_TEST(descriptors_are_new_and_close_on_exec)
{
	struct shmipc_shm *shm = new_shm(name_of("new"), 8);
	struct shmipc_sem *sem = new_sem(name_of("new"), 1);
	int a = export_shm(shm), b = export_shm(shm), fds[2];

	ck_assert_int_ne(a, b);
	ok(shmipc_sem_export_fds(sem, fds));
	ck_assert_int_ne(fds[0], fds[1]);
	ck_assert_int_eq(fcntl(a, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	close(a);
	close(b);
	close_fds(fds);
	drop_shm(shm, name_of("new"));
	drop_sem(sem, name_of("new"));
}
END_TEST

START_TEST(import_is_the_same_object)
{
	struct shmipc_shm *shm = new_shm(name_of("same"), 5000), *other;
	struct shmipc_sem *sem = new_sem(name_of("same"), 3), *another;
	int fd = export_shm(shm), fds[2];

	ok(shmipc_sem_export_fds(sem, fds));
	other = import_shm(fd);
	another = import_sem(fds);
	/* The descriptors are not needed any more, and still the caller's. */
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	close_fds(fds);
	ck_assert_uint_eq(shmipc_shm_size(other), 5000);
	memset(bytes_of(shm), 0x5a, 5000);
	ck_assert_int_eq(bytes_of(other)[0], 0x5a);
	bytes_of(other)[4999] = 1;
	ck_assert_int_eq(bytes_of(shm)[4999], 1);
	ok(shmipc_sem_wait(another));
	ck_assert_int_eq(value_of(sem), 2);
	ok(shmipc_shm_close(other));
	ok(shmipc_sem_close(another));
	drop_shm(shm, name_of("same"));
	drop_sem(sem, name_of("same"));
}
END_TEST

START_TEST(sentence_about_an_import_has_the_name)
{
	struct shmipc_shm *shm = new_shm(name_of("named"), 8), *other;
	int fd = export_shm(shm);

	other = import_shm(fd);
	fails(-EPERM, shmipc_shm_unlock(other));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), name_of("named")));
	ok(shmipc_shm_close(other));
	close(fd);
	drop_shm(shm, name_of("named"));
}
END_TEST

START_TEST(object_without_a_name_can_be_handed_over)
{
	struct shmipc_shm *shm = new_shm(name_of("unlinked"), 8), *other;
	struct shmipc_shm *successor;
	struct shmipc_sem *sem = new_sem(name_of("unlinked"), 2), *another;
	int fd, fds[2];

	ok(shmipc_shm_unlink(ipc, name_of("unlinked")));
	ok(shmipc_sem_unlink(ipc, name_of("unlinked")));
	successor = new_shm(name_of("unlinked"), 16);
	bytes_of(shm)[7] = 7;
	fd = export_shm(shm);
	ok(shmipc_sem_export_fds(sem, fds));
	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(sem));
	other = import_shm(fd);
	another = import_sem(fds);
	ck_assert_uint_eq(shmipc_shm_size(other), 8);
	ck_assert_int_eq(bytes_of(other)[7], 7);
	ck_assert_int_eq(value_of(another), 2);
	ok(shmipc_shm_close(other));
	ok(shmipc_sem_close(another));
	close(fd);
	close_fds(fds);
	drop_shm(successor, name_of("unlinked"));
}
END_TEST

START_TEST(import_can_be_exported_again)
{
	struct shmipc_shm *shm = new_shm(name_of("again"), 8);
	struct shmipc_sem *sem = new_sem(name_of("again"), 1);
	int fd, fds[2];

	bytes_of(shm)[0] = 9;
	for (int i = 0; i < 5; i++) {
		fd = export_shm(shm);
		ok(shmipc_sem_export_fds(sem, fds));
		ok(shmipc_shm_close(shm));
		ok(shmipc_sem_close(sem));
		shm = import_shm(fd);
		sem = import_sem(fds);
		close(fd);
		close_fds(fds);
	}
	ck_assert_int_eq(bytes_of(shm)[0]++, 9);
	ok(shmipc_sem_post(sem));
	ck_assert_int_eq(run_opener("sum", name_of("again"), "10"), 0);
	ck_assert_int_eq(run_opener("value", name_of("again"), "2"), 0);
	drop_shm(shm, name_of("again"));
	drop_sem(sem, name_of("again"));
}
END_TEST

START_TEST(prefault_maps_what_was_left_out)
{
	enum { PAGES = 16 };
	unsigned char in_core[PAGES];
	struct shmipc_shm *shm, *other;
	int fd;

	ok(shmipc_shm_open(ipc, &shm, name_of("lazy"), PAGES * 4096,
			   SHMIPC_CREATE | SHMIPC_LAZY, 0600));
	fd = export_shm(shm);
	ok(shmipc_shm_import_fd(ipc, &other, fd, SHMIPC_PREFAULT));
	ck_assert_int_eq(mincore(bytes_of(other), PAGES * 4096, in_core), 0);
	for (int i = 0; i < PAGES; i++)
		ck_assert_int_eq(in_core[i] & 1, 1);
	ok(shmipc_shm_close(other));
	close(fd);
	drop_shm(shm, name_of("lazy"));
}
END_TEST

/* ---- between processes -------------------------------------------------- */

struct partner {
	int sock;
	int ready[2]; /* two semaphores */
};

/* Everything that a stranger is given comes over the socket. */
static int play(void *arg)
{
	int sock = *(int *)arg, fd[2], there[2], back[2];
	struct shmipc_sem *in, *out;
	struct shmipc_shm *shm;

	ok(shmipc_open(&ipc, NULL));
	receive_fds(sock, fd);
	receive_fds(sock, there);
	receive_fds(sock, back);
	shm = import_shm(fd[0]);
	in = import_sem(there);
	out = import_sem(back);
	for (int i = 0; i < 200; i++) {
		ok(shmipc_sem_wait(in));
		bytes_of(shm)[0]++;
		ok(shmipc_sem_post(out));
	}
	return 0;
}

START_TEST(semaphores_wake_across_a_socket)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *there, *back;
	int socks[2], fd[2] = { -1, -1 }, fds[2];
	pid_t pid;

	/* The child is older than the objects. */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	pid = spawn(play, &socks[1]);
	shm = new_shm(name_of("play"), 1);
	there = new_sem(name_of("there"), 0);
	back = new_sem(name_of("back"), 0);
	fd[0] = export_shm(shm);
	send_fds(socks[0], fd);
	close_fds(fd);
	ok(shmipc_sem_export_fds(there, fds));
	send_fds(socks[0], fds);
	close_fds(fds);
	ok(shmipc_sem_export_fds(back, fds));
	send_fds(socks[0], fds);
	close_fds(fds);
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(bytes_of(shm)[0], i);
		ok(shmipc_sem_post(there));
		ok(shmipc_sem_wait(back));
	}
	ck_assert_int_eq(reap(pid), 0);
	close_fds(socks);
	drop_shm(shm, name_of("play"));
	drop_sem(there, name_of("there"));
	drop_sem(back, name_of("back"));
}
END_TEST

static void inherit(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFD, 0), 0);
}

START_TEST(execed_program_imports_what_it_inherits)
{
	struct shmipc_shm *shm = new_shm(name_of("exec"), 100);
	struct shmipc_sem *sem = new_sem(name_of("exec"), 3);
	int fd = export_shm(shm), fds[2];
	char name[32];

	ok(shmipc_sem_export_fds(sem, fds));
	inherit(fd);
	inherit(fds[0]);
	inherit(fds[1]);
	snprintf(name, sizeof(name), "@%d", fd);
	ck_assert_int_eq(run_opener("size", name, "100"), 0);
	ck_assert_int_eq(run_opener("fill", name, "3"), 0);
	ck_assert_int_eq(bytes_of(shm)[99], 3);
	ck_assert_int_eq(run_opener("sum", name, "300"), 0);
	snprintf(name, sizeof(name), "@%d,%d", fds[0], fds[1]);
	ck_assert_int_eq(run_opener("post", name, "2"), 0);
	ck_assert_int_eq(value_of(sem), 5);
	ck_assert_int_eq(run_opener("wait", name, "5"), 0);
	close(fd);
	close_fds(fds);
	drop_shm(shm, name_of("exec"));
	drop_sem(sem, name_of("exec"));
}
END_TEST

START_TEST(sleeper_in_an_execed_program_is_woken)
{
	struct shmipc_sem *sem = new_sem(name_of("sleep"), 0);
	int socks[2], fds[2];
	char name[32];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
	snprintf(name, sizeof(name), "<%d", socks[1]);
	pid = start_opener("wait", name, "1");
	ok(shmipc_sem_export_fds(sem, fds));
	send_fds(socks[0], fds);
	close_fds(fds);
	ok(shmipc_sem_post(sem));
	ck_assert_int_eq(reap(pid), 0);
	ck_assert_int_eq(value_of(sem), 0);
	close_fds(socks);
	drop_sem(sem, name_of("sleep"));
}
END_TEST

static int import_and_die_in_the_lock(void *arg)
{
	struct shmipc_shm *shm = import_shm(*(int *)arg);

	ok(shmipc_shm_lock(shm, NULL));
	raise(SIGKILL);
	return 1;
}

START_TEST(lock_is_one_and_robust)
{
	struct shmipc_shm *shm = new_shm(name_of("lock"), 8), *other;
	int fd = export_shm(shm);
	char name[32];

	other = import_shm(fd);
	ok(shmipc_shm_lock(other, NULL));
	fails(-EDEADLK, shmipc_shm_lock(shm, NULL));
	inherit(fd);
	snprintf(name, sizeof(name), "@%d", fd);
	ck_assert_int_eq(run_opener("busy", name, "1"), 0);
	fails(-EBUSY, shmipc_shm_close(other));
	ok(shmipc_shm_unlock(other));
	ck_assert_int_eq(run_opener("busy", name, "0"), 0);
	ck_assert_int_eq(reap(spawn(import_and_die_in_the_lock, &fd)),
			 128 + SIGKILL);
	take_over(other);
	ok(shmipc_shm_close(other));
	close(fd);
	drop_shm(shm, name_of("lock"));
}
END_TEST

START_TEST(import_needs_no_broker_and_starts_none)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem = new_sem(name_of("alone"), 1);
	char dir[256], name[32];
	int fd, fds[2];

	ok(shmipc_shm_open(ipc, &shm, name_of("alone"), 10,
			   SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600));
	memset(bytes_of(shm), 1, 10);
	fd = export_shm(shm);
	ok(shmipc_sem_export_fds(sem, fds));
	drop_sem(sem, name_of("alone"));
	inherit(fd);
	inherit(fds[0]);
	inherit(fds[1]);
	snprintf(dir, sizeof(dir), "%s/alone", getenv("SHMIPC_TEST_DIR"));
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	setenv("SHMIPC_BROKER", "/nonexistent", 1);
	snprintf(name, sizeof(name), "@%d", fd);
	ck_assert_int_eq(run_opener("sum", name, "10"), 0);
	snprintf(name, sizeof(name), "@%d,%d", fds[0], fds[1]);
	ck_assert_int_eq(run_opener("wait", name, "1"), 0);
	/* With a program that could be started, neither. */
	setenv("SHMIPC_BROKER", "/bin/false", 1);
	ck_assert_int_eq(run_opener("post", name, "1"), 0);
	ck_assert_int_lt(access(dir, F_OK), 0);
	close(fd);
	close_fds(fds);
	ok(shmipc_shm_close(shm));
}
END_TEST

/* ---- where descriptors are scarce --------------------------------------- */

static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/*
 * Make the call with no descriptor left, then with one, and so on, until it
 * works. Returns how often it failed, or -1.
 */
static int be_scarce(int (*call)(void *arg), void *arg)
{
	const int before = count_open();
	int r = -EMFILE, failures = 0;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	for (limit.rlim_cur = 3; r < 0 && limit.rlim_cur < 1024;
	     limit.rlim_cur++) {
		setrlimit(RLIMIT_NOFILE, &limit);
		r = call(arg);
		failures += r == -EMFILE;
		if (r < 0 && (r != -EMFILE || count_open() != before))
			return -1;
	}
	return r < 0 ? -1 : failures;
}

struct scarce {
	struct shmipc_sem *sem, *import;
	int fds[2];
};

static int export_scarce(void *arg)
{
	struct scarce *scarce = arg;

	return shmipc_sem_export_fds(scarce->sem, scarce->fds);
}

static int import_scarce(void *arg)
{
	struct scarce *scarce = arg;

	return shmipc_sem_import_fds(ipc, &scarce->import, scarce->fds, 0);
}

static int hand_over_scarcely(void *arg)
{
	struct scarce scarce = { .sem = arg };

	if (be_scarce(export_scarce, &scarce) < 2)
		return 1;
	return be_scarce(import_scarce, &scarce) < 2 ? 2 : 0;
}

START_TEST(scarce_descriptors_are_told_and_not_lost)
{
	struct shmipc_sem *sem = new_sem(name_of("scarce"), 1);

	ck_assert_int_eq(reap(spawn(hand_over_scarcely, sem)), 0);
	drop_sem(sem, name_of("scarce"));
}
END_TEST

void add_fds(TCase *tc)
{
	tcase_add_test(tc, senseless_arguments_are_invalid);
	if (!suite_can(SHMIPC_CAP_FDS)) {
		tcase_add_test(tc, backend_without_hand_over_says_so);
		return;
	}
	tcase_add_test(tc, descriptors_are_new_and_close_on_exec);
	tcase_add_test(tc, import_is_the_same_object);
	tcase_add_test(tc, sentence_about_an_import_has_the_name);
	tcase_add_test(tc, object_without_a_name_can_be_handed_over);
	tcase_add_test(tc, import_can_be_exported_again);
	tcase_add_test(tc, prefault_maps_what_was_left_out);
	tcase_add_test(tc, semaphores_wake_across_a_socket);
	tcase_add_test(tc, execed_program_imports_what_it_inherits);
	tcase_add_test(tc, sleeper_in_an_execed_program_is_woken);
	tcase_add_test(tc, lock_is_one_and_robust);
	tcase_add_test(tc, import_needs_no_broker_and_starts_none);
	tcase_add_test(tc, scarce_descriptors_are_told_and_not_lost);
}
