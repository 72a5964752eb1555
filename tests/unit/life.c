/* SPDX-License-Identifier: MIT */
/* White box: how long the broker stays, and where. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/memfd/start.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* ---- signals ------------------------------------------------------------ */

START_TEST(told_to_leave_without_names_it_leaves)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (int i = 0; i < 2; i++) {
		pid_t supervisor = start_by_hand(start_program(), -1);
		int sock;

		AWAIT(broker_pid() == supervisor);
		sock = connect_greeted();
		ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "x"), -ENOENT);
		kill(supervisor, signals[i]);
		ck_assert_int_eq(status_of(supervisor), 0);
		ck_assert_int_lt(access(sock_path, F_OK), 0);
		close(sock);
	}
}
END_TEST

START_TEST(told_to_leave_it_stays_until_the_last_name_is_gone)
{
	pid_t supervisor = start_by_hand(start_program(), -1);
	int sock;

	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(create("y"), 0);
	sock = connect_greeted();
	kill(supervisor, SIGTERM);
	AWAIT(has_said("as soon as"));
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	/* A server that comes later is told, too. */
	kill_server(supervisor);
	ck_assert_int_eq(open_it("y"), 0);
	ck_assert_int_eq(waitpid(supervisor, NULL, WNOHANG), 0);
	AWAIT(has_said("last of 1 names"));
	ck_assert(!has_said("(status")); /* it did not end by itself */
	close(sock);
	/* A client that asks all the time does not keep it. */
	sock = connect_greeted();
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "y"), 0);
		nap();
	}
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "y"), 0);
	while (ask_about(sock, WIRE_OPEN, "y") == -ENOENT &&
	       waitpid(supervisor, NULL, WNOHANG) == 0)
		nap();
	close(sock);
	AWAIT(access(sock_path, F_OK) < 0);
}
END_TEST

START_TEST(told_to_quit_it_quits)
{
	pid_t supervisor = start_by_hand(start_program(), -1), server;

	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(create("x"), 0);
	server = server_of(supervisor);
	kill(supervisor, SIGQUIT);
	ck_assert_int_eq(status_of(supervisor), 0);
	ck_assert_int_lt(kill(server, 0), 0);
	ck_assert_int_lt(access(sock_path, F_OK), 0);
	ck_assert(has_said("1 names are lost"));
}
END_TEST

/* ---- its place ---------------------------------------------------------- */

START_TEST(socket_that_was_removed_is_bound_again)
{
	struct shmipc_shm *shm = create_open("x", 0);
	pid_t supervisor = broker_pid();
	struct shmipc *other;

	ck_assert_int_eq(unlink(sock_path), 0);
	AWAIT(access(sock_path, F_OK) == 0);
	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(shmipc_open(&other, "memfd"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(other, "x"), 0);
	shmipc_close(other);
	ck_assert_int_eq(open_it("x"), -ENOENT);
	shmipc_shm_close(shm);
}
END_TEST

START_TEST(broker_without_a_directory_ends)
{
	pid_t supervisor = start_by_hand(start_program(), -1);
	char moved[sizeof(dir) + 8];
	int sock;

	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(create("x"), 0);
	sock = connect_greeted();
	snprintf(moved, sizeof(moved), "%s.moved", dir);
	ck_assert_int_eq(rename(dir, moved), 0);
	/* Even while a client asks all the time and makes changes. */
	while (ask_about(sock, WIRE_UNLINK, "x") != -EPIPE) {
		struct wire add = add_of(SHMIPC_SHM, "x"), reply;
		struct wire_fds fds = { { make_memory(), -1, -1, -1 } };

		(void)ask_raw(sock, &add, &fds, &reply);
		wire_close_fds(&fds);
	}
	close(sock);
	ck_assert_int_eq(status_of(supervisor), 0);
	ck_assert(has_said("the directory is gone"));
	/* Nobody is in the way of the next one. */
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
}
END_TEST

/* Kill its server, and allow it no other. */
static void forbid_servers(pid_t supervisor)
{
	const struct rlimit few = { 6, 6 };
	pid_t server = server_of(supervisor);

	ck_assert_int_gt(server, 0);
	ck_assert_int_eq(prlimit(supervisor, RLIMIT_NOFILE, &few, NULL), 0);
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	AWAIT(has_said("no server can be started"));
}

START_TEST(supervisor_without_names_and_servers_leaves)
{
	pid_t supervisor = start_by_hand(start_program(), -1);
	int sock;

	AWAIT(broker_pid() == supervisor);
	sock = connect_greeted(); /* or it leaves because it is idle */
	forbid_servers(supervisor);
	ck_assert_int_eq(status_of(supervisor), 0);
	close(sock);
}
END_TEST

START_TEST(supervisor_without_directory_and_servers_leaves)
{
	pid_t supervisor = start_by_hand(start_program(), -1);
	char moved[sizeof(dir) + 8];

	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(create("x"), 0);
	forbid_servers(supervisor);
	snprintf(moved, sizeof(moved), "%s.moved", dir);
	ck_assert_int_eq(rename(dir, moved), 0);
	ck_assert_int_eq(status_of(supervisor), 0);
	ck_assert(has_said("the directory is gone"));
}
END_TEST

/* ---- systemd's socket --------------------------------------------------- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	ck_assert_int_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	unlink(path);
	ck_assert_int_eq(
		bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(sock, 16), 0);
	return sock;
}

START_TEST(given_socket_is_served_and_left)
{
	struct stat before, after;
	int sock;

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	sock = listen_at(sock_path);
	ck_assert_int_eq(stat(sock_path, &before), 0);
	for (int i = 0; i < 2; i++) {
		pid_t supervisor = start_by_hand(start_program(), sock);

		ck_assert_int_eq(create("x"), 0);
		AWAIT(broker_pid() == supervisor);
		ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
		shmipc_close(ipc);
		ck_assert_int_eq(status_of(supervisor), 0);
		ck_assert_int_eq(stat(sock_path, &after), 0);
		ck_assert_uint_eq(before.st_ino, after.st_ino);
		ck_assert_int_eq(shmipc_open(&ipc, "memfd"), 0);
	}
	close(sock);
}
END_TEST

START_TEST(given_socket_beside_a_broker_is_not_served)
{
	struct shmipc_shm *shm = create_open("x", 0);
	pid_t supervisor = broker_pid(), second;
	int sock = listen_at(sock_path);

	second = start_by_hand(start_program(), sock);
	ck_assert_int_eq(status_of(second), 1);
	ck_assert(has_said("a broker already runs"));
	close(sock);
	/* The first one sees to it that it is found. */
	AWAIT(broker_pid() == supervisor);
	shmipc_shm_close(shm);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
}
END_TEST

START_TEST(given_socket_that_is_elsewhere_is_not_served)
{
	char elsewhere[sizeof(dir) + 8];
	int sock;

	snprintf(elsewhere, sizeof(elsewhere), "%s.sock", dir);
	sock = listen_at(elsewhere);
	ck_assert_int_eq(status_of(start_by_hand(start_program(), sock)), 1);
	ck_assert(has_said("given socket"));
	ck_assert_int_eq(access(elsewhere, F_OK), 0);
	close(sock);
}
END_TEST

TCase *life_case(void)
{
	TCase *tc = tcase_create("life");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, told_to_leave_without_names_it_leaves);
	tcase_add_test(tc, told_to_leave_it_stays_until_the_last_name_is_gone);
	tcase_add_test(tc, told_to_quit_it_quits);
	tcase_add_test(tc, socket_that_was_removed_is_bound_again);
	tcase_add_test(tc, broker_without_a_directory_ends);
	tcase_add_test(tc, supervisor_without_names_and_servers_leaves);
	tcase_add_test(tc, supervisor_without_directory_and_servers_leaves);
	tcase_add_test(tc, given_socket_is_served_and_left);
	tcase_add_test(tc, given_socket_beside_a_broker_is_not_served);
	tcase_add_test(tc, given_socket_that_is_elsewhere_is_not_served);
	return tc;
}
