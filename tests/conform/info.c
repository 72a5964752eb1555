/* SPDX-License-Identifier: MIT */
/* Looking around: stat, in_use, users, and what a handle knows of its name. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "tests/lib/unshare.h"
#include "tests/conform/conform.h"

START_TEST(stat_tells_about_a_region)
{
	const char *name = name_of("region");
	struct shmipc_shm *shm = new_shm(name, 12345);
	struct shmipc_info info = stat_of(SHMIPC_SHM, name);
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - info.created;
	ck_assert_str_eq(info.name, name);
	ck_assert_str_eq(info.backend, shmipc_backend_name(ipc));
	ck_assert_int_eq(info.kind, SHMIPC_SHM);
	ck_assert_uint_eq(info.size, 12345);
	ck_assert_int_eq(info.mode, 0600);
	ck_assert_int_eq(info.uid, geteuid());
	ck_assert_int_eq(info.gid, getegid());
	ck_assert_int_ge(age, 0);
	ck_assert_int_lt(age, 10000000000);
	ck_assert_int_eq(info.creator, getpid());
	ck_assert_int_eq(info.in_use, 1);
	ck_assert_uint_eq(info.attached, 1);
	ck_assert_uint_eq(info.value, 0);
	ck_assert_int_eq(info.lost, 0);
	drop_shm(shm, name);
}
END_TEST

START_TEST(stat_tells_about_a_semaphore)
{
	const char *name = name_of("sem");
	struct shmipc_sem *sem = new_sem(name, 9);
	struct shmipc_info info;

	ok(shmipc_sem_post(sem));
	info = stat_of(SHMIPC_SEM, name);
	ck_assert_str_eq(info.name, name);
	ck_assert_int_eq(info.kind, SHMIPC_SEM);
	ck_assert_uint_eq(info.size, 0);
	ck_assert_uint_eq(info.value, 10);
	ck_assert_int_eq(info.in_use, 1);
	drop_sem(sem, name);
}
END_TEST

START_TEST(stat_of_nothing_says_so)
{
	struct shmipc_info info;

	memset(&info, 0x55, sizeof(info));
	fails(-ENOENT, shmipc_stat(ipc, SHMIPC_SHM, name_of("none"), &info));
	fails(-ENOENT, shmipc_stat(ipc, SHMIPC_SEM, name_of("none"), &info));
	for (size_t i = 0; i < sizeof(info); i++)
		ck_assert_int_eq(((unsigned char *)&info)[i], 0x55);
}
END_TEST

START_TEST(in_use_follows_open_and_close)
{
	const char *name = name_of("inuse");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_sem *sem = new_sem(name, 8);

	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(sem));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 0);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).in_use, 0);
	shm = open_shm(name);
	sem = open_sem(name);
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).in_use, 1);
	drop_shm(shm, name);
	drop_sem(sem, name);
}
END_TEST

START_TEST(attached_counts_handles)
{
	const char *name = name_of("attached");
	struct shmipc_shm *shm[6];

	shm[0] = new_shm(name, 8);
	for (unsigned i = 1; i < 6; i++) {
		ck_assert_uint_eq(stat_of(SHMIPC_SHM, name).attached, i);
		shm[i] = open_shm(name);
	}
	for (unsigned i = 6; i > 0; i--) {
		ck_assert_uint_eq(stat_of(SHMIPC_SHM, name).attached, i);
		ok(shmipc_shm_close(shm[i - 1]));
	}
	ck_assert_uint_eq(stat_of(SHMIPC_SHM, name).attached, 0);
	ok(shmipc_shm_unlink(ipc, name));
}
END_TEST

START_TEST(read_only_users_count_too)
{
	const char *name = name_of("reader");
	struct shmipc_shm *shm;

	ok(shmipc_shm_close(new_shm(name, 8)));
	ok(shmipc_shm_open(ipc, &shm, name, 0, SHMIPC_RDONLY, 0));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	drop_shm(shm, name);
}
END_TEST

/* Open it, say so on the pipe, and stay. */
struct user {
	const char *name;
	int ready[2];
	int go[2];
	int end[2];
};

static int open_and_stay(void *arg)
{
	struct user *user = arg;
	struct shmipc_shm *shm;

	if (shmipc_shm_open(ipc, &shm, user->name, 0, 0, 0) < 0)
		return 1;
	if (write(user->ready[1], "", 1) != 1)
		return 2;
	for (;;)
		pause();
}

static int stay(void *arg)
{
	(void)arg;
	while (pause() < 0)
		;
	return 0;
}

START_TEST(killed_users_do_not_count)
{
	struct user user = { .name = name_of("dead") };
	pid_t pid;
	char byte;

	ok(shmipc_shm_close(new_shm(user.name, 8)));
	ck_assert_int_eq(pipe(user.ready), 0);
	pid = spawn(open_and_stay, &user);
	ck_assert_int_eq(read(user.ready[0], &byte, 1), 1);
	ck_assert_int_eq(stat_of(SHMIPC_SHM, user.name).in_use, 1);

	/* Not reaped yet: a zombie uses nothing. */
	kill(pid, SIGKILL);
	while (stat_of(SHMIPC_SHM, user.name).in_use)
		;
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
	ck_assert_uint_eq(stat_of(SHMIPC_SHM, user.name).attached, 0);
	close(user.ready[0]);
	close(user.ready[1]);
	ok(shmipc_shm_unlink(ipc, user.name));
}
END_TEST

START_TEST(forked_child_keeps_it_in_use)
{
	const char *name = name_of("forked");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_sem *sem = new_sem(name, 8);
	pid_t pid = spawn(stay, NULL);

	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(sem));
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 1);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).in_use, 1);
	kill(pid, SIGKILL);
	reap(pid);
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 0);
	ck_assert_int_eq(stat_of(SHMIPC_SEM, name).in_use, 0);
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_sem_unlink(ipc, name));
}
END_TEST

START_TEST(exec_drops_handles)
{
	const char *name = name_of("exec");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_sem *sem = new_sem(name, 8);
	pid_t pid = start_opener("idle", "-", "-");

	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(sem));
	while (stat_of(SHMIPC_SHM, name).in_use ||
	       stat_of(SHMIPC_SEM, name).in_use)
		ck_assert_int_eq(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_sem_unlink(ipc, name));
}
END_TEST

START_TEST(looking_makes_nobody_a_user)
{
	const char *name = name_of("look");

	ok(shmipc_shm_close(new_shm(name, 8)));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 0);
		ck_assert_uint_eq(stat_of(SHMIPC_SHM, name).attached, 0);
	}
	ok(shmipc_shm_unlink(ipc, name));
}
END_TEST

/*
 * A user in a pid name space of its own, where our process ids mean nothing,
 * and the process that kills it and reports what the user saw.
 */
static int use_from_another_name_space(void *arg)
{
	struct user *user = arg;
	char byte;
	pid_t pid;

	if (!unshare_self(CLONE_NEWPID))
		return 77;
	pid = fork(); /* process 1 of the new one */
	if (pid == 0) {
		struct shmipc_info info;

		if (read(user->go[0], &byte, 1) != 1 ||
		    shmipc_stat(ipc, SHMIPC_SHM, user->name, &info) < 0 ||
		    info.in_use != 0 ||
		    shmipc_stat(ipc, SHMIPC_SEM, user->name, &info) < 0 ||
		    info.in_use != 1)
			_exit(3);
		_exit(open_and_stay(user));
	}
	if (read(user->end[0], &byte, 1) != 1)
		return 2;
	kill(pid, SIGKILL);
	return reap(pid) == 128 + SIGKILL ? 0 : 1;
}

START_TEST(in_use_is_exact_across_pid_name_spaces)
{
	struct user user = { .name = name_of("pidns") };
	struct shmipc_sem *sem;
	pid_t pid;
	char byte;

	ok(shmipc_shm_close(new_shm(user.name, 8)));
	ok(shmipc_sem_close(new_sem(user.name, 8)));
	ck_assert_int_eq(pipe(user.ready), 0);
	ck_assert_int_eq(pipe(user.go), 0);
	ck_assert_int_eq(pipe(user.end), 0);
	/* Before we have anything open that a child would keep in use. */
	pid = spawn(use_from_another_name_space, &user);
	sem = open_sem(user.name);
	ck_assert_int_eq(write(user.go[1], "", 1), 1);
	close(user.ready[1]);
	if (read(user.ready[0], &byte, 1) == 1) {
		ck_assert_int_eq(stat_of(SHMIPC_SHM, user.name).in_use, 1);
		ck_assert_int_eq(write(user.end[1], "", 1), 1);
		ck_assert_int_eq(reap(pid), 0);
	} else {
		ck_assert_int_eq(reap(pid), 77);
		printf("no pid name spaces here: not tried\n");
	}
	ck_assert_int_eq(stat_of(SHMIPC_SHM, user.name).in_use, 0);
	close(user.ready[0]);
	for (int i = 0; i < 2; i++) {
		close(user.go[i]);
		close(user.end[i]);
	}
	drop_sem(sem, user.name);
	ok(shmipc_shm_unlink(ipc, user.name));
}
END_TEST

START_TEST(stat_says_which_thread_holds_the_lock)
{
	const char *name = name_of("region");
	struct shmipc_shm *shm = new_shm(name, 1);
	struct shmipc_info info;
	char expected[32];
	pid_t child;

	info = stat_of(SHMIPC_SHM, name);
	ck_assert_int_eq(info.holder, 0);
	ck_assert_str_eq(info.state, "");
	child = start_holder(shm, 0);
	info = stat_of(SHMIPC_SHM, name);
	ck_assert_int_eq(info.holder, child);
	snprintf(expected, sizeof(expected), "locked by %ld", (long)child);
	ck_assert_str_eq(info.state, expected);
	end_by_kill(child);
	info = stat_of(SHMIPC_SHM, name);
	ck_assert_int_eq(info.holder, 0);
	ck_assert_str_eq(info.state, "owner died");
	fails(-EOWNERDEAD, shmipc_shm_lock(shm, NULL));
	ok(shmipc_shm_unlock(shm));
	info = stat_of(SHMIPC_SHM, name);
	ck_assert_int_eq(info.holder, 0);
	ck_assert_str_eq(info.state, "not recoverable");
	drop_shm(shm, name);
}
END_TEST

START_TEST(late_lock_says_who_holds_it)
{
	const char *name = name_of("region");
	struct shmipc_shm *shm = new_shm(name, 1);
	pid_t child = start_holder(shm, 0);
	char expected[32];

	fails(-ETIMEDOUT, lock_at_once(shm));
	snprintf(expected, sizeof(expected), "process %ld (", (long)child);
	ck_assert_msg(strstr(shmipc_errmsg(), expected), "%s", shmipc_errmsg());
	end_by_kill(child);
	drop_shm(shm, name);
}
END_TEST

/* Is this process among the users of the object? */
static bool is_user(enum shmipc_kind kind, const char *name, pid_t pid)
{
	struct shmipc_user users[16];
	int n = shmipc_users(ipc, kind, name, users, 16);

	ok(n);
	ck_assert_int_le(n, 16);
	for (int i = 0; i < n; i++)
		if (users[i].pid == pid) {
			ck_assert_uint_gt(strlen(users[i].command), 0);
			return true;
		}
	return false;
}

static int pause_for_ever(void *arg)
{
	(void)arg;
	return pause();
}

START_TEST(users_are_the_processes_that_have_it_open)
{
	const char *name = name_of("region");
	struct shmipc_shm *shm = new_shm(name, 100000), *again;
	pid_t child;

	ck_assert(is_user(SHMIPC_SHM, name, getpid()));
	again = open_shm(name);
	child = spawn(pause_for_ever, NULL);
	ok(shmipc_shm_close(shm));
	ck_assert(is_user(SHMIPC_SHM, name, getpid()));
	ok(shmipc_shm_close(again));
	ck_assert(!is_user(SHMIPC_SHM, name, getpid()));
	ck_assert(is_user(SHMIPC_SHM, name, child));
	ck_assert_int_eq(shmipc_users(ipc, SHMIPC_SHM, name, NULL, 0), 1);
	end_by_kill(child);
	ck_assert(!is_user(SHMIPC_SHM, name, child));
	ok(shmipc_shm_unlink(ipc, name));
	fails(-ENOENT, shmipc_users(ipc, SHMIPC_SHM, name, NULL, 0));
	fails(-EINVAL, shmipc_users(ipc, SHMIPC_SHM, name, NULL, 1));
	fails(-EINVAL, shmipc_users(NULL, SHMIPC_SHM, name, NULL, 0));
}
END_TEST

START_TEST(users_of_a_semaphore_are_not_those_of_a_region)
{
	const char *name = name_of("both");
	struct shmipc_shm *shm = new_shm(name, 1);
	struct shmipc_sem *sem = new_sem(name, 1);

	ck_assert(is_user(SHMIPC_SEM, name, getpid()));
	ok(shmipc_sem_close(sem));
	ck_assert(!is_user(SHMIPC_SEM, name, getpid()));
	ck_assert(is_user(SHMIPC_SHM, name, getpid()));
	ok(shmipc_sem_unlink(ipc, name));
	drop_shm(shm, name);
}
END_TEST

START_TEST(handle_of_a_region_knows_whether_its_name_leads_to_it)
{
	const char *name = name_of("region");
	struct shmipc_shm *old = new_shm(name, 123), *new;
	struct shmipc_info info, by_name = stat_of(SHMIPC_SHM, name);
	uint64_t id;

	ok(shmipc_shm_info(old, &info));
	ck_assert_mem_eq(&info, &by_name, sizeof(info));
	ck_assert_int_eq(info.unlinked, 0);
	id = info.id;
	ck_assert_uint_ne(id, 0);
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_shm_info(old, &info));
	ck_assert_int_eq(info.unlinked, 1);
	ck_assert_int_eq(info.replaced, 0);
	ck_assert_int_eq(info.in_use, 1);
	ck_assert_uint_eq(info.size, 123);
	ck_assert_str_eq(info.name, name);
	ck_assert_uint_eq(info.id, id);
	new = new_shm(name, 456);
	ok(shmipc_shm_info(old, &info));
	ck_assert_int_eq(info.unlinked, 1);
	ck_assert_int_eq(info.replaced, 1);
	ck_assert_uint_eq(info.size, 123);
	ck_assert_uint_eq(info.id, id);
	ok(shmipc_shm_info(new, &info));
	ck_assert_int_eq(info.unlinked, 0);
	ck_assert_uint_ne(info.id, id);
	fails(-EINVAL, shmipc_shm_info(NULL, &info));
	fails(-EINVAL, shmipc_shm_info(new, NULL));
	ok(shmipc_shm_close(old));
	drop_shm(new, name);
}
END_TEST

START_TEST(handle_of_a_semaphore_knows_whether_its_name_leads_to_it)
{
	const char *name = name_of("sem");
	struct shmipc_sem *sem = new_sem(name, 3);
	struct shmipc_info info;

	ok(shmipc_sem_info(sem, &info));
	ck_assert_int_eq(info.unlinked, 0);
	ck_assert_uint_eq(info.value, 3);
	ok(shmipc_sem_unlink(ipc, name));
	ok(shmipc_sem_post(sem));
	ok(shmipc_sem_info(sem, &info));
	ck_assert_int_eq(info.unlinked, 1);
	ck_assert_uint_eq(info.value, 4);
	ck_assert_str_eq(info.state, "4");
	fails(-EINVAL, shmipc_sem_info(NULL, &info));
	ok(shmipc_sem_close(sem));
}
END_TEST

void add_info(TCase *tc)
{
	tcase_add_test(tc, stat_tells_about_a_region);
	tcase_add_test(tc, stat_tells_about_a_semaphore);
	tcase_add_test(tc, stat_of_nothing_says_so);
	tcase_add_test(tc, in_use_follows_open_and_close);
	tcase_add_test(tc, attached_counts_handles);
	tcase_add_test(tc, read_only_users_count_too);
	tcase_add_test(tc, killed_users_do_not_count);
	tcase_add_test(tc, forked_child_keeps_it_in_use);
	tcase_add_test(tc, exec_drops_handles);
	tcase_add_test(tc, looking_makes_nobody_a_user);
	tcase_add_test(tc, stat_says_which_thread_holds_the_lock);
	tcase_add_test(tc, late_lock_says_who_holds_it);
	tcase_add_test(tc, users_are_the_processes_that_have_it_open);
	tcase_add_test(tc, users_of_a_semaphore_are_not_those_of_a_region);
	tcase_add_test(tc,
		       handle_of_a_region_knows_whether_its_name_leads_to_it);
	tcase_add_test(
		tc, handle_of_a_semaphore_knows_whether_its_name_leads_to_it);
	tcase_add_test(tc, in_use_is_exact_across_pid_name_spaces);
}
