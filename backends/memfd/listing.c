/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/memfd/client.h"
#include "backends/memfd/listing.h"
#include "backends/memfd/memory.h"

/* ---- segments ----------------------------------------------------------- */

#define LISTING_FLAGS                                                          \
	(SHMIPC_SEGMENT_PEEK | SHMIPC_SEGMENT_RDONLY | SHMIPC_SEGMENT_NOWAIT)

static int peek_by_name(struct shmipc_segment *seg)
{
	struct wire_fds fds;
	struct wire reply;
	int r;

	r = memory_request(seg, LISTING_FLAGS, &reply, &fds);
	if (r < 0)
		return r;
	r = memory_map(seg, fds.fd[0], LISTING_FLAGS);
	wire_close_fds(&fds);
	return r;
}

/* Map the header of a listed object; takes the descriptors. */
static int peek_listed(struct shmipc_segment *seg, struct wire_fds *fds)
{
	int r;

	if (fds->fd[0] < 0)
		return peek_by_name(seg); /* the broker could not send it */
	r = memory_map(seg, fds->fd[0], LISTING_FLAGS);
	wire_close_fds(fds);
	if (r < 0 || shmipc_segment_word(seg->addr) != WIRE_NAMELESS)
		return r;
	/*
	 * Its header says that it was unlinked since then. A process that may
	 * write the header can lie there, so ask the broker. Another object may
	 * have the name now.
	 */
	fdmem_unmap(seg);
	memset(seg->priv, 0, sizeof(struct memfd));
	return peek_by_name(seg);
}

/* List those of seg->kind. Returns 1 if found() wanted no more. */
static int list_kind(struct shmipc_segment *seg,
		     int (*found)(struct shmipc_segment *seg, void *arg),
		     void *arg)
{
	struct client_walk walk = {
		.conn = seg->conn,
		.request =
			wire_make(WIRE_NEXT, (uint32_t)seg->kind->kind, NULL),
	};
	struct wire_fds fds;
	struct wire reply;
	int r = 0, over = 0;

	while (!over && (r = client_walk_next(&walk, &reply, &fds)) == 0) {
		seg->name = reply.name;
		if (peek_listed(seg, &fds) == 0) {
			over = found(seg, arg);
			fdmem_unmap(seg);
		}
		memset(seg->priv, 0, sizeof(struct memfd));
	}
	client_walk_end(&walk);
	if (over)
		return 1;
	return r == -ENOENT ? 0 : r;
}

int memfd_segment_list(struct shmipc_segment *seg,
		       int (*found)(struct shmipc_segment *seg, void *arg),
		       void *arg)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && (seg->kind = shmipc_kind_at(i)); i++)
		r = list_kind(seg, found, arg);
	return r < 0 ? r : 0;
}

/* ---- lost names --------------------------------------------------------- */

int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg)
{
	struct wire request =
		wire_make(WIRE_NEXT, (uint32_t)shmipc_kind_at(0)->kind, NULL);
	struct memfd_conn *c = conn;
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire reply = { .broker_id = 0 }; /* if no broker runs */
	int r;

	if (binding_broker_id(&c->bindings) == 0)
		return 0;
	request.broker_id = CLIENT_ANY;
	request.cursor = UINT32_MAX; /* behind all objects: one reply */
	r = client_ask(conn, CLIENT_ASK, &request, NULL, &reply, &fds);
	wire_close_fds(&fds);
	if (r < 0 && r != -ENOENT)
		return r;
	return binding_walk_lost(&c->bindings, reply.broker_id, found, arg);
}

/* ---- orphans ------------------------------------------------------------ */

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

/* Report the orphans of one kind, as the broker names them. */
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
		/* The cursor only ever grows, so that the loop ends. */
		if (reply.cursor <= request->cursor)
			return shmipc_backend_error(
				-ECONNREFUSED, "the broker's listing makes no "
					       "sense");
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
