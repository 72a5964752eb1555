/* SPDX-License-Identifier: MIT */
/* White box: messages between client and broker, and the broker's table. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/memfd/broker/table.h"
#include "backends/memfd/wire.h"
#include "tests/unit/unit.h"

static int parse(const struct wire *m, unsigned fds, enum wire_from from)
{
	struct wire ret;

	return wire_parse(m, sizeof(*m), fds, from, &ret);
}

/* A request of each op that is sound. */
static struct wire request(enum wire_op op)
{
	struct wire m =
		wire_make(op, SHMIPC_SEM, op >= WIRE_NEXT ? NULL : "name");

	m.fds = op == WIRE_ADD ? 2 : 0;
	return m;
}

START_TEST(sound_questions_are_taken)
{
	for (int op = WIRE_ADD; op <= WIRE_NEXT_ORPHAN; op++) {
		struct wire m = request(op);

		ck_assert_int_eq(parse(&m, m.fds, WIRE_FROM_CLIENT), 0);
	}
}
END_TEST

START_TEST(wrong_questions_are_refused)
{
	struct wire m;

	m = request(WIRE_OPEN);
	m.magic++;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m = request(WIRE_OPEN);
	m.version++;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTONOSUPPORT);
	m = request(WIRE_OPEN);
	m.op = WIRE_HELLO;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m.op = WIRE_NEXT_ORPHAN + 1;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m = request(WIRE_OPEN);
	m.kind = 0;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m.kind = WIRE_KIND_MAX + 1;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m = request(WIRE_NEXT);
	m.flags = WIRE_FORGET; /* a word for NEXT_ORPHAN only */
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m = request(WIRE_NEXT_ORPHAN);
	m.flags = WIRE_FORGET;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), 0);
	m.flags = ~WIRE_FORGET;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m = request(WIRE_OPEN);
	m.result = -1;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
}
END_TEST

START_TEST(wrong_numbers_of_descriptors_are_refused)
{
	for (int op = WIRE_ADD; op <= WIRE_NEXT_ORPHAN; op++)
		for (unsigned said = 0; said <= WIRE_FDS + 1; said++)
			for (unsigned came = 0; came <= WIRE_FDS + 1; came++) {
				struct wire m = request(op);
				/* The client knows how many an object has. */
				bool object = op == WIRE_ADD && said > 0 &&
					      said <= WIRE_FDS;
				bool right = said == came &&
					     (said == m.fds || object);

				m.fds = said;
				ck_assert_int_eq(
					parse(&m, came, WIRE_FROM_CLIENT),
					right ? 0 : -EPROTO);
			}
}
END_TEST

START_TEST(wrong_names_are_refused)
{
	static const char *const bad[] = {
		"", "/", "/a", "a/b", "a b", "\xff"
	};
	struct wire m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = request(WIRE_OPEN);
		memset(m.name, 0, sizeof(m.name));
		strcpy(m.name, bad[i]);
		ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	}
	m = request(WIRE_OPEN);
	memset(m.name, 'a', sizeof(m.name));
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	memset(m.name, 'a', SHMIPC_NAME_MAX + 1);
	m.name[SHMIPC_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
	m = request(WIRE_OPEN);
	m.name[100] = 'x'; /* behind the end */
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
}
END_TEST

START_TEST(every_other_length_is_refused)
{
	char bytes[2 * sizeof(struct wire)] = { 0 };
	struct wire m = request(WIRE_OPEN), ret;

	memcpy(bytes, &m, sizeof(m));
	for (size_t n = 0; n < sizeof(bytes); n++)
		ck_assert_int_eq(
			wire_parse(bytes, n, 0, WIRE_FROM_CLIENT, &ret),
			n == sizeof(m) ? 0 : -EPROTO);
}
END_TEST

START_TEST(answers_are_checked_too)
{
	struct wire m = wire_make(WIRE_HELLO, 0, NULL);

	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), 0);
	m = wire_make(WIRE_OPEN, SHMIPC_SHM, "name");
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), -EPROTO);
	m.fds = 1;
	ck_assert_int_eq(parse(&m, 1, WIRE_FROM_BROKER), 0);
	m.result = -ENOENT;
	ck_assert_int_eq(parse(&m, 1, WIRE_FROM_BROKER), -EPROTO);
	m.fds = 0;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), 0);
	m.result = 1;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), -EPROTO);
	m.result = -5000;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), -EPROTO);
}
END_TEST

START_TEST(answers_of_a_run_are_checked)
{
	const struct wire sound = wire_make(WIRE_NEXT, SHMIPC_SEM, "name");
	struct wire m;

	for (unsigned fds = 0; fds <= WIRE_FDS; fds++) {
		m = sound;
		m.fds = fds;
		ck_assert_int_eq(parse(&m, fds, WIRE_FROM_BROKER),
				 fds <= 1 ? 0 : -EPROTO);
		m.result = -ENOENT;
		ck_assert_int_eq(parse(&m, fds, WIRE_FROM_BROKER),
				 fds == 0 ? 0 : -EPROTO);
	}
	for (unsigned flags = 0; flags < 16; flags++) {
		m = sound;
		m.flags = flags;
		ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER),
				 flags & ~WIRE_LAST ? -EPROTO : 0);
	}
	m = sound;
	m.kind = WIRE_KIND_MAX + 1;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), -EPROTO);
	m = sound;
	m.name[0] = '\0';
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_BROKER), -EPROTO);
	/* It is not for requests. */
	m = request(WIRE_NEXT);
	m.flags = WIRE_LAST;
	ck_assert_int_eq(parse(&m, 0, WIRE_FROM_CLIENT), -EPROTO);
}
END_TEST

START_TEST(random_packets_are_survived)
{
	unsigned seed = 7;

	for (int round = 0; round < 200000; round++) {
		struct wire m = request(WIRE_ADD + round % 4), ret;

		for (int i = 0; i < 3; i++)
			((char *)&m)[rand_r(&seed) % sizeof(m)] =
				(char)rand_r(&seed);
		if (wire_parse(&m, sizeof(m), m.fds, WIRE_FROM_CLIENT, &ret))
			continue;
		ck_assert_uint_le(ret.fds, WIRE_FDS);
		ck_assert_ptr_nonnull(memchr(ret.name, 0, sizeof(ret.name)));
	}
}
END_TEST

/* ---- sockets ------------------------------------------------------------ */

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 200; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Send fds descriptors, whatever the message says. */
static void send_raw(int sock, const void *bytes, size_t length, int fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { (void *)bytes, length };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fds) {
		struct cmsghdr *c;

		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)fds * sizeof(int));
		for (int i = 0; i < fds; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int),
			       &(int){ 0 }, sizeof(int));
	}
	ck_assert_int_eq(sendmsg(sock, &h, 0), (ssize_t)length);
}

START_TEST(surplus_descriptors_are_closed)
{
	int pair[2], before;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	before = count_fds();
	for (int fds = 0; fds <= 16; fds++) {
		struct wire m = request(WIRE_ADD), got;
		struct wire_fds with = WIRE_NO_FDS;
		int r;

		send_raw(pair[0], &m, sizeof(m), fds);
		r = wire_receive(pair[1], WIRE_FROM_CLIENT, &got, &with);
		if (fds == 2) {
			ck_assert_int_eq(r, 0);
			ck_assert_int_ge(with.fd[1], 0);
			ck_assert_int_eq(fcntl(with.fd[0], F_GETFD),
					 FD_CLOEXEC);
			wire_close_fds(&with);
		} else {
			ck_assert_int_lt(r, 0);
		}
		ck_assert_int_eq(count_fds(), before);
	}
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(skipped_descriptors_are_closed)
{
	struct wire m = request(WIRE_ADD), got;
	int pair[2], before;

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair),
		0);
	before = count_fds();
	send_raw(pair[0], &m, sizeof(m), 2);
	ck_assert_int_eq(wire_skip(pair[1], WIRE_FROM_CLIENT, &got), 0);
	ck_assert_mem_eq(&got, &m, sizeof(m));
	ck_assert_int_eq(count_fds(), before);
	ck_assert_int_eq(wire_skip(pair[1], WIRE_FROM_CLIENT, &got), -EAGAIN);
	send_raw(pair[0], &m, sizeof(m) - 1, 0);
	ck_assert_int_eq(wire_skip(pair[1], WIRE_FROM_CLIENT, &got), -EPROTO);
	m.magic++;
	send_raw(pair[0], &m, sizeof(m), 2);
	ck_assert_int_eq(wire_skip(pair[1], WIRE_FROM_CLIENT, &got), -EPROTO);
	close(pair[0]);
	ck_assert_int_eq(wire_skip(pair[1], WIRE_FROM_CLIENT, &got), -EPIPE);
	close(pair[1]);
}
END_TEST

START_TEST(packets_of_other_lengths_are_refused)
{
	static const size_t lengths[] = { 1, 255, 257, 4096 };
	char bytes[4096] = { 0 };
	struct wire m = request(WIRE_OPEN), got;
	struct wire_fds with;
	int pair[2];

	memcpy(bytes, &m, sizeof(m));
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair),
		0);
	for (int i = 0; i < 4; i++) {
		send_raw(pair[0], bytes, lengths[i], 1);
		ck_assert_int_eq(
			wire_receive(pair[1], WIRE_FROM_CLIENT, &got, &with),
			-EPROTO);
	}
	ck_assert_int_eq(wire_receive(pair[1], WIRE_FROM_CLIENT, &got, &with),
			 -EAGAIN);
	close(pair[0]);
	ck_assert_int_eq(wire_receive(pair[1], WIRE_FROM_CLIENT, &got, &with),
			 -EPIPE);
	close(pair[1]);
}
END_TEST

START_TEST(peer_that_does_not_read_does_not_block_us)
{
	struct wire m = request(WIRE_OPEN);
	int pair[2], r;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	do
		r = wire_send(pair[0], &m, NULL);
	while (r == 0);
	ck_assert_int_eq(r, -EAGAIN);
	close(pair[1]);
	r = wire_send(pair[0], &m, NULL);
	ck_assert(r == -EPIPE || r == -ECONNRESET); /* it had not read all */
	close(pair[0]);
}
END_TEST

/* ---- the table ---------------------------------------------------------- */

static struct wire_fds some_fds(void)
{
	return (struct wire_fds){ { dup(0), -1, -1, -1 } };
}

START_TEST(table_finds_what_was_added_and_nothing_else)
{
	struct table t = { .count = 0 };
	struct wire_fds fds = some_fds(), more = some_fds();
	int before = count_fds();

	ck_assert_int_eq(table_add(&t, TABLE_ANY_SLOT, SHMIPC_SHM, "a", &fds),
			 0);
	ck_assert_int_eq(table_add(&t, TABLE_ANY_SLOT, SHMIPC_SHM, "a", &more),
			 -EEXIST);
	ck_assert_int_eq(table_add(&t, TABLE_ANY_SLOT, SHMIPC_SEM, "a", &more),
			 0);
	ck_assert_uint_eq(t.count, 2);
	ck_assert_ptr_null(table_find(&t, SHMIPC_SHM, "b"));
	ck_assert_int_eq(table_find(&t, SHMIPC_SHM, "a")->fds.fd[0], fds.fd[0]);
	table_remove(&t, table_find(&t, SHMIPC_SHM, "a"));
	ck_assert_int_eq(count_fds(), before - 1);
	ck_assert_ptr_null(table_find(&t, SHMIPC_SHM, "a"));
	ck_assert_ptr_nonnull(table_find(&t, SHMIPC_SEM, "a"));
	table_remove(&t, table_find(&t, SHMIPC_SEM, "a"));
	ck_assert_uint_eq(t.count, 0);
	free(t.slots);
}
END_TEST

START_TEST(walk_goes_on_while_entries_come_and_go)
{
	enum { COUNT = 5000 };
	static char seen[COUNT];
	struct table t = { .count = 0 };
	struct wire_fds none = WIRE_NO_FDS;
	struct table_entry *e;
	char name[32];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(
			table_add(&t, TABLE_ANY_SLOT, SHMIPC_SHM, name, &none),
			0);
	}
	/* Each entry is removed when it is seen, and a new one made. */
	for (uint32_t at = 0; (e = table_next(&t, SHMIPC_SHM, at));) {
		int i = atoi(e->name);

		at = e->slot + 1;
		ck_assert_int_lt(i, COUNT);
		seen[i]++;
		table_remove(&t, e);
		snprintf(name, sizeof(name), "new%d", i);
		ck_assert_int_eq(
			table_add(&t, TABLE_ANY_SLOT, SHMIPC_SEM, name, &none),
			0);
	}
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(seen[i], 1);
	while ((e = table_next(&t, SHMIPC_SEM, 0)))
		table_remove(&t, e);
	ck_assert_uint_eq(t.count, 0);
	free(t.slots);
}
END_TEST

TCase *wire_case(void)
{
	TCase *tc = tcase_create("wire");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, sound_questions_are_taken);
	tcase_add_test(tc, wrong_questions_are_refused);
	tcase_add_test(tc, wrong_numbers_of_descriptors_are_refused);
	tcase_add_test(tc, wrong_names_are_refused);
	tcase_add_test(tc, every_other_length_is_refused);
	tcase_add_test(tc, answers_are_checked_too);
	tcase_add_test(tc, answers_of_a_run_are_checked);
	tcase_add_test(tc, random_packets_are_survived);
	tcase_add_test(tc, surplus_descriptors_are_closed);
	tcase_add_test(tc, skipped_descriptors_are_closed);
	tcase_add_test(tc, packets_of_other_lengths_are_refused);
	tcase_add_test(tc, peer_that_does_not_read_does_not_block_us);
	tcase_add_test(tc, table_finds_what_was_added_and_nothing_else);
	tcase_add_test(tc, walk_goes_on_while_entries_come_and_go);
	return tc;
}
