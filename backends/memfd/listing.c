/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/memfd/client.h"
#include "backends/memfd/listing.h"

int listing_walk(void *conn, const struct shmipc_kind_info *kind,
		 int (*yield)(const char *name, struct wire_fds *fds,
			      void *arg),
		 void *arg)
{
	struct client_walk walk = {
		.client = conn,
		.request = wire_make(WIRE_NEXT, (uint32_t)kind->kind, NULL),
	};
	struct wire_fds fds;
	struct wire reply;
	int r, over = 0;

	while (!over && (r = client_walk_next(&walk, &reply, &fds)) == 0) {
		over = yield(reply.name, &fds, arg);
		wire_close_fds(&fds);
	}
	client_walk_end(&walk);
	return over || r == -ENOENT ? 0 : r;
}

/* What brokers there were: ours, and the one that runs, if one does. */
int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg)
{
	struct wire request =
		wire_make(WIRE_NEXT, (uint32_t)shmipc_kind_at(0)->kind, NULL);
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

static void report_orphan(const struct wire *reply, struct shmipc_gc *gc)
{
	struct shmipc_info info = {
		.kind = (enum shmipc_kind)reply->kind,
		.uid = geteuid(),
		.gid = getegid(),
		.transient = 1,
	};

	strcpy(info.name, reply->name);
	shmipc_gc_found(gc, &info);
}

/* Go through the orphans of one kind that the broker names. */
static int gc_kind(void *conn, struct wire *request, struct shmipc_gc *gc)
{
	struct wire_fds none;
	struct wire reply;
	int r;

	for (;;) {
		request->broker_id = CLIENT_ANY;
		r = client_ask(conn, CLIENT_ASK, request, NULL, &reply, &none);
		if (r < 0)
			break;
		report_orphan(&reply, gc);
		if (gc->over)
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

int memfd_gc(void *conn, struct shmipc_gc *gc)
{
	const struct shmipc_kind_info *kind;
	int r = 0;

	for (unsigned i = 0; r == 0 && !gc->over && (kind = shmipc_kind_at(i));
	     i++) {
		struct wire request =
			wire_make(WIRE_NEXT_ORPHAN, (uint32_t)kind->kind, NULL);

		request.flags = gc->remove ? WIRE_FORGET : 0;
		r = gc_kind(conn, &request, gc);
	}
	return r;
}
