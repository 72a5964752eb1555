/* SPDX-License-Identifier: MIT */
/*
 * The checks of packets between client and broker, both ways, and between the
 * broker's two processes, both ways, for libFuzzer (make fuzz).
 *
 * The first byte of the input says who sent the packet, how many descriptors
 * came with it, and what the rest is: the packet, or pieces to be written over
 * a sound one, each with one byte for where. The packet ends where its memory
 * does.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/memfd/broker/journal.h"
#include "backends/memfd/wire.h"

enum sender { CLIENT, BROKER, SUPERVISOR, SERVER };

/* Abort if a condition does not hold that must hold for any bytes. */
static void must(int is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static void patch(char *packet, size_t length, const uint8_t *data, size_t size)
{
	while (size >= 3) {
		size_t at = data[0];
		size_t n = data[1] % 9U;

		if (n > size - 2)
			n = size - 2;
		if (at > length)
			at = length;
		if (n > length - at)
			n = length - at;
		memcpy(packet + at, data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
}

/* Returns memory of exactly the packet's length. op 0: it is the data. */
static char *make(const uint8_t *data, size_t size, enum sender from, int op,
		  size_t *length)
{
	struct wire m = wire_make((enum wire_op)op, SHMIPC_SEM, "name");
	struct journal_entry r =
		journal_make((enum journal_op)op, SHMIPC_SEM, "name");
	const void *sound = from < SUPERVISOR ? (void *)&m : (void *)&r;
	char *packet;

	*length = !op ? size : from < SUPERVISOR ? sizeof(m) : sizeof(r);
	packet = malloc(*length);
	must(packet || *length == 0, "no memory");
	if (op) {
		memcpy(packet, sound, *length);
		patch(packet, *length, data, size);
	} else if (size) {
		memcpy(packet, data, size);
	}
	return packet;
}

static int is_name(const char *name, size_t size)
{
	const char *end = memchr(name, '\0', size);

	if (!end || !shmipc_name_is_valid(name))
		return 0;
	while (end < name + size)
		if (*end++)
			return 0;
	return 1;
}

static int is_kind(uint32_t kind)
{
	return kind >= 1 && kind <= WIRE_KIND_MAX;
}

static void check_request(const struct wire *m)
{
	must(m->op > WIRE_HELLO, "a client that greets");
	must(m->result == 0, "a request with a result");
	must(is_kind(m->kind), "no such kind");
	must(m->op >= WIRE_NEXT || is_name(m->name, sizeof(m->name)),
	     "a request about no name");
	must(m->op == WIRE_NEXT_ORPHAN || m->flags == 0, "flags in a request");
}

static void check_reply(const struct wire *m)
{
	must(m->result <= 0 && m->result >= -4095, "no errno value");
	if (m->result < 0)
		must(m->fds == 0, "no, and descriptors");
	else if (m->op == WIRE_OPEN)
		must(m->fds >= 1 && m->fds <= WIRE_FDS, "not its descriptors");
	else if (m->op >= WIRE_NEXT)
		must(is_name(m->name, sizeof(m->name)), "no name next");
	if (m->op == WIRE_NEXT && m->result == 0) {
		must(is_kind(m->kind), "a next of no kind");
		must(m->fds <= 1, "too many descriptors next");
		must(!(m->flags & ~WIRE_LAST), "unknown flags next");
	}
}

static int check_wire(const char *packet, size_t length, unsigned fds,
		      enum sender from)
{
	struct wire ret, was;
	int r;

	memset(&was, 0x5a, sizeof(was));
	ret = was;
	r = wire_parse(packet, length, fds,
		       from == CLIENT ? WIRE_FROM_CLIENT : WIRE_FROM_BROKER,
		       &ret);
	if (r == -EPROTO)
		must(memcmp(&ret, &was, sizeof(ret)) == 0,
		     "something of what was refused");
	if (r < 0)
		return r;
	must(length == sizeof(ret), "another length");
	must(memcmp(&ret, packet, sizeof(ret)) == 0, "it was changed");
	must(ret.magic == WIRE_MAGIC, "another magic");
	if (ret.op == WIRE_HELLO && ret.oldest)
		must(ret.version >= WIRE_OLDEST && ret.oldest <= WIRE_VERSION,
		     "no version in common");
	else
		must(ret.version >= WIRE_OLDEST && ret.version <= WIRE_VERSION,
		     "a version that we do not speak");
	must(ret.op >= WIRE_HELLO && ret.op <= WIRE_NEXT_ORPHAN, "no such op");
	must(ret.fds == fds && fds <= WIRE_FDS, "other descriptors");
	if (from == CLIENT)
		check_request(&ret);
	else
		check_reply(&ret);
	return 0;
}

static void check_object(const struct journal_entry *r)
{
	must(is_kind(r->kind), "no such kind");
	must(is_name(r->name, sizeof(r->name)), "no name");
	must(r->op == JOURNAL_DONE ? r->fds == 0
				   : r->fds >= 1 && r->fds <= WIRE_FDS,
	     "not its descriptors");
}

static int check_journal(const char *packet, size_t length, unsigned fds,
			 enum sender from)
{
	struct journal_entry ret, was;
	int r;

	memset(&was, 0x5a, sizeof(was));
	ret = was;
	r = journal_parse(packet, length, fds,
			  from == SUPERVISOR ? JOURNAL_FROM_SUPERVISOR
					     : JOURNAL_FROM_SERVER,
			  &ret);
	if (r < 0) {
		must(memcmp(&ret, &was, sizeof(ret)) == 0,
		     "something of what was refused");
		return r;
	}
	must(length == sizeof(ret), "another length");
	must(memcmp(&ret, packet, sizeof(ret)) == 0, "it was changed");
	must(ret.magic == JOURNAL_MAGIC, "another magic");
	must(ret.version == JOURNAL_VERSION, "another version");
	must(ret.fds == fds && fds <= WIRE_FDS, "other descriptors");
	must(from == SUPERVISOR
		     ? ret.op >= JOURNAL_TAKE && ret.op <= JOURNAL_GO
		     : ret.op >= JOURNAL_READY && ret.op <= JOURNAL_DROP,
	     "not the sender's op");
	if (ret.op == JOURNAL_TAKE || ret.op == JOURNAL_KEEP ||
	    ret.op == JOURNAL_DROP || ret.op == JOURNAL_DONE)
		must(ret.slot < JOURNAL_SLOTS, "no such slot");
	if (ret.op == JOURNAL_TAKE || ret.op == JOURNAL_KEEP ||
	    ret.op == JOURNAL_DONE)
		check_object(&ret);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum sender from;
	size_t length;
	char *packet;
	unsigned fds;
	int r;

	if (size == 0)
		return 0;
	from = (enum sender)(*data & 3);
	fds = *data >> 2 & 3;
	packet = make(data + 1, size - 1, from, *data >> 4 & 7, &length);
	r = from < SUPERVISOR ? check_wire(packet, length, fds, from)
			      : check_journal(packet, length, fds, from);
	must(r == 0 || r == -EPROTO || r == -EPROTONOSUPPORT,
	     "a code that is not documented");
	free(packet);
	return 0;
}
