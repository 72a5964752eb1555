/* SPDX-License-Identifier: MIT */
/* White box: what the server lets clients do, and what it does not. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "backends/memfd/start.h"
#include "core/header.h"
#include "tests/lib/process.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

static bool has_ended(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char byte;

	return poll(&p, 1, 0) == 1 &&
	       recv(sock, &byte, 1, MSG_DONTWAIT | MSG_PEEK) <= 0;
}

/* ---- silent clients ----------------------------------------------------- */

/* Begun before all tests of the case, and looked at in the last. */
static struct {
	char dir[sizeof(dir)];
	pid_t supervisor;
	int says_nothing, has_asked;
	struct timespec since;
} silence;

static void begin_silence(void)
{
	broker_setup();
	strcpy(silence.dir, dir);
	silence.supervisor = start_by_hand(start_program(), -1);
	AWAIT(broker_pid() == silence.supervisor);
	clock_gettime(CLOCK_MONOTONIC, &silence.since);
	silence.has_asked = connect_greeted();
	silence.says_nothing = connect_greeted();
	ck_assert_int_eq(ask_about(silence.has_asked, WIRE_OPEN, "x"), -ENOENT);
	shmipc_close(ipc);
	ipc = NULL;
}

static void end_silence(void)
{
	close(silence.has_asked);
	close(silence.says_nothing);
	(void)status_of(silence.supervisor);
}

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

START_TEST(client_that_says_nothing_is_dropped)
{
	while (!has_ended(silence.says_nothing)) {
		ck_assert(seconds_since(&silence.since) < 9);
		nap();
	}
	ck_assert(seconds_since(&silence.since) >= 5);
	ck_assert_int_eq(ask_about(silence.has_asked, WIRE_OPEN, "x"), -ENOENT);
}
END_TEST

/* ---- many --------------------------------------------------------------- */

START_TEST(client_that_was_idle_longest_makes_room_and_does_not_notice)
{
	enum { CROWD = 1030, ROOM = 1024 };
	struct rlimit limit;
	int crowd[CROWD], ended = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < CROWD + 100)
		return;
	ck_assert_int_eq(create("x"), 0); /* its connection is kept */
	for (int i = 0; i < CROWD; i++) {
		crowd[i] = connect_greeted();
		/* The first one asks now and then. */
		if (i % 100 == 0)
			ck_assert_int_eq(ask_about(crowd[0], WIRE_OPEN, "x"),
					 0);
	}
	for (int i = 0; i < CROWD; i++)
		ended += has_ended(crowd[i]);
	ck_assert_int_eq(ended, CROWD - ROOM);
	ck_assert(!has_ended(crowd[0]));
	for (int i = 1; i <= ended; i++)
		ck_assert(has_ended(crowd[i]));
	ck_assert_int_eq(create("x"), -EEXIST);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	/* One for ours. */
	ck_assert(has_ended(crowd[ended + 1]));
	ck_assert(!has_ended(crowd[ended + 2]));
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
}
END_TEST

/* ---- what is no object -------------------------------------------------- */

static int make_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	close(ends[1]);
	return ends[0];
}

static int make_unsealed(void)
{
	int fd = memfd_create("shmipc.test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW),
			 0);
	return fd;
}

static int make_huge(void)
{
	int fd = memfd_create("shmipc.test",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd < 0)
		return make_unsealed(); /* a kernel without them */
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, WIRE_SEALS), 0);
	return fd;
}

static int make_readonly(void)
{
	int fd = make_memory(), own;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return own;
}

static int make_file(void)
{
	char path[sizeof(dir) + 8];

	snprintf(path, sizeof(path), "%s.file", dir);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int make_event(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static int make_blocking_event(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static const struct {
	const char *what;
	int (*memory)(void);
	int (*event)(void); /* NULL: a region */
	int result;
} offers[] = {
	{ "a region", make_memory, NULL, 0 },
	{ "a semaphore", make_memory, make_event, 0 },
	{ "an unsealed region", make_unsealed, NULL, -EPIPE },
	{ "a region of huge pages", make_huge, NULL, -EPIPE },
	{ "a region that cannot be written", make_readonly, NULL, -EPIPE },
	{ "a file", make_file, NULL, -EPIPE },
	{ "an event as memory", make_event, NULL, -EPIPE },
	{ "a pipe as an event", make_memory, make_pipe, -EPIPE },
	{ "a file as an event", make_memory, make_file, -EPIPE },
	{ "memory as an event", make_memory, make_memory, -EPIPE },
	{ "an event that blocks", make_memory, make_blocking_event, -EPIPE },
	{ "a file and an event", make_file, make_event, -EPIPE },
};

START_TEST(what_is_no_object_is_not_kept)
{
	uint32_t kind = offers[_i].event ? SHMIPC_SEM : SHMIPC_SHM;
	struct wire add = add_of(kind, "x"), open, reply;
	struct wire_fds fds = WIRE_NO_FDS;
	unsigned in_supervisor, in_server;
	pid_t supervisor;
	int sock;

	ck_assert_int_eq(create("y"), 0);
	supervisor = broker_pid();
	kill_server(supervisor); /* the supervisor has read everything */
	ck_assert_int_eq(open_it("y"), 0);
	in_supervisor = process_fds(supervisor);
	in_server = process_fds(server_of(supervisor));

	fds.fd[0] = offers[_i].memory();
	fds.fd[1] = offers[_i].event ? offers[_i].event() : -1;
	sock = connect_greeted();
	ck_assert_msg(ask_raw(sock, &add, &fds, &reply) == offers[_i].result,
		      "%s", offers[_i].what);
	close(sock);
	wire_close_fds(&fds);

	sock = connect_greeted();
	open = wire_make(WIRE_OPEN, kind, "x");
	ck_assert_int_eq(ask_raw(sock, &open, NULL, &reply),
			 offers[_i].result ? -ENOENT : 0);
	close(sock);
	if (offers[_i].result) {
		AWAIT(process_fds(server_of(supervisor)) == in_server);
		ck_assert_uint_eq(process_fds(supervisor), in_supervisor);
	}
}
END_TEST

START_TEST(other_versions_are_not_answered)
{
	static const int off[] = { -1, 1 };

	ck_assert_int_eq(create("x"), 0);
	for (int i = 0; i < 2; i++) {
		struct wire open = wire_make(WIRE_OPEN, SHMIPC_SHM, "x");
		struct wire reply;
		int sock = connect_greeted();

		open.version = (uint16_t)(WIRE_VERSION + off[i]);
		ck_assert_int_eq(ask_raw(sock, &open, NULL, &reply), -EPIPE);
		close(sock);
	}
}
END_TEST

START_TEST(another_incarnation_is_refused_before_anything_is_done)
{
	struct wire unlink = wire_make(WIRE_UNLINK, SHMIPC_SHM, "x");
	struct wire add = add_of(SHMIPC_SHM, "z"), reply;
	struct wire_fds fds = { { make_memory(), -1, -1, -1 } };
	int sock;

	ck_assert_int_eq(create("x"), 0);
	sock = connect_greeted();
	unlink.abi = shmipc_segment_abi();
	unlink.broker_id = add.broker_id = 77;
	ck_assert_int_eq(ask_raw(sock, &unlink, NULL, &reply), -ESTALE);
	ck_assert_int_eq(ask_raw(sock, &add, &fds, &reply), -ESTALE);
	ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "x"), 0);
	ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "z"), -ENOENT);
	wire_close_fds(&fds);
	close(sock);
}
END_TEST

/* ---- clients that are gone ---------------------------------------------- */

/*
 * Ask a server that is stopped to add x, and give up: end is the part of the
 * connection that is shut down; -1: all of it is closed.
 */
static void give_up(pid_t server, int end)
{
	struct wire add = add_of(SHMIPC_SHM, "x");
	struct wire_fds fds = { { make_memory(), -1, -1, -1 } };
	int sock = connect_greeted(), copy = dup(sock);

	ck_assert(process_stop(server));
	ck_assert_int_eq(wire_send(sock, &add, &fds), 0);
	if (end < 0) {
		close(copy);
		close(sock);
		copy = -1;
	} else {
		ck_assert_int_eq(shutdown(sock, end), 0);
	}
	wire_close_fds(&fds);
	ck_assert_int_eq(kill(server, SIGCONT), 0);
	/* A forked child may have a copy. */
	if (copy >= 0) {
		AWAIT(has_ended(copy));
		close(copy);
		close(sock);
	}
}

START_TEST(client_that_gave_up_has_added_nothing)
{
	/* Closed; as the client does it; with a reply that cannot be sent. */
	static const int ends[] = { -1, SHUT_RDWR, SHUT_RD };
	pid_t supervisor;

	ck_assert_int_eq(create("y"), 0);
	supervisor = broker_pid();
	give_up(server_of(supervisor), ends[_i]);
	for (int i = 0; i < 4; i++) {
		int sock = connect_greeted();

		ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "x"), -ENOENT);
		close(sock);
		/* The supervisor was told, too. */
		if (i == 2)
			kill_server(supervisor);
	}
}
END_TEST

START_TEST(client_that_gave_up_has_unlinked_nothing)
{
	struct wire unlink = wire_make(WIRE_UNLINK, SHMIPC_SHM, "x");
	pid_t server;
	int sock;

	ck_assert_int_eq(create("x"), 0);
	server = server_of(broker_pid());
	sock = connect_greeted();
	unlink.abi = shmipc_segment_abi();
	ck_assert(process_stop(server));
	ck_assert_int_eq(wire_send(sock, &unlink, NULL), 0);
	close(sock);
	ck_assert_int_eq(kill(server, SIGCONT), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(open_it("x"), 0);
}
END_TEST

TCase *server_case(void)
{
	TCase *tc = tcase_create("server");

	tcase_add_unchecked_fixture(tc, begin_silence, end_silence);
	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(
		tc,
		client_that_was_idle_longest_makes_room_and_does_not_notice);
	tcase_add_loop_test(tc, what_is_no_object_is_not_kept, 0,
			    sizeof(offers) / sizeof(offers[0]));
	tcase_add_test(tc, other_versions_are_not_answered);
	tcase_add_test(tc,
		       another_incarnation_is_refused_before_anything_is_done);
	tcase_add_loop_test(tc, client_that_gave_up_has_added_nothing, 0, 3);
	tcase_add_test(tc, client_that_gave_up_has_unlinked_nothing);
	tcase_add_test(tc, client_that_says_nothing_is_dropped);
	return tc;
}
