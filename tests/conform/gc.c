/* SPDX-License-Identifier: MIT */
/* Garbage: what nobody can use goes, and nothing else. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/conform/conform.h"

#define NEW_TRANSIENT (SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT)

/* How often is this name among the garbage? */
struct seen {
	const char *name;
	int n;
};

static int count_name(const struct shmipc_info *info, void *arg)
{
	struct seen *seen = arg;

	ck_assert_int_eq(info->lost, 0);
	ck_assert_str_eq(info->backend, shmipc_backend_name(ipc));
	seen->n += !strcmp(info->name, seen->name);
	return 0;
}

static int collected(const char *name, unsigned flags)
{
	struct seen seen = { name, 0 };

	ok(shmipc_gc(ipc, flags, count_name, &seen));
	return seen.n;
}

static int leave_transients(void *name)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	ok(shmipc_shm_open(ipc, &shm, name, 64, NEW_TRANSIENT, 0600));
	ok(shmipc_sem_open(ipc, &sem, name, 7, NEW_TRANSIENT, 0600));
	kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(transients_of_the_dead_are_garbage)
{
	const char *name = name_of("dead");

	ck_assert_int_eq(reap(spawn(leave_transients, (void *)name)),
			 128 + SIGKILL);
	/* Looking changes nothing, so it can be done twice. */
	ck_assert_int_eq(collected(name, SHMIPC_GC_DRY_RUN), 2);
	ck_assert_int_eq(collected(name, SHMIPC_GC_DRY_RUN), 2);
	ck_assert_int_eq(collected(name, 0), 2);
	ck_assert_int_eq(collected(name, SHMIPC_GC_DRY_RUN), 0);
	ck_assert_int_eq(collected(name, 0), 0);
}
END_TEST

START_TEST(gc_leaves_alone_what_can_be_used)
{
	const char *idle = name_of("idle"), *used = name_of("used");
	struct shmipc_shm *shm, *transient;
	struct shmipc_sem *sem, *waiting;

	shm = new_shm(idle, 8);
	bytes_of(shm)[0] = 42;
	ok(shmipc_shm_close(shm));
	ok(shmipc_sem_close(new_sem(idle, 3)));
	ok(shmipc_shm_open(ipc, &transient, used, 8, NEW_TRANSIENT, 0600));
	ok(shmipc_sem_open(ipc, &waiting, used, 5, NEW_TRANSIENT, 0600));

	ck_assert_int_eq(collected(idle, SHMIPC_GC_DRY_RUN), 0);
	ck_assert_int_eq(collected(used, SHMIPC_GC_DRY_RUN), 0);
	ck_assert_int_eq(collected(idle, 0), 0);
	ck_assert_int_eq(collected(used, 0), 0);

	shm = open_shm(idle);
	ck_assert_int_eq(bytes_of(shm)[0], 42);
	drop_shm(shm, idle);
	sem = open_sem(idle);
	ck_assert_int_eq(value_of(sem), 3);
	ok(shmipc_sem_wait(sem));
	drop_sem(sem, idle);
	ok(shmipc_shm_close(open_shm(used)));
	ok(shmipc_sem_close(open_sem(used)));
	ok(shmipc_shm_close(transient));
	ok(shmipc_sem_close(waiting));
}
END_TEST

static int sleep_on(void *sem)
{
	return shmipc_sem_wait(sem) < 0;
}

START_TEST(gc_does_not_disturb_who_uses_what_was_unlinked)
{
	const char *name = name_of("unlinked");
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_sem *sem = new_sem(name, 0);
	pid_t pid = spawn(sleep_on, sem);

	await_asleep(pid);
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_sem_unlink(ipc, name));
	ok(shmipc_gc(ipc, 0, NULL, NULL));
	bytes_of(shm)[7] = 1;
	ok(shmipc_sem_post(sem));
	ck_assert_int_eq(reap(pid), 0);
	ok(shmipc_sem_close(sem));
	ok(shmipc_shm_close(shm));
}
END_TEST

static int unlink_and_die(void *name)
{
	struct shmipc_sem *sem = open_sem(name);

	ok(shmipc_sem_unlink(ipc, name));
	ok(shmipc_sem_post(sem));
	kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(nothing_stays_of_an_unlinked_semaphore_whose_users_were_killed)
{
	const char *name = name_of("unlinkedead");

	/* That it does not is seen by tests/run/after.sh. */
	ok(shmipc_sem_close(new_sem(name, 0)));
	ck_assert_int_eq(reap(spawn(unlink_and_die, (void *)name)),
			 128 + SIGKILL);
	ok(shmipc_gc(ipc, 0, NULL, NULL));
	drop_sem(new_sem(name, 0), name);
	ck_assert_int_eq(collected(name, SHMIPC_GC_DRY_RUN), 0);
}
END_TEST

static int stop_at_once(const struct shmipc_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 1;
}

START_TEST(gc_ends_when_visit_says_so)
{
	const char *name = name_of("stop");
	int n = 0;

	ck_assert_int_eq(reap(spawn(leave_transients, (void *)name)),
			 128 + SIGKILL);
	ck_assert_int_eq(shmipc_gc(ipc, 0, stop_at_once, &n), 1);
	ck_assert_int_eq(n, 1);
	ok(shmipc_gc(ipc, 0, NULL, NULL));
	ck_assert_int_eq(collected(name, SHMIPC_GC_DRY_RUN), 0);
}
END_TEST

START_TEST(gc_with_bad_arguments_is_invalid)
{
	fails(-EINVAL, shmipc_gc(NULL, 0, NULL, NULL));
	fails(-EINVAL, shmipc_gc(ipc, 2, NULL, NULL));
}
END_TEST

static int collect_as_nobody(void *name)
{
	struct seen seen = { name, 0 };
	struct shmipc *mine;

	if (setgid(65533) || setuid(65533))
		return 1;
	/* Another broker's garbage cannot even be asked for. */
	if (shmipc_open(&mine, NULL) < 0)
		return 2;
	if (shmipc_gc(mine, 0, count_name, &seen) < 0 &&
	    strcmp(shmipc_backend_name(mine), "memfd") != 0)
		return 3;
	return seen.n;
}

START_TEST(garbage_of_others_is_theirs)
{
	const char *name = name_of("theirs");

	ck_assert_int_eq(reap(spawn(leave_transients, (void *)name)),
			 128 + SIGKILL);
	ck_assert_int_eq(reap(spawn(collect_as_nobody, (void *)name)), 0);
	ck_assert_int_eq(collected(name, 0), 2);
}
END_TEST

void add_gc(TCase *tc)
{
	tcase_add_test(tc, transients_of_the_dead_are_garbage);
	tcase_add_test(tc, gc_leaves_alone_what_can_be_used);
	tcase_add_test(tc, gc_does_not_disturb_who_uses_what_was_unlinked);
	tcase_add_test(
		tc,
		nothing_stays_of_an_unlinked_semaphore_whose_users_were_killed);
	tcase_add_test(tc, gc_ends_when_visit_says_so);
	tcase_add_test(tc, gc_with_bad_arguments_is_invalid);
	if (geteuid() == 0)
		tcase_add_test(tc, garbage_of_others_is_theirs);
	else
		printf("not root: not tried: garbage_of_others_is_theirs\n");
}
