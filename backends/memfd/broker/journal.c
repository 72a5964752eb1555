/* SPDX-License-Identifier: MIT */
/* What the broker's two processes say to each other. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "backends/memfd/broker/journal.h"

static bool has_object(const struct report *r)
{
	return (r->kind == SHMIPC_SHM || r->kind == SHMIPC_SEM) &&
	       wire_has_name(r->name) && r->slot < REPORT_SLOTS;
}

static bool is_sound(const struct report *r, enum report_from from)
{
	switch (r->op) {
	case REPORT_TAKE:
		return from == REPORT_FROM_KEEPER && has_object(r) &&
		       r->fds == wire_fds_of(r->kind);
	case REPORT_KEEP:
		return from == REPORT_FROM_WORKER && has_object(r) &&
		       r->fds == wire_fds_of(r->kind);
	case REPORT_DONE:
		return from == REPORT_FROM_KEEPER && has_object(r) &&
		       r->fds == 0;
	case REPORT_GO:
		return from == REPORT_FROM_KEEPER && r->fds == 0;
	case REPORT_READY:
		return from == REPORT_FROM_WORKER && r->fds == 0;
	case REPORT_DROP:
		return from == REPORT_FROM_WORKER && r->slot < REPORT_SLOTS &&
		       r->fds == 0;
	default:
		return false;
	}
}

int report_parse(const void *bytes, size_t length, unsigned fds,
		 enum report_from from, struct report *ret)
{
	struct report r;

	if (length != sizeof(r))
		return -EPROTO;
	memcpy(&r, bytes, sizeof(r));
	if (r.magic != REPORT_MAGIC)
		return -EPROTO;
	if (r.version != REPORT_VERSION)
		return -EPROTONOSUPPORT;
	if (r.fds != fds || !is_sound(&r, from) ||
	    (from == REPORT_FROM_WORKER) != (r.order > 0))
		return -EPROTO;
	*ret = r;
	return 0;
}

struct report report_make(enum report_op op, uint32_t kind, const char *name)
{
	struct report r = {
		.magic = REPORT_MAGIC,
		.version = REPORT_VERSION,
		.op = (uint16_t)op,
		.kind = kind,
	};

	if (name)
		memcpy(r.name, name, strnlen(name, sizeof(r.name) - 1));
	return r;
}

int report_send(int sock, const struct report *report,
		const struct wire_fds *fds)
{
	return wire_send_packet(sock, report, sizeof(*report), report->fds, fds,
				0);
}

int report_receive(int sock, enum report_from from, struct report *ret,
		   struct wire_fds *fds, int flags)
{
	char bytes[sizeof(struct report) + 1];
	struct wire_fds got;
	unsigned count;
	ssize_t n;
	int r;

	n = wire_receive_packet(sock, bytes, sizeof(bytes), &count, &got,
				flags);
	if (n < 0)
		return (int)n;
	r = report_parse(bytes, (size_t)n, count, from, ret);
	if (r < 0) {
		wire_close_fds(&got);
		return r;
	}
	*fds = got;
	return 0;
}
