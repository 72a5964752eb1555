/* SPDX-License-Identifier: MIT */
/* Other processes: fork, exec, strangers, death; and threads. */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/conform/conform.h"

START_TEST(execed_child_opens_by_name)
{
	const char *name = name_of("exec");
	struct shmipc_shm *shm = new_shm(name, 1024);

	for (int i = 0; i < 1024; i++)
		bytes_of(shm)[i] = (unsigned char)i;
	ck_assert_int_eq(run_opener("size", name, "1024"), 0);
	ck_assert_int_eq(run_opener("sum", name, "130560"), 0);
	ck_assert_int_eq(run_opener("fill", name, "3"), 0);
	for (int i = 0; i < 1024; i++)
		ck_assert_int_eq(bytes_of(shm)[i], 3);
	drop_shm(shm, name);
}
END_TEST

START_TEST(execed_child_uses_a_semaphore_by_name)
{
	const char *name = name_of("execsem");
	struct shmipc_sem *sem = new_sem(name, 3);

	ck_assert_int_eq(run_opener("value", name, "3"), 0);
	ck_assert_int_eq(run_opener("post", name, "2"), 0);
	ck_assert_int_eq(value_of(sem), 5);
	ck_assert_int_eq(run_opener("wait", name, "5"), 0);
	ck_assert_int_eq(value_of(sem), 0);
	drop_sem(sem, name);
}
END_TEST

START_TEST(object_outlives_its_creator)
{
	const char *name = name_of("outlives");
	struct shmipc_shm *shm;

	/* Created by a process that is over, opened by two that never met. */
	ck_assert_int_eq(run_opener("create", name, "10"), 0);
	ck_assert_int_eq(stat_of(SHMIPC_SHM, name).in_use, 0);
	ck_assert_int_eq(run_opener("sum", name, "70"), 0);
	shm = open_shm(name);
	ck_assert_int_eq(bytes_of(shm)[9], 7);
	drop_shm(shm, name);
}
END_TEST

static int create_and_die(void *name)
{
	struct shmipc_shm *shm = new_shm(name, 4);
	struct shmipc_sem *sem = new_sem(name, 4);

	memcpy(bytes_of(shm), "left", 4);
	shmipc_sem_post(sem);
	kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(object_outlives_a_killed_creator)
{
	const char *name = name_of("killed");
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	ck_assert_int_eq(reap(spawn(create_and_die, (void *)name)),
			 128 + SIGKILL);
	shm = open_shm(name);
	sem = open_sem(name);
	ck_assert_int_eq(memcmp(bytes_of(shm), "left", 4), 0);
	ck_assert_int_eq(value_of(sem), 5);
	drop_shm(shm, name);
	drop_sem(sem, name);
}
END_TEST

struct both {
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
};

static int use_and_close(void *arg)
{
	struct both *both = arg;

	bytes_of(both->shm)[1] = 22;
	if (shmipc_sem_post(both->sem) < 0)
		return 1;
	if (shmipc_shm_close(both->shm) < 0)
		return 2;
	return shmipc_sem_close(both->sem) < 0;
}

START_TEST(child_goes_on_with_its_parents_handles)
{
	const char *name = name_of("inherit");
	struct both both = { new_shm(name, 8), new_sem(name, 0) };

	ck_assert_int_eq(reap(spawn(use_and_close, &both)), 0);
	/* What the child closed was its own copy. */
	ck_assert_int_eq(bytes_of(both.shm)[1], 22);
	ok(shmipc_sem_wait(both.sem));
	bytes_of(both.shm)[0] = 1;
	drop_sem(both.sem, name);
	drop_shm(both.shm, name);
}
END_TEST

static int open_through_parents_connection(void *name)
{
	for (int i = 0; i < 50; i++) {
		struct shmipc_shm *shm;

		if (shmipc_shm_open(ipc, &shm, name, 8, 0, 0) < 0)
			return 1;
		bytes_of(shm)[i % 8]++;
		shmipc_shm_close(shm);
	}
	return 0;
}

START_TEST(children_share_a_connection_without_mixing_answers)
{
	const char *name = name_of("connection");
	struct shmipc_shm *shm = new_shm(name, 8);
	pid_t pids[8];

	for (int i = 0; i < 8; i++)
		pids[i] = spawn(open_through_parents_connection, (void *)name);
	ck_assert_int_eq(open_through_parents_connection((void *)name), 0);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(reap(pids[i]), 0);
	drop_shm(shm, name);
}
END_TEST

static void *open_and_close_often(void *arg)
{
	char name[SHMIPC_NAME_MAX + 1];
	struct shmipc_shm *shm;
	int r = 0;

	snprintf(name, sizeof(name), "%s.%lx", (char *)arg,
		 (unsigned long)pthread_self());
	for (int i = 0; i < 100 && r == 0; i++) {
		r = shmipc_shm_open(ipc, &shm, name, 64,
				    SHMIPC_CREATE | SHMIPC_EXCL, 0600);
		if (r < 0)
			break;
		shmipc_shm_close(shm);
		r = shmipc_shm_open(ipc, &shm, name, 64, 0, 0);
		if (r < 0)
			break;
		shmipc_shm_close(shm);
		r = shmipc_shm_unlink(ipc, name);
	}
	return (void *)(intptr_t)r;
}

START_TEST(threads_share_a_connection)
{
	const char *name = name_of("thread");
	pthread_t threads[6];
	void *result;

	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						open_and_close_often,
						(void *)name),
				 0);
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], &result);
		ck_assert_int_eq((intptr_t)result, 0);
	}
}
END_TEST

static int open_and_post(void *name)
{
	struct shmipc_sem *sem;

	if (shmipc_sem_open(ipc, &sem, name, 0, 0, 0) < 0)
		return 1;
	if (shmipc_sem_post(sem) < 0)
		return 2;
	return shmipc_sem_close(sem) < 0;
}

static _Atomic bool forking_is_over;

static void *ask_for_ever(void *name)
{
	struct shmipc_info info;

	while (!forking_is_over)
		if (shmipc_stat(ipc, SHMIPC_SHM, name, &info) < 0)
			return name;
	return NULL;
}

static int ask_once(void *name)
{
	struct shmipc_info info;

	return shmipc_stat(ipc, SHMIPC_SHM, name, &info) < 0;
}

START_TEST(fork_in_the_middle_of_another_threads_call)
{
	const char *name = name_of("midfork");
	struct shmipc_shm *shm = new_shm(name, 8);
	pthread_t thread;
	void *result;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, ask_for_ever, (void *)name), 0);
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(reap(spawn(ask_once, (void *)name)), 0);
	forking_is_over = true;
	pthread_join(thread, &result);
	ck_assert_ptr_null(result);
	drop_shm(shm, name);
}
END_TEST

static void count_child(int signal)
{
	(void)signal;
	_exit(1);
}

/* A child nobody started, its death or its signal would be noticed here. */
static int notices_nothing(void *arg)
{
	struct shmipc *mine;
	struct shmipc_shm *shm;
	const char *name = arg;

	signal(SIGCHLD, count_child);
	if (shmipc_open(&mine, NULL) < 0)
		return 2;
	if (shmipc_shm_open(mine, &shm, name, 8, SHMIPC_CREATE, 0600) < 0)
		return 3;
	shmipc_shm_close(shm);
	if (shmipc_shm_unlink(mine, name) < 0)
		return 4;
	shmipc_close(mine);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 5;
}

START_TEST(program_notices_no_children_of_ours)
{
	ck_assert_int_eq(
		reap(spawn(notices_nothing, (void *)name_of("sigchld"))), 0);
}
END_TEST

static int without_descriptors_0_to_2(void *arg)
{
	struct shmipc *mine;
	struct shmipc_sem *sem;

	close(0);
	close(1);
	close(2);
	if (shmipc_open(&mine, NULL) < 0)
		return 2;
	if (shmipc_sem_open(mine, &sem, arg, 0, SHMIPC_CREATE, 0600) < 0)
		return 3;
	shmipc_sem_close(sem);
	if (open_and_post(arg))
		return 4;
	if (shmipc_sem_unlink(mine, arg) < 0)
		return 5;
	shmipc_close(mine);
	return 0;
}

START_TEST(closed_standard_descriptors_do_not_matter)
{
	ck_assert_int_eq(
		reap(spawn(without_descriptors_0_to_2, (void *)name_of("std"))),
		0);
}
END_TEST

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int use_everything(void *name)
{
	struct shmipc_shm *shm = new_shm(name, 8);
	struct shmipc_sem *sem = new_sem(name, 1);
	struct shmipc_info info;
	struct timespec soon = in_ms(20);

	if (shmipc_sem_timedwait(sem, &soon) < 0 ||
	    shmipc_sem_timedwait(sem, &soon) != -ETIMEDOUT ||
	    shmipc_sem_post(sem) < 0 ||
	    shmipc_stat(ipc, SHMIPC_SHM, name, &info) < 0 ||
	    shmipc_shm_open(ipc, &shm, "no name", 8, 0, 0) != -EINVAL ||
	    shmipc_shm_unlink(ipc, name) < 0 ||
	    shmipc_sem_unlink(ipc, name) < 0 || shmipc_shm_close(shm) < 0 ||
	    shmipc_sem_close(sem) < 0)
		return 1;
	return shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, NULL, NULL) < 0;
}

START_TEST(library_starts_no_thread_installs_no_handler_prints_nothing)
{
	struct sigaction before[NSIG], after;
	int saved[2] = { dup(1), dup(2) }, threads = count_threads(), r;
	FILE *output = tmpfile();
	int file;

	ck_assert_ptr_nonnull(output);
	file = fileno(output);
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, NULL, &before[i]);
	fflush(NULL);
	dup2(file, 1);
	dup2(file, 2);
	r = use_everything((void *)name_of("quiet"));
	fflush(NULL);
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
	ck_assert_int_eq(count_threads(), threads);
	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &after) == 0)
			ck_assert_ptr_eq((void *)after.sa_handler,
					 (void *)before[i].sa_handler);
	fclose(output);
	close(saved[0]);
	close(saved[1]);
}
END_TEST

struct cancelled {
	const char *name;
	struct shmipc_sem *sem;
	int reached;
};

static int visit_none(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static int visit_and_sleep(const struct shmipc_backend_info *info, void *arg)
{
	(void)info;
	(void)arg;
	usleep(1);
	return 0;
}

static void *cancel_oneself(void *arg)
{
	struct cancelled *c = arg;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	struct shmipc_info info;
	struct shmipc *mine;

	/* From here on the first cancellation point ends the thread. */
	pthread_cancel(pthread_self());
	if (shmipc_open(&mine, NULL) == 0 &&
	    shmipc_shm_open(mine, &shm, c->name, 8, SHMIPC_CREATE, 0600) == 0 &&
	    shmipc_sem_open(mine, &sem, c->name, 8,
			    SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT,
			    0600) == 0 &&
	    shmipc_stat(mine, SHMIPC_SHM, c->name, &info) == 0 &&
	    shmipc_list(mine, visit_none, NULL) > 0 &&
	    shmipc_backends(visit_and_sleep, NULL) > 0 &&
	    shmipc_gc(mine, SHMIPC_GC_DRY_RUN, visit_none, NULL) >= 0 &&
	    shmipc_shm_unlink(mine, c->name) == 0 &&
	    shmipc_shm_close(shm) == 0 && shmipc_sem_post(sem) == 0 &&
	    shmipc_sem_close(sem) == 0) {
		shmipc_close(mine);
		c->reached = 1;
	}
	shmipc_sem_wait(c->sem);
	c->reached = 2;
	return NULL;
}

START_TEST(only_waits_are_cancellation_points)
{
	struct cancelled c = { name_of("cancel"), new_sem(name_of("point"), 0),
			       0 };
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_oneself, &c), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_int_eq(c.reached, 1);
	ck_assert_int_eq(value_of(c.sem), 0);
	drop_sem(c.sem, name_of("point"));
}
END_TEST

void add_process(TCase *tc)
{
	tcase_add_test(
		tc,
		library_starts_no_thread_installs_no_handler_prints_nothing);
	tcase_add_test(tc, only_waits_are_cancellation_points);
	tcase_add_test(tc, execed_child_opens_by_name);
	tcase_add_test(tc, execed_child_uses_a_semaphore_by_name);
	tcase_add_test(tc, object_outlives_its_creator);
	tcase_add_test(tc, object_outlives_a_killed_creator);
	tcase_add_test(tc, child_goes_on_with_its_parents_handles);
	tcase_add_test(tc, children_share_a_connection_without_mixing_answers);
	tcase_add_test(tc, threads_share_a_connection);
	tcase_add_test(tc, fork_in_the_middle_of_another_threads_call);
	tcase_add_test(tc, program_notices_no_children_of_ours);
	tcase_add_test(tc, closed_standard_descriptors_do_not_matter);
}
