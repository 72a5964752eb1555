/* SPDX-License-Identifier: MIT */
/* Transient objects: gone with their last user, even by a crash. */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/conform/conform.h"

#define NEW_TRANSIENT (SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT)

static struct shmipc_shm *transient_shm(const char *name)
{
	struct shmipc_shm *shm;

	ok(shmipc_shm_open(ipc, &shm, name, 64, NEW_TRANSIENT, 0600));
	return shm;
}

static struct shmipc_sem *transient_sem(const char *name)
{
	struct shmipc_sem *sem;

	ok(shmipc_sem_open(ipc, &sem, name, 7, NEW_TRANSIENT, 0600));
	return sem;
}

static int count_name(const struct shmipc_info *info, void *arg)
{
	struct {
		const char *name;
		int n;
	} *seen = arg;

	seen->n += !strcmp(info->name, seen->name);
	return 0;
}

static int listed(const char *name)
{
	struct {
		const char *name;
		int n;
	} seen = { name, 0 };

	ok(shmipc_list(ipc, count_name, &seen));
	return seen.n;
}

/* Nobody finds it, and both names are free. */
static void is_gone(const char *name)
{
	struct shmipc_info info;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	fails(-ENOENT, shmipc_stat(ipc, SHMIPC_SHM, name, &info));
	fails(-ENOENT, shmipc_stat(ipc, SHMIPC_SEM, name, &info));
	ck_assert_int_eq(listed(name), 0);
	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
	fails(-ENOENT, shmipc_sem_open(ipc, &sem, name, 0, SHMIPC_RDONLY, 0));
	fails(-ENOENT, shmipc_shm_unlink(ipc, name));
	drop_shm(new_shm(name, 8), name);
	drop_sem(new_sem(name, 0), name);
}

START_TEST(closing_the_last_handle_removes_it)
{
	const char *name = name_of("last");
	struct shmipc_shm *shm = transient_shm(name), *other = open_shm(name);
	struct shmipc_sem *sem = transient_sem(name), *more = open_sem(name);

	ck_assert_int_eq(listed(name), 2);
	bytes_of(shm)[3] = 3;
	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(sem));
	/* The other handles and the name still work. */
	ck_assert_int_eq(bytes_of(other)[3], 3);
	ck_assert_int_eq(value_of(more), 7);
	ok(shmipc_shm_close(open_shm(name)));
	ok(shmipc_sem_close(open_sem(name)));
	ck_assert_int_eq(listed(name), 2);
	ok(shmipc_shm_close(other));
	ok(shmipc_sem_close(more));
	is_gone(name);
}
END_TEST

START_TEST(read_only_user_keeps_it_and_removes_it)
{
	const char *name = name_of("rdonly");
	struct shmipc_shm *shm = transient_shm(name), *reader;

	ok(shmipc_shm_open(ipc, &reader, name, 0, SHMIPC_RDONLY, 0));
	ok(shmipc_shm_close(shm));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	ok(shmipc_shm_close(reader));
	is_gone(name);
}
END_TEST

static int use_until_killed(void *arg)
{
	char *name = arg;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	ok(shmipc_shm_open(ipc, &shm, name, 64, NEW_TRANSIENT, 0600));
	ok(shmipc_sem_open(ipc, &sem, name, 7, NEW_TRANSIENT, 0600));
	raise(SIGSTOP);
	return 1;
}

static void await_stop(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
}

START_TEST(killing_all_users_removes_it)
{
	const char *name = name_of("killed");
	pid_t pid = spawn(use_until_killed, (void *)name);

	await_stop(pid);
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).transient, 1);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).in_use, 1);
	kill(pid, SIGKILL);
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
	is_gone(name);
}
END_TEST

START_TEST(user_that_is_a_zombie_is_none)
{
	const char *name = name_of("zombie");
	pid_t pid = spawn(use_until_killed, (void *)name);
	siginfo_t info;

	await_stop(pid);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	is_gone(name);
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
}
END_TEST

/* Each way of asking must find out by itself. */
START_TEST(first_call_after_a_kill_finds_nothing)
{
	for (int way = 0; way < 5; way++) {
		const char *name = name_of("first");
		pid_t pid = spawn(use_until_killed, (void *)name);
		struct shmipc_shm *shm;
		struct shmipc_sem *sem;
		struct shmipc_info info;

		await_stop(pid);
		kill(pid, SIGKILL);
		ck_assert_int_eq(reap(pid), 128 + SIGKILL);
		switch (way) {
		case 0:
			drop_shm(new_shm(name, 8), name);
			drop_sem(new_sem(name, 3), name);
			break;
		case 1:
			ok(shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE,
					   0600));
			ck_assert_int_eq(shmipc_shm_created(shm), 1);
			drop_shm(shm, name);
			break;
		case 2:
			fails(-ENOENT,
			      shmipc_sem_open(ipc, &sem, name, 0, 0, 0));
			break;
		case 3:
			fails(-ENOENT, shmipc_sem_unlink(ipc, name));
			break;
		case 4:
			fails(-ENOENT,
			      shmipc_stat(ipc, SHMIPC_SEM, name, &info));
			break;
		}
		is_gone(name);
	}
}
END_TEST

static int hold_until_told(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) != 1;
}

START_TEST(forked_child_keeps_it)
{
	const char *name = name_of("forked");
	struct shmipc_shm *shm = transient_shm(name);
	struct shmipc_sem *sem = transient_sem(name);
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = spawn(hold_until_told, &ends[0]);
	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(sem));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).in_use, 1);
	ok(shmipc_shm_close(open_shm(name)));
	ck_assert_int_eq(listed(name), 2);
	ck_assert_int_eq(write(ends[1], "", 1), 1);
	ck_assert_int_eq(reap(pid), 0);
	is_gone(name);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static int close_both(void *arg)
{
	void **handles = arg;

	return shmipc_shm_close(handles[0]) || shmipc_sem_close(handles[1]);
}

START_TEST(close_in_the_child_leaves_it_to_the_parent)
{
	const char *name = name_of("childclose");
	void *handles[2] = { transient_shm(name), transient_sem(name) };

	ck_assert_int_eq(reap(spawn(close_both, handles)), 0);
	ck_assert_int_eq(listed(name), 2);
	ok(shmipc_shm_close(open_shm(name)));
	ok(shmipc_shm_close(handles[0]));
	ok(shmipc_sem_close(handles[1]));
	is_gone(name);
}
END_TEST

static int become_another(void *name)
{
	const char *opener = getenv("SHMIPC_TEST_OPENER");

	(void)transient_shm(name);
	execl(opener, opener, "idle", name, "-", (char *)NULL);
	return 127;
}

START_TEST(exec_of_the_last_user_removes_it)
{
	const char *name = name_of("exec");
	pid_t pid = spawn(become_another, (void *)name);

	/* Asleep in pause(): the new program runs. */
	for (;;) {
		char path[64], exe[256];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
		n = readlink(path, exe, sizeof(exe) - 1);
		ck_assert_int_gt(n, 0);
		exe[n] = '\0';
		if (strstr(exe, "opener"))
			break;
		usleep(1000);
	}
	is_gone(name);
	kill(pid, SIGKILL);
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
}
END_TEST

START_TEST(unlinked_one_leaves_its_successor_alone)
{
	const char *name = name_of("successor");
	struct shmipc_shm *old = transient_shm(name), *new;
	struct shmipc_sem *gone = transient_sem(name), *next;

	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_sem_unlink(ipc, name));
	new = new_shm(name, 8);
	next = transient_sem(name);
	bytes_of(old)[0] = 1;
	ok(shmipc_sem_wait(gone));
	ok(shmipc_shm_close(old));
	ok(shmipc_sem_close(gone));
	ck_assert_int_eq(value_of(next), 7);
	ok(shmipc_shm_close(open_shm(name)));
	ok(shmipc_sem_close(open_sem(name)));
	drop_shm(new, name);
	ok(shmipc_sem_close(next));
	is_gone(name);
}
END_TEST

START_TEST(whoever_makes_it_settles_that)
{
	const char *name = name_of("settled");
	struct shmipc_shm *shm = new_shm(name, 8), *again;

	/* Persistent, although somebody opens it as a transient one. */
	ok(shmipc_shm_open(ipc, &again, name, 8,
			   SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600));
	ck_assert_int_eq(shmipc_shm_created(again), 0);
	ok(shmipc_shm_close(again));
	ok(shmipc_shm_close(shm));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).transient, 0);
	ok(shmipc_shm_unlink(ipc, name));

	/* Transient, although somebody opens it as any other. */
	shm = transient_shm(name);
	ok(shmipc_shm_open(ipc, &again, name, 8, SHMIPC_CREATE, 0600));
	ck_assert_int_eq(shmipc_shm_created(again), 0);
	ok(shmipc_shm_close(shm));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).transient, 1);
	ok(shmipc_shm_close(again));
	is_gone(name);
}
END_TEST

START_TEST(senseless_transients_are_invalid)
{
	const char *name = name_of("senseless");
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	fails(-EINVAL,
	      shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_TRANSIENT, 0600));
	fails(-EINVAL,
	      shmipc_shm_open(ipc, &shm, name, 8, NEW_TRANSIENT, 0400));
	fails(-EINVAL,
	      shmipc_sem_open(ipc, &sem, name, 8, NEW_TRANSIENT, 0200));
}
END_TEST

START_TEST(connection_may_be_closed_first)
{
	const char *name = name_of("connection");
	struct shmipc_shm *shm;
	struct shmipc *mine;

	ok(shmipc_open(&mine, NULL));
	ok(shmipc_shm_open(mine, &shm, name, 8, NEW_TRANSIENT, 0600));
	shmipc_close(mine);
	ok(shmipc_shm_close(shm));
	is_gone(name);
}
END_TEST

/*
 * The number of a round: of the last whose orphan is there, and of the last
 * that was asked about.
 */
static _Atomic int *go, *asked;

static int ignore(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

/* Once a round, ask for the name in every way but one that makes it. */
static _Noreturn int keep_asking(void *name)
{
	struct shmipc_shm *shm;
	struct shmipc_info info;

	for (int seen = 0;;) {
		while (*go == seen)
			;
		seen = *go;
		if (shmipc_shm_open(ipc, &shm, name, 0, 0, 0) == 0)
			shmipc_shm_close(shm);
		shmipc_stat(ipc, SHMIPC_SHM, name, &info);
		shmipc_gc(ipc, 0, ignore, NULL);
		*asked = seen;
	}
}

static int leave_an_orphan(void *name)
{
	(void)transient_shm(name);
	kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(name_of_an_orphan_is_free_whoever_asks_for_it)
{
	const char *name = name_of("asked");
	pid_t pid;

	go = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne((void *)go, MAP_FAILED);
	asked = go + 1;
	pid = spawn(keep_asking, (void *)name);
	for (int round = 1; round <= 300; round++) {
		struct shmipc_info info;
		struct shmipc_shm *shm;

		/* A process that opens it while it lives becomes a user. */
		while (*asked < round - 1)
			;
		ck_assert_int_eq(reap(spawn(leave_an_orphan, (void *)name)),
				 128 + SIGKILL);
		*go = round;
		for (volatile int i = 0; i < round * 37 % 6000; i++)
			;
		if (round % 2)
			fails(-ENOENT,
			      shmipc_stat(ipc, SHMIPC_SHM, name, &info));
		ok(shmipc_shm_open(ipc, &shm, name, 8,
				   SHMIPC_CREATE | SHMIPC_EXCL, 0600));
		drop_shm(shm, name);
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
	munmap((void *)go, 4096);
	ok(shmipc_gc(ipc, 0, NULL, NULL));
}
END_TEST

static bool change_user(void)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/nobody", getenv("SHMIPC_TEST_DIR"));
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	return setgroups(0, NULL) == 0 && setgid(65533) == 0 &&
	       setuid(65533) == 0;
}

/* A last user that is not the creator; nor the owner, if root runs the test. */
static int use_as_another(void *arg)
{
	void **inherited = arg;
	char *name = inherited[0];
	struct shmipc_shm *shm;
	struct shmipc *mine;

	if (geteuid() == 0 && !change_user())
		return 99;
	if (shmipc_open(&mine, NULL) < 0 ||
	    shmipc_shm_open(mine, &shm, name, 0, 0, 0) < 0 ||
	    shmipc_shm_close(inherited[1]) < 0)
		return 1;
	raise(SIGSTOP);
	if (shmipc_shm_close(shm) < 0)
		return 2;
	/* Perhaps it could not remove the name; it finds no object. */
	if (shmipc_shm_open(mine, &shm, name, 0, 0, 0) != -ENOENT)
		return 3;
	return 0;
}

START_TEST(last_user_need_not_be_the_owner)
{
	const char *name = name_of("notowner");
	struct shmipc_shm *shm;
	pid_t pid;

	if (!can(SHMIPC_CAP_OTHER_USERS)) {
		fails(-ENOTSUP, shmipc_shm_open(ipc, &shm, name, 64,
						NEW_TRANSIENT, 0666));
		return;
	}
	ok(shmipc_shm_open(ipc, &shm, name, 64, NEW_TRANSIENT, 0666));
	pid = spawn(use_as_another, (void *[]){ (void *)name, shm });
	await_stop(pid);
	ok(shmipc_shm_close(shm));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	kill(pid, SIGCONT);
	ck_assert_int_eq(reap(pid), 0);
	is_gone(name);
}
END_TEST

void add_transient(TCase *tc)
{
	tcase_add_test(tc, closing_the_last_handle_removes_it);
	tcase_add_test(tc, read_only_user_keeps_it_and_removes_it);
	tcase_add_test(tc, killing_all_users_removes_it);
	tcase_add_test(tc, user_that_is_a_zombie_is_none);
	tcase_add_test(tc, first_call_after_a_kill_finds_nothing);
	tcase_add_test(tc, forked_child_keeps_it);
	tcase_add_test(tc, close_in_the_child_leaves_it_to_the_parent);
	tcase_add_test(tc, exec_of_the_last_user_removes_it);
	tcase_add_test(tc, unlinked_one_leaves_its_successor_alone);
	tcase_add_test(tc, whoever_makes_it_settles_that);
	tcase_add_test(tc, senseless_transients_are_invalid);
	tcase_add_test(tc, connection_may_be_closed_first);
	tcase_add_test(tc, name_of_an_orphan_is_free_whoever_asks_for_it);
	if (geteuid() != 0)
		printf("not root: the last user is the owner, too, in "
		       "last_user_need_not_be_the_owner\n");
	tcase_add_test(tc, last_user_need_not_be_the_owner);
}
