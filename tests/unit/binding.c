/* SPDX-License-Identifier: MIT */
/*
 * White box: a program whose broker goes away, or is another one than it
 * thinks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* ---- the supervisor was killed ------------------------------------------ */

/* What shmipc_list() shows: names, a * behind those that are lost. */
static int append(const struct shmipc_info *info, void *arg)
{
	strcat(arg, info->name);
	strcat(arg, info->lost ? "* " : " ");
	return 0;
}

static void lists(struct shmipc *conn, const char *expected)
{
	char shown[1024] = "";

	ck_assert_int_ge(shmipc_list(conn, append, shown), 0);
	ck_assert_str_eq(shown, expected);
}

START_TEST(server_dies_with_its_supervisor)
{
	pid_t supervisor, server;

	ck_assert_int_eq(create("x"), 0);
	supervisor = broker_pid();
	server = server_of(supervisor);
	kill(supervisor, SIGKILL);
	AWAIT(kill(server, 0) < 0);
	/* Also if it was stopped. */
	ck_assert_int_eq(create("x"), 0);
	supervisor = broker_pid();
	server = server_of(supervisor);
	kill(server, SIGSTOP);
	kill(supervisor, SIGKILL);
	AWAIT(kill(server, 0) < 0);
	ck_assert_int_eq(create("x"), 0);
}
END_TEST

static void needs_no_name(void)
{
	struct shmipc_info info;

	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, "x", &info), -ENOENT);
	ck_assert_int_eq(shmipc_gc(ipc, 0, NULL, NULL), 0);
}

static void is_refused(void)
{
	ck_assert_int_eq(open_it("x"), -ESTALE);
	ck_assert_int_eq(create("x"), -ESTALE);
	ck_assert_int_eq(create("new"), -ESTALE);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), -ESTALE);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "close all"));
}

START_TEST(client_that_lost_names_is_told_until_it_closes_its_objects)
{
	struct shmipc_shm *x = create_open("x", 0), *also;
	struct shmipc_shm *unlinked = create_open("u", 0);
	struct shmipc_shm *closed = create_open("c", 0);

	ck_assert_int_eq(shmipc_shm_open(ipc, &also, "x", 0, 0, 0), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "u"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "c"), 0);
	lists(ipc, "x ");
	kill_broker();
	lists(ipc, "x* x* ");
	is_refused();
	shmipc_shm_close(closed); /* no loss, so it does not count */
	needs_no_name();
	lists(ipc, "x* x* ");
	shmipc_shm_close(also);
	is_refused();
	lists(ipc, "x* ");
	shmipc_shm_close(x);
	lists(ipc, "");
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	shmipc_shm_close(unlinked);
}
END_TEST

START_TEST(names_of_another_broker_are_not_taken_for_those_that_were_lost)
{
	struct shmipc_shm *x = create_open("x", 0), *new;
	struct shmipc_info info;
	struct shmipc *other;

	kill_broker();
	/* Another connection has lost nothing. */
	ck_assert_int_eq(shmipc_open(&other, "memfd"), 0);
	ck_assert_int_eq(
		shmipc_shm_open(other, &new, "x", 16, SHMIPC_CREATE, 0600), 0);
	is_refused();
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, "x", &info), 0);
	ck_assert_uint_eq(info.size, 16);
	ck_assert_int_eq(info.lost, 0);
	lists(ipc, "x x* ");
	lists(other, "x ");
	shmipc_shm_close(x);
	ck_assert_int_eq(open_it("x"), 0);
	shmipc_shm_close(new);
	ck_assert_int_eq(shmipc_shm_unlink(other, "x"), 0);
	shmipc_close(other);
}
END_TEST

static int count_lost(const struct shmipc_info *info, void *arg)
{
	*(int *)arg += info->lost;
	return 0;
}

START_TEST(many_that_are_open_are_counted_one_by_one)
{
	enum { MANY = 300 }; /* more than fit into one of binding.h's pieces */
	struct shmipc_shm *shm[MANY];
	int lost = 0;

	ck_assert_int_eq(create("x"), 0);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(shmipc_shm_open(ipc, &shm[i], "x", 0, 0, 0),
				 0);
	kill_broker();
	ck_assert_int_eq(shmipc_list(ipc, count_lost, &lost), MANY);
	ck_assert_int_eq(lost, MANY);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(open_it("x"), -ESTALE);
		shmipc_shm_close(shm[i * 7 % MANY]);
	}
	ck_assert_int_eq(open_it("x"), -ENOENT);
}
END_TEST

/* ---- what had no name is no loss ---------------------------------------- */

START_TEST(what_was_unlinked_is_not_lost_when_the_broker_is_told_to_leave)
{
	struct shmipc_shm *shm = create_open("x", 0);
	pid_t supervisor = broker_pid();

	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	kill(supervisor, SIGTERM);
	AWAIT(access(sock_path, F_OK) < 0);
	ck_assert_int_eq(open_it("y"), -ENOENT);
	ck_assert_int_eq(create("y"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "y"), 0);
	shmipc_shm_close(shm);
}
END_TEST

static int go_on_alone(const struct shmipc_shm *shm)
{
	/* No copy of the parent's connection: a daemon closes all. */
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	while (access(sock_path, F_OK) == 0)
		nap();
	*(long *)shmipc_shm_addr(shm) = 1;
	if (create("y") < 0 || shmipc_shm_unlink(ipc, "y") < 0) {
		fprintf(stderr, "%s\n", shmipc_errmsg());
		return 1;
	}
	return 0;
}

START_TEST(child_with_what_was_unlinked_goes_on_with_the_next_broker)
{
	struct shmipc_shm *shm = create_open("x", 0);
	int status;
	pid_t pid;

	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	pid = fork();
	if (pid == 0)
		_exit(go_on_alone(shm));
	shmipc_shm_close(shm);
	shmipc_close(ipc);
	ipc = NULL;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- fake brokers ------------------------------------------------------- */

/* Greet with these versions, and reply to one request: no such name. */
static _Noreturn void be_broker_of(unsigned version, unsigned oldest)
{
	int listening = fake_listen();
	int sock = fake_accept(listening, version, oldest);
	struct wire m;

	fake_request(sock, &m);
	if (m.version != WIRE_VERSION)
		_exit(93);
	m.result = -ENOENT;
	(void)wire_send(sock, &m, NULL);
	_exit(0);
}

START_TEST(newer_broker_that_speaks_our_version_is_as_good)
{
	pid_t pid = fake_start();
	int status;

	if (pid == 0)
		be_broker_of(WIRE_VERSION + 1, WIRE_VERSION);
	/* As long as it does not listen, no name exists. */
	while (waitpid(pid, &status, WNOHANG) == 0)
		ck_assert_int_eq(open_it("x"), -ENOENT);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void stranger(unsigned version, unsigned oldest, const char *range)
{
	pid_t pid = fake_start();
	char ours[64];

	if (pid == 0) {
		int listening = fake_listen();

		for (;;)
			close(fake_accept(listening, version, oldest));
	}
	AWAIT(broker_pid() > 0);
	ck_assert_int_eq(open_it("x"), -ECONNREFUSED);
	ck_assert_msg(strstr(shmipc_errmsg(), range), "%s", shmipc_errmsg());
	snprintf(ours, sizeof(ours), "%d to %d", WIRE_OLDEST, WIRE_VERSION);
	ck_assert_msg(strstr(shmipc_errmsg(), ours), "%s", shmipc_errmsg());
	ck_assert_int_eq(create("x"), -ECONNREFUSED);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(broker_without_our_version_is_told_with_both_ranges)
{
	char range[64];

	snprintf(range, sizeof(range), "%d to %d", WIRE_VERSION + 1,
		 WIRE_VERSION + 2);
	stranger(WIRE_VERSION + 2, WIRE_VERSION + 1, range);
	/* Before there were ranges, and what will never be. */
	stranger(3, 0, "3 to 3");
	stranger(WIRE_VERSION + 1, 0, "7 to 7");
	stranger(WIRE_OLDEST - 1, 1, "1 to 5");
}
END_TEST

/*
 * It is asked to unlink x, and gone before it replies. In between, if wanted,
 * another broker has another x.
 */
static _Noreturn void be_killed_while_asked(bool replaced)
{
	int listening = fake_listen();
	int sock = fake_accept(listening, WIRE_VERSION, WIRE_OLDEST);
	struct wire m;

	fake_request(sock, &m);
	unlink(sock_path);
	close(listening);
	if (m.op != WIRE_UNLINK || (replaced && create("x") < 0))
		_exit(94);
	/* The connection ends; the next broker has another number. */
	_exit(0);
}

START_TEST(unlink_does_not_go_on_to_the_next_broker)
{
	bool replaced = _i;
	pid_t pid = fake_start();

	if (pid == 0)
		be_killed_while_asked(replaced);
	AWAIT(access(sock_path, F_OK) == 0);
	/* It does not listen yet: no name exists. */
	while (shmipc_shm_unlink(ipc, "x") == -ENOENT)
		nap();
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_int_eq(open_it("x"), replaced ? 0 : -ENOENT);
}
END_TEST

TCase *binding_case(void)
{
	TCase *tc = tcase_create("binding");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, server_dies_with_its_supervisor);
	tcase_add_test(
		tc, client_that_lost_names_is_told_until_it_closes_its_objects);
	tcase_add_test(
		tc,
		names_of_another_broker_are_not_taken_for_those_that_were_lost);
	tcase_add_test(tc, many_that_are_open_are_counted_one_by_one);
	tcase_add_test(
		tc,
		what_was_unlinked_is_not_lost_when_the_broker_is_told_to_leave);
	tcase_add_test(
		tc, child_with_what_was_unlinked_goes_on_with_the_next_broker);
	tcase_add_test(tc, newer_broker_that_speaks_our_version_is_as_good);
	tcase_add_test(tc, broker_without_our_version_is_told_with_both_ranges);
	tcase_add_loop_test(tc, unlink_does_not_go_on_to_the_next_broker, 0, 2);
	return tc;
}
