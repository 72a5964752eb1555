/* SPDX-License-Identifier: MIT */
/* The journal: the protocol between the broker's two processes. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/memfd/broker/journal.h"

static bool entry_has_object(const struct journal_entry *r)
{
	return wire_has_kind(r->kind) && wire_has_name(r->name) &&
	       r->slot < JOURNAL_SLOTS;
}

static bool entry_has_fds(const struct journal_entry *r)
{
	return r->fds >= 1 && r->fds <= WIRE_FDS;
}

static bool entry_is_sound(const struct journal_entry *r,
			   enum journal_from from)
{
	switch (r->op) {
	case JOURNAL_TAKE:
		return from == JOURNAL_FROM_SUPERVISOR && entry_has_object(r) &&
		       entry_has_fds(r);
	case JOURNAL_KEEP:
		return from == JOURNAL_FROM_SERVER && entry_has_object(r) &&
		       entry_has_fds(r);
	case JOURNAL_DONE:
		return from == JOURNAL_FROM_SUPERVISOR && entry_has_object(r) &&
		       r->fds == 0;
	case JOURNAL_GO:
		return from == JOURNAL_FROM_SUPERVISOR && r->fds == 0;
	case JOURNAL_READY:
		return from == JOURNAL_FROM_SERVER && r->fds == 0;
	case JOURNAL_DROP:
		return from == JOURNAL_FROM_SERVER && r->slot < JOURNAL_SLOTS &&
		       r->fds == 0;
	default:
		return false;
	}
}

int journal_parse(const void *bytes, size_t length, unsigned fds,
		  enum journal_from from, struct journal_entry *ret)
{
	struct journal_entry r;

	if (length != sizeof(r))
		return -EPROTO;
	memcpy(&r, bytes, sizeof(r));
	if (r.magic != JOURNAL_MAGIC)
		return -EPROTO;
	if (r.version != JOURNAL_VERSION)
		return -EPROTONOSUPPORT;
	if (r.fds != fds || !entry_is_sound(&r, from))
		return -EPROTO;
	*ret = r;
	return 0;
}

struct journal_entry journal_make(enum journal_op op, uint32_t kind,
				  const char *name)
{
	struct journal_entry r = {
		.magic = JOURNAL_MAGIC,
		.version = JOURNAL_VERSION,
		.op = (uint16_t)op,
		.kind = kind,
	};

	if (name)
		memcpy(r.name, name, strnlen(name, sizeof(r.name) - 1));
	return r;
}

int journal_send(int sock, const struct journal_entry *entry,
		 const struct wire_fds *fds)
{
	return wire_send_packet(sock, entry, sizeof(*entry), entry->fds, fds,
				0);
}

int journal_receive(int sock, enum journal_from from, struct journal_entry *ret,
		    struct wire_fds *fds, int flags)
{
	char bytes[sizeof(struct journal_entry) + 1];
	struct wire_fds got;
	unsigned count;
	ssize_t n;
	int r;

	n = wire_receive_packet(sock, bytes, sizeof(bytes), &count, &got,
				flags);
	if (n < 0)
		return (int)n;
	r = journal_parse(bytes, (size_t)n, count, from, ret);
	if (r < 0) {
		wire_close_fds(&got);
		return r;
	}
	*fds = got;
	return 0;
}
