/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "backends/memfd/client.h"
#include "backends/memfd/listing.h"
#include "core/header.h"
#include "core/name.h"
#include "util/tls.h"

/* ---- what there is ------------------------------------------------------ */

/*
 * What the broker sent about the object that found() is just told of. Who opens
 * it for a look, on this thread and as the first, gets it. It lives on the
 * stack of memfd_segment_list().
 */
struct offer {
	const void *conn;
	enum shmipc_kind kind;
	const char *name;
	struct wire_fds fds;
};

static _Thread_local struct offer *offered SHMI_TLS;

/* Was it unlinked since it was sent? The broker notes that in it. */
static bool is_nameless(int fd)
{
	uint64_t note;

	return pread(fd, &note, sizeof(note),
		     offsetof(struct shmi_header, backend_word)) ==
		       sizeof(note) &&
	       note == WIRE_NAMELESS;
}

bool listing_has(const struct shmipc_segment *seg, struct wire_fds *ret)
{
	struct offer *o = offered;

	if (!o || o->conn != seg->conn || o->kind != seg->kind ||
	    strcmp(o->name, seg->name) != 0)
		return false;
	offered = NULL;
	/* Whoever may write it may write the note, too: the broker knows. */
	if (is_nameless(o->fds.fd[0])) {
		wire_close_fds(&o->fds);
		return false;
	}
	*ret = o->fds;
	o->fds = WIRE_NO_FDS;
	return true;
}

/* found() is told of one. */
static int tell(void *conn, const struct wire *reply, struct wire_fds *fds,
		int (*found)(const char *name, void *arg), void *arg)
{
	struct offer offer = {
		.conn = conn,
		.kind = (enum shmipc_kind)reply->kind,
		.name = reply->name,
		.fds = *fds,
	};
	int over;

	offered = offer.fds.fd[0] >= 0 ? &offer : NULL;
	over = found(reply->name, arg);
	offered = NULL;
	wire_close_fds(&offer.fds);
	return over;
}

int memfd_segment_list(void *conn, enum shmipc_kind kind,
		       int (*found)(const char *name, void *arg), void *arg)
{
	struct client_walk walk = {
		.client = conn,
		.request = wire_make(WIRE_NEXT, kind, NULL),
	};
	struct wire_fds fds;
	struct wire reply;
	int r;

	do
		r = client_walk_next(&walk, &reply, &fds);
	while (r == 0 && !tell(conn, &reply, &fds, found, arg));
	client_walk_end(&walk);
	return r == -ENOENT ? 0 : r;
}

/* What brokers there were: ours, and the one that batches, if one does. */
int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg)
{
	struct wire request = wire_make(WIRE_NEXT, SHMIPC_SHM, NULL);
	struct client *client = conn;
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire reply = { .broker_id = 0 };
	int r;

	if (binding_broker_id(&client->bindings) == 0)
		return 0;
	request.broker_id = CLIENT_ANY;
	request.cursor = UINT32_MAX; /* behind them all: one reply */
	r = client_ask(conn, CLIENT_ASK, &request, NULL, &reply, &fds);
	wire_close_fds(&fds);
	if (r < 0 && r != -ENOENT)
		return r;
	return binding_walk_lost(&client->bindings, reply.broker_id, found,
				 arg);
}

/* ---- garbage ------------------------------------------------------------ */

struct orphans {
	int (*found)(const struct shmipc_info *info, void *arg);
	void *arg;
	bool over;
};

static int found_orphan(const struct wire *reply, struct orphans *orphans)
{
	struct shmipc_info info = {
		.kind = (enum shmipc_kind)reply->kind,
		.uid = geteuid(),
		.gid = getegid(),
		.transient = 1,
	};

	strcpy(info.name, reply->name);
	orphans->over = orphans->found(&info, orphans->arg) != 0;
	return orphans->over;
}

/* Go through the orphans that the broker names, until found_orphan() says so. */
static int walk_orphans(void *conn, struct wire *request,
			struct orphans *orphans)
{
	struct wire_fds none;
	struct wire reply;
	int r;

	for (;;) {
		request->broker_id = CLIENT_ANY;
		r = client_ask(conn, CLIENT_ASK, request, NULL, &reply, &none);
		if (r < 0 || found_orphan(&reply, orphans))
			break;
		/* It only ever grows, so that the walk ends. */
		if (reply.cursor <= request->cursor)
			return shmipc_backend_error(
				-ECONNREFUSED, "the broker's listing turns in "
					       "circles");
		request->cursor = reply.cursor;
	}
	return r == -ENOENT ? 0 : r;
}

int memfd_gc(void *conn, int remove,
	     int (*found)(const struct shmipc_info *info, void *arg), void *arg)
{
	struct orphans orphans = { .found = found, .arg = arg };
	int r = 0;

	for (size_t i = 0; i < SHMI_KINDS && r == 0 && !orphans.over; i++) {
		struct wire request =
			wire_make(WIRE_NEXT_ORPHAN, shmi_kinds[i], NULL);

		request.flags = remove ? WIRE_FORGET : 0;
		r = walk_orphans(conn, &request, &orphans);
	}
	return r;
}
