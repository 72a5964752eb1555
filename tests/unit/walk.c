/* SPDX-License-Identifier: MIT */
/*
 * White box: shmipc_list() over memfd, while the processes involved die, fork,
 * or have no descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/header.h"
#include "core/ipc.h"
#include "core/peek.h"
#include "tests/lib/process.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* More than two batches. */
#define COUNT (2 * WIRE_BATCH + 5)

/* ---- what was seen ------------------------------------------------------ */

/* How often each of the objects n0, n1 ... was shown, and what is done then. */
struct seen {
	int times[COUNT];
	int shown;
	void (*act)(struct seen *seen, const struct shmipc_info *info);
	int first; /* the number of the first */
};

static void create_all(void)
{
	char name[16];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ck_assert_int_eq(create(name), 0);
	}
}

static int see(const struct shmipc_info *info, void *arg)
{
	struct seen *seen = arg;
	int i = atoi(info->name + 1);

	ck_assert(i >= 0 && i < COUNT && info->name[0] == 'n');
	if (seen->shown++ == 0)
		seen->first = i;
	seen->times[i]++;
	if (seen->act)
		seen->act(seen, info);
	return 0;
}

static void list_all(struct seen *seen)
{
	int r = shmipc_list(ipc, see, seen);

	ck_assert_msg(r == COUNT, "%d: %s", r, shmipc_errmsg());
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(seen->times[i], 1);
}

/* ---- a real broker ------------------------------------------------------ */

static void kill_at_third(struct seen *seen, const struct shmipc_info *info)
{
	(void)info;
	if (seen->shown % WIRE_BATCH == 3)
		kill_server(broker_pid());
}

START_TEST(walk_goes_on_when_servers_are_killed)
{
	struct seen seen = { .act = kill_at_third };

	create_all();
	list_all(&seen);
}
END_TEST

static void unlink_others(struct seen *seen, const struct shmipc_info *info)
{
	char name[16];

	for (int i = 0; i < COUNT && seen->shown == 1; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		if (strcmp(name, info->name) != 0)
			ck_assert_int_eq(shmipc_shm_unlink(ipc, name), 0);
	}
}

START_TEST(what_is_unlinked_meanwhile_is_not_shown)
{
	struct seen seen = { .act = unlink_others };

	create_all();
	ck_assert_int_eq(shmipc_list(ipc, see, &seen), 1);
}
END_TEST

/* A process that may write an object may mark it so, too. */
START_TEST(what_only_says_that_it_was_unlinked_is_shown)
{
	struct seen seen = { .shown = 0 };
	struct shmipc_shm *shm;

	create_all();
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "n7", 0, 0, 0), 0);
	shmipc_segment_set_word((char *)shmipc_shm_addr(shm) -
					SHMIPC_HEADER_SIZE,
				WIRE_NAMELESS);
	list_all(&seen);
	ck_assert_int_eq(shmipc_shm_close(shm), 0);
}
END_TEST

static void count_ours(struct seen *seen, const struct shmipc_info *info)
{
	(void)info;
	/* The walk's connection, and the one object that is shown. */
	ck_assert_uint_eq(process_fds(getpid()), (unsigned)seen->first + 1);
}

START_TEST(descriptors_of_objects_are_not_open_in_between)
{
	struct seen seen = { .shown = 1, .act = count_ours };

	create_all();
	/* Connected, with a connection that is kept. */
	seen.first = (int)process_fds(getpid());
	list_all(&seen);
	ck_assert_uint_eq(process_fds(getpid()), (unsigned)seen.first);
}
END_TEST

/* Objects are opened while the backend shows n0. */
static int open_others(struct shmipc_segment *seg, void *arg)
{
	int *shown = arg;
	struct shmipc_info info;
	struct shmipc_sem *sem;

	if (strcmp(seg->name, "n0") != 0)
		return 0;
	++*shown;
	ck_assert_int_eq(shmipc_segment_look(seg->addr, seg->length,
					     seg->kind->kind, "n0"),
			 0);
	if (seg->kind->ksems) {
		ck_assert_int_eq(shmipc_sem_open(ipc, &sem, "n0", 0, 0, 0), 0);
		ck_assert_int_eq(shmipc_sem_close(sem), 0);
		return 0;
	}
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, "n1", &info), 0);
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SEM, "n0", &info), 0);
	return 0;
}

START_TEST(listing_shows_the_segment_itself_and_keeps_nothing)
{
	struct shmipc_sem *sem;
	struct shmi_peek peek;
	unsigned before;
	int shown = 0;

	create_all();
	ck_assert_int_eq(
		shmipc_sem_open(ipc, &sem, "n0", 1, SHMIPC_CREATE, 0600), 0);
	ck_assert_int_eq(shmipc_sem_close(sem), 0);
	before = process_fds(getpid());
	shmi_peek_prepare(&peek, ipc, NULL);
	ck_assert_int_eq(ipc->ops->segment_list(&peek.seg, open_others, &shown),
			 0);
	ck_assert_int_eq(shown, 2);
	ck_assert_uint_eq(process_fds(getpid()), before);
}
END_TEST

static int end_at_third(const struct shmipc_info *info, void *arg)
{
	(void)info;
	return ++*(int *)arg == 3;
}

START_TEST(walk_that_ends_early_leaves_the_connection_as_it_was)
{
	struct seen seen = { .shown = 0 };
	unsigned before;

	create_all();
	before = process_fds(getpid());
	for (int i = 0; i < 3; i++) {
		int n = 0;

		ck_assert_int_eq(shmipc_list(ipc, end_at_third, &n), 3);
		ck_assert_uint_eq(process_fds(getpid()), before);
	}
	ck_assert_int_eq(create("n0"), -EEXIST);
	list_all(&seen);
}
END_TEST

static void list_in_between(struct seen *seen, const struct shmipc_info *info)
{
	struct seen inner = { .shown = 0 };
	unsigned before = process_fds(getpid());

	(void)info;
	if (seen->shown % WIRE_BATCH != 3)
		return;
	list_all(&inner);
	/* The inner walk's connection is kept for the next request. */
	ck_assert_uint_le(process_fds(getpid()), before + 1);
}

START_TEST(walks_can_be_nested)
{
	struct seen seen = { .act = list_in_between };
	unsigned before;

	create_all();
	list_all(&(struct seen){ .shown = 0 });
	before = process_fds(getpid());
	list_all(&seen);
	ck_assert_uint_eq(process_fds(getpid()), before);
}
END_TEST

static pid_t child;

static void fork_at_third(struct seen *seen, const struct shmipc_info *info)
{
	(void)info;
	if (seen->shown == 3)
		child = fork();
}

START_TEST(child_and_parent_both_go_on_with_the_walk)
{
	struct seen seen = { .act = fork_at_third };
	pid_t parent = getpid();
	int status;

	create_all();
	child = -1;
	list_all(&seen);
	if (getpid() != parent)
		_exit(0);
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void close_all(struct seen *seen, const struct shmipc_info *info)
{
	(void)info;
	if (seen->shown != 3)
		return;
	/* And something else has these numbers then. */
	for (int fd = STDERR_FILENO + 1; fd < 20; fd++)
		close(fd);
	for (int fd = STDERR_FILENO + 1; fd < 20; fd++)
		(void)open("/dev/null", O_WRONLY | O_CLOEXEC);
}

START_TEST(walk_goes_on_when_its_descriptors_were_closed)
{
	struct seen seen = { .act = close_all };
	pid_t pid;
	int status;

	create_all();
	/* Closing libcheck's does us no good. */
	pid = fork();
	if (pid == 0) {
		int r = shmipc_list(ipc, see, &seen);

		for (int i = 0; i < COUNT && r == COUNT; i++)
			if (seen.times[i] != 1)
				r = 0;
		_exit(r != COUNT || fcntl(10, F_GETFD) < 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void unlink_it(struct seen *seen, const struct shmipc_info *info)
{
	(void)seen;
	ck_assert_msg(shmipc_shm_unlink(ipc, info->name) == 0, "%s",
		      shmipc_errmsg());
}

/* Take all descriptors up to the largest; few are free behind it. */
static void leave_room_for(unsigned few)
{
	struct rlimit limit;
	int next, last = 0;

	for (int fd = 0; fd < 200; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			last = fd;
	do
		next = dup(STDERR_FILENO);
	while (next < last);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)next + 1 + few;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void stat_and_unlink(struct seen *seen, const struct shmipc_info *info)
{
	struct shmipc_info again;
	int r = shmipc_stat(ipc, info->kind, info->name, &again);

	ck_assert_msg(r == 0, "%d: %s", r, shmipc_errmsg());
	unlink_it(seen, info);
}

/*
 * Beside the connection that is kept already: one for the walk, one for the
 * object that is shown, two for a look.
 */
START_TEST(walk_needs_few_descriptors)
{
	struct seen seen = { .act = stat_and_unlink };

	create_all();
	leave_room_for(4);
	list_all(&seen);
}
END_TEST

static void unlink_without_descriptors(struct seen *seen,
				       const struct shmipc_info *info)
{
	int fds[8], n = 0;

	while (n < 8 && (fds[n] = dup(STDERR_FILENO)) >= 0)
		n++;
	ck_assert_int_lt(n, 8);
	unlink_it(seen, info);
	while (n)
		close(fds[--n]);
}

/* Requests in between use the walk's connection. */
START_TEST(walk_lets_a_client_without_a_descriptor_unlink)
{
	struct seen seen = { .act = unlink_without_descriptors };

	create_all();
	leave_room_for(4);
	list_all(&seen);
}
END_TEST

START_TEST(full_broker_lets_a_walk_unlink)
{
	const struct rlimit few = { 50, 50 };
	struct seen seen = { .act = unlink_it };
	char name[16];
	int n = 0;

	/* A broker inherits the hard limit of the process that starts it. */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int r = 0; r == 0; n += r == 0) {
		snprintf(name, sizeof(name), "n%d", n);
		r = create(name);
		if (r < 0)
			ck_assert_int_eq(r, -EMFILE);
	}
	ck_assert_int_gt(n, WIRE_BATCH + 3);
	ck_assert_int_lt(n, COUNT + 1);
	ck_assert_int_eq(shmipc_list(ipc, see, &seen), n);
	ck_assert_int_eq(shmipc_list(ipc, see, &seen), 0);
}
END_TEST

TCase *walk_case(void)
{
	TCase *tc = tcase_create("walk");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, walk_goes_on_when_servers_are_killed);
	tcase_add_test(tc, what_is_unlinked_meanwhile_is_not_shown);
	tcase_add_test(tc, what_only_says_that_it_was_unlinked_is_shown);
	tcase_add_test(tc, descriptors_of_objects_are_not_open_in_between);
	tcase_add_test(tc, listing_shows_the_segment_itself_and_keeps_nothing);
	tcase_add_test(tc,
		       walk_that_ends_early_leaves_the_connection_as_it_was);
	tcase_add_test(tc, walks_can_be_nested);
	tcase_add_test(tc, child_and_parent_both_go_on_with_the_walk);
	tcase_add_test(tc, walk_goes_on_when_its_descriptors_were_closed);
	tcase_add_test(tc, walk_needs_few_descriptors);
	tcase_add_test(tc, walk_lets_a_client_without_a_descriptor_unlink);
	tcase_add_test(tc, full_broker_lets_a_walk_unlink);
	return tc;
}
