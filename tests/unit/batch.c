/* SPDX-License-Identifier: MIT */
/*
 * White box: the requests to one WIRE_NEXT, as the broker's server gives them.
 * No broker batches: a table, and the two ends of a connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/memfd/broker/requests.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* Regions; there are as many semaphores between them. */
#define REGIONS (2 * WIRE_BATCH + 3)

static struct requests requests;
static ino_t inodes[REGIONS];
static int ours, theirs; /* the server's end, the client's */

static void add(uint32_t kind, const char *name, ino_t *inode)
{
	struct wire_fds fds = WIRE_NO_FDS;
	struct stat st;

	fds.fd[0] = make_memory();
	if (kind == SHMIPC_SEM)
		fds.fd[1] = dup(STDERR_FILENO);
	ck_assert_int_eq(fstat(fds.fd[0], &st), 0);
	if (inode)
		*inode = st.st_ino;
	ck_assert_int_eq(
		table_add(&requests.table, TABLE_ANY_SLOT, kind, name, &fds),
		0);
}

static void connect_ends(void)
{
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX,
			   SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			   pair),
		0);
	ours = pair[0];
	theirs = pair[1];
}

static void setup(void)
{
	char name[32];

	requests = (struct requests){ .supervisor = -1, .nudge = -1 };
	for (int i = 0; i < REGIONS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		add(SHMIPC_SHM, name, &inodes[i]);
		add(SHMIPC_SEM, name, NULL);
	}
	connect_ends();
}

static void disconnect(void)
{
	close(ours);
	close(theirs);
}

static void teardown(void)
{
	struct table_entry *e;

	disconnect();
	for (uint32_t kind = SHMIPC_SHM; kind <= SHMIPC_SEM; kind++)
		while ((e = table_next(&requests.table, kind, 0)))
			table_remove(&requests.table, e);
	free(requests.table.slots);
}

/* What the server does with a request. */
static int request_next(uint32_t cursor)
{
	struct wire request = wire_make(WIRE_NEXT, SHMIPC_SHM, NULL);
	struct wire_fds none = WIRE_NO_FDS;

	request.cursor = cursor;
	request.nonce = cursor + 77;
	return requests_handle(&requests, ours, REQUESTS_CLIENT_READS, &request,
			       &none);
}

/* One reply, which must be right for a region, or -EAGAIN: no reply. */
static int read_one(struct wire *ret, bool *has_memory)
{
	struct wire_fds fds;
	struct stat st;
	int r;

	r = wire_receive(theirs, WIRE_FROM_BROKER, ret, &fds);
	if (r < 0)
		return r;
	ck_assert_int_eq(ret->op, WIRE_NEXT);
	*has_memory = ret->fds == 1;
	if (ret->result < 0 || ret->fds == 0)
		return ret->result;
	ck_assert_uint_eq(ret->kind, SHMIPC_SHM);
	ck_assert_int_eq(fstat(fds.fd[0], &st), 0);
	ck_assert_uint_eq(st.st_ino, inodes[atoi(ret->name)]);
	ck_assert_int_eq(fds.fd[1], -1);
	wire_close_fds(&fds);
	return 0;
}

/* Read all replies that are there; they must continue with this number. */
static int read_from(int number, uint32_t *cursor, bool *ended)
{
	const uint64_t nonce = *cursor + 77;
	struct wire reply;
	bool memory;
	int n = 0, r;

	*ended = false;
	while ((r = read_one(&reply, &memory)) == 0) {
		ck_assert(!*ended);
		ck_assert(memory);
		ck_assert_int_eq(atoi(reply.name), number + n);
		ck_assert_uint_gt(reply.cursor, *cursor);
		ck_assert_uint_eq(reply.nonce, nonce);
		*cursor = reply.cursor;
		*ended = reply.flags & WIRE_LAST;
		n++;
	}
	if (r == -ENOENT) {
		ck_assert(!*ended);
		*ended = true;
		r = read_one(&reply, &memory);
	}
	ck_assert_int_eq(r, -EAGAIN);
	return n;
}

START_TEST(run_names_so_many_and_says_where_it_ends)
{
	static const int counts[] = { WIRE_BATCH, WIRE_BATCH, 3, 0 };
	uint32_t cursor = 0;
	int number = 0;
	bool ended;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		ck_assert_int_eq(request_next(cursor), 0);
		ck_assert_int_eq(read_from(number, &cursor, &ended), counts[i]);
		ck_assert(ended);
		number += counts[i];
	}
	ck_assert_int_eq(request_next(UINT32_MAX), 0);
	ck_assert_int_eq(read_from(number, &cursor, &ended), 0);
	ck_assert(ended);
}
END_TEST

START_TEST(client_that_has_read_nothing_yet_gets_one)
{
	struct wire request = wire_make(WIRE_NEXT, SHMIPC_SHM, NULL);
	struct wire_fds none = WIRE_NO_FDS;
	uint32_t cursor = 0;
	bool ended;

	request.nonce = 77;
	ck_assert_int_eq(requests_handle(&requests, ours, 0, &request, &none),
			 0);
	ck_assert_int_eq(read_from(0, &cursor, &ended), 1);
	ck_assert(ended);
}
END_TEST

/* By the server itself: the first request of a connection, and the next. */
START_TEST(run_of_a_new_connection_is_short)
{
	struct wire request = wire_make(WIRE_NEXT, SHMIPC_SHM, NULL), reply;
	char name[16];
	int sock;

	broker_setup();
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(create(name), 0);
	}
	sock = connect_greeted();
	ck_assert_int_eq(ask_raw(sock, &request, NULL, &reply), 0);
	ck_assert_uint_eq(reply.flags & WIRE_LAST, WIRE_LAST);
	request.cursor = reply.cursor;
	ck_assert_int_eq(ask_raw(sock, &request, NULL, &reply), 0);
	ck_assert_uint_eq(reply.flags & WIRE_LAST, 0);
	close(sock);
	broker_teardown();
}
END_TEST

START_TEST(client_that_has_not_read_all_of_a_batch_is_dropped)
{
	struct wire open = wire_make(WIRE_OPEN, SHMIPC_SHM, "1"), reply;
	struct wire_fds fds = WIRE_NO_FDS;
	bool memory;

	ck_assert_int_eq(request_next(0), 0);
	for (int i = 0; i < WIRE_BATCH - 1; i++)
		ck_assert_int_eq(read_one(&reply, &memory), 0);
	ck_assert_int_eq(request_next(reply.cursor), -EAGAIN);
	ck_assert_int_eq(requests_handle(&requests, ours, REQUESTS_CLIENT_READS,
					 &open, &fds),
			 -EAGAIN);
	ck_assert_int_eq(read_one(&reply, &memory), 0);
	ck_assert_int_eq(request_next(reply.cursor), 0);
}
END_TEST

START_TEST(run_that_has_no_room_ends_early_and_leaves_nothing_out)
{
	int number = 0, most = 0, n;
	uint32_t cursor = 0;
	bool ended;

	while (number < REGIONS) {
		int r;

		/* The kernel's minimum. */
		ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_SNDBUF,
					    &(int){ 1 }, sizeof(int)),
				 0);
		r = request_next(cursor);
		n = read_from(number, &cursor, &ended);
		ck_assert_int_gt(n, 0);
		if (number + n < REGIONS) {
			ck_assert_int_eq(r, -EAGAIN);
			ck_assert(!ended);
		}
		number += n;
		most = n > most ? n : most;
		/* The server drops the client, which connects again. */
		disconnect();
		connect_ends();
	}
	ck_assert_int_eq(number, REGIONS);
	ck_assert_int_lt(most, WIRE_BATCH);
}
END_TEST

/* Root may have any number on their way; others not. */
static void become_nobody(void)
{
	const struct rlimit few = { 256, 256 };

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(setuid(65534), 0);
}

static void crowd(int sock)
{
	struct wire m = wire_make(WIRE_ADD, SHMIPC_SHM, "x");
	struct wire_fds fds = { { STDERR_FILENO, -1, -1, -1 } };
	int r;

	m.fds = 1;
	do
		r = wire_send(sock, &m, &fds);
	while (r == 0);
	ck_assert_int_eq(r, -ETOOMANYREFS);
}

START_TEST(what_cannot_be_sent_along_is_left_out_and_ends_the_run)
{
	struct wire reply;
	int others[2];
	bool memory;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, others), 0);
	ck_assert_int_eq(setsockopt(others[0], SOL_SOCKET, SO_SNDBUF,
				    &(int){ 1 << 20 }, sizeof(int)),
			 0);
	become_nobody();
	crowd(others[0]);
	ck_assert_int_eq(request_next(0), 0);
	ck_assert_int_eq(read_one(&reply, &memory), 0);
	ck_assert_str_eq(reply.name, "0");
	ck_assert(!memory);
	ck_assert_uint_eq(reply.flags, WIRE_LAST);
	ck_assert_int_eq(read_one(&reply, &memory), -EAGAIN);

	close(others[1]);
	close(others[0]);
	ck_assert_int_eq(request_next(0), 0);
	ck_assert_int_eq(read_one(&reply, &memory), 0);
	ck_assert(memory);
	ck_assert_uint_eq(reply.flags, 0);
}
END_TEST

TCase *run_case(void)
{
	TCase *tc = tcase_create("batch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, run_names_so_many_and_says_where_it_ends);
	tcase_add_test(tc, client_that_has_read_nothing_yet_gets_one);
	tcase_add_test(tc, run_of_a_new_connection_is_short);
	tcase_add_test(tc, client_that_has_not_read_all_of_a_batch_is_dropped);
	tcase_add_test(tc,
		       run_that_has_no_room_ends_early_and_leaves_nothing_out);
	tcase_add_test(tc,
		       what_cannot_be_sent_along_is_left_out_and_ends_the_run);
	return tc;
}
