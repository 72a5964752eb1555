/* SPDX-License-Identifier: MIT */
/* White box: what the broker's two processes say to each other. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/memfd/broker/journal.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

static enum journal_from sender_of(enum journal_op op)
{
	return op == JOURNAL_READY || op == JOURNAL_KEEP || op == JOURNAL_DROP
		       ? JOURNAL_FROM_SERVER
		       : JOURNAL_FROM_SUPERVISOR;
}

static struct journal_entry sound(enum journal_op op, uint32_t kind)
{
	struct journal_entry r = journal_make(op, kind, kind ? "name" : NULL);

	if (op == JOURNAL_TAKE || op == JOURNAL_KEEP)
		r.fds = (uint16_t)(1 + shmipc_kind_find((enum shmipc_kind)kind)
					       ->ksems);
	return r;
}

static int parse(const struct journal_entry *r, enum journal_from from)
{
	struct journal_entry ret;

	return journal_parse(r, sizeof(*r), r->fds, from, &ret);
}

/* Every operation comes from one side only. */
static void comes_from(enum journal_op op, uint32_t kind,
		       enum journal_from from)
{
	struct journal_entry r = sound(op, kind);

	ck_assert_int_eq(parse(&r, from), 0);
	ck_assert_int_eq(parse(&r, from == JOURNAL_FROM_SUPERVISOR
					   ? JOURNAL_FROM_SERVER
					   : JOURNAL_FROM_SUPERVISOR),
			 -EPROTO);
}

START_TEST(every_report_comes_from_one_side)
{
	static const uint32_t kinds[] = { SHMIPC_SHM, SHMIPC_SEM };

	for (int i = 0; i < 2; i++) {
		comes_from(JOURNAL_TAKE, kinds[i], JOURNAL_FROM_SUPERVISOR);
		comes_from(JOURNAL_KEEP, kinds[i], JOURNAL_FROM_SERVER);
		comes_from(JOURNAL_DONE, kinds[i], JOURNAL_FROM_SUPERVISOR);
	}
	comes_from(JOURNAL_GO, 0, JOURNAL_FROM_SUPERVISOR);
	comes_from(JOURNAL_READY, 0, JOURNAL_FROM_SERVER);
	comes_from(JOURNAL_DROP, 0, JOURNAL_FROM_SERVER);
}
END_TEST

static bool has_slot(enum journal_op op)
{
	return op != JOURNAL_GO && op != JOURNAL_READY;
}

static bool has_object(enum journal_op op)
{
	return has_slot(op) && op != JOURNAL_DROP;
}

START_TEST(slots_have_an_end)
{
	for (int op = JOURNAL_TAKE; op <= JOURNAL_DROP; op++) {
		struct journal_entry r = sound((enum journal_op)op, SHMIPC_SHM);

		r.slot = JOURNAL_SLOTS - 1;
		ck_assert_int_eq(parse(&r, sender_of(op)), 0);
		r.slot = JOURNAL_SLOTS;
		ck_assert_int_eq(parse(&r, sender_of(op)),
				 has_slot(op) ? -EPROTO : 0);
	}
}
END_TEST

START_TEST(objects_in_reports_are_checked)
{
	for (int op = JOURNAL_TAKE; op <= JOURNAL_DROP; op++) {
		struct journal_entry r = sound((enum journal_op)op, SHMIPC_SHM);
		int result = has_object(op) ? -EPROTO : 0;

		r.kind = WIRE_KIND_MAX + 1;
		ck_assert_int_eq(parse(&r, sender_of(op)), result);
		r.kind = SHMIPC_SHM;
		memset(r.name, 'n', sizeof(r.name));
		ck_assert_int_eq(parse(&r, sender_of(op)), result);
		memset(r.name, 0, sizeof(r.name));
		ck_assert_int_eq(parse(&r, sender_of(op)), result);
	}
}
END_TEST

START_TEST(descriptors_of_reports_are_counted)
{
	struct journal_entry r, ret;

	for (int op = JOURNAL_TAKE; op <= JOURNAL_DROP; op++) {
		r = sound((enum journal_op)op, SHMIPC_SHM);
		/* One more, sent only; or said only; or too many, or none. */
		ck_assert_int_eq(journal_parse(&r, sizeof(r), r.fds + 1U,
					       sender_of(op), &ret),
				 -EPROTO);
		r.fds++;
		ck_assert_int_eq(journal_parse(&r, sizeof(r), r.fds - 1U,
					       sender_of(op), &ret),
				 -EPROTO);
		r.fds = WIRE_FDS + 1;
		ck_assert_int_eq(parse(&r, sender_of(op)), -EPROTO);
		r.fds = 0;
		ck_assert_int_eq(
			parse(&r, sender_of(op)),
			op == JOURNAL_TAKE || op == JOURNAL_KEEP ? -EPROTO : 0);
	}
}
END_TEST

START_TEST(strange_reports_are_refused)
{
	struct journal_entry r = sound(JOURNAL_GO, 0), ret;

	ck_assert_int_eq(journal_parse(&r, sizeof(r) - 1, 0,
				       JOURNAL_FROM_SUPERVISOR, &ret),
			 -EPROTO);
	r.op = JOURNAL_DROP + 1;
	ck_assert_int_eq(parse(&r, JOURNAL_FROM_SERVER), -EPROTO);
	ck_assert_int_eq(parse(&r, JOURNAL_FROM_SUPERVISOR), -EPROTO);
	r.op = 0;
	ck_assert_int_eq(parse(&r, JOURNAL_FROM_SUPERVISOR), -EPROTO);
	r = sound(JOURNAL_GO, 0);
	r.version++;
	ck_assert_int_eq(parse(&r, JOURNAL_FROM_SUPERVISOR), -EPROTONOSUPPORT);
	r.magic ^= 1;
	ck_assert_int_eq(parse(&r, JOURNAL_FROM_SUPERVISOR), -EPROTO);
}
END_TEST

static int receive(int sock, struct journal_entry *ret)
{
	struct wire_fds fds = WIRE_NO_FDS;
	int r = journal_receive(sock, JOURNAL_FROM_SERVER, ret, &fds, 0);

	wire_close_fds(&fds);
	return r;
}

START_TEST(reports_of_the_dead_are_read_to_the_end)
{
	struct journal_entry go = sound(JOURNAL_GO, 0), got;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert_int_eq(journal_send(pair[0], &go, NULL), 0);
	for (uint32_t slot = 0; slot < 2; slot++) {
		struct journal_entry keep = sound(JOURNAL_KEEP, SHMIPC_SHM);
		struct wire_fds fds = { { make_memory(), -1, -1, -1 } };

		keep.slot = slot;
		ck_assert_int_eq(journal_send(pair[1], &keep, &fds), 0);
		wire_close_fds(&fds);
	}
	/* It never read GO, which overtakes what it sent. */
	close(pair[1]);
	ck_assert_int_eq(receive(pair[0], &got), -ECONNRESET);
	for (uint32_t slot = 0; slot < 2; slot++) {
		ck_assert_int_eq(receive(pair[0], &got), 0);
		ck_assert_uint_eq(got.slot, slot);
	}
	ck_assert_int_eq(receive(pair[0], &got), -EPIPE);
	ck_assert_int_eq(journal_send(pair[0], &go, NULL), -EPIPE);
	close(pair[0]);
}
END_TEST

TCase *journal_case(void)
{
	TCase *tc = tcase_create("journal");

	tcase_add_test(tc, every_report_comes_from_one_side);
	tcase_add_test(tc, slots_have_an_end);
	tcase_add_test(tc, objects_in_reports_are_checked);
	tcase_add_test(tc, descriptors_of_reports_are_counted);
	tcase_add_test(tc, strange_reports_are_refused);
	tcase_add_test(tc, reports_of_the_dead_are_read_to_the_end);
	return tc;
}
