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
		     offsetof(struct shmi_header, note)) == sizeof(note) &&
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
static int tell(void *conn, const struct wire *answer, struct wire_fds *fds,
		int (*found)(const char *name, void *arg), void *arg)
{
	struct offer offer = {
		.conn = conn,
		.kind = (enum shmipc_kind)answer->kind,
		.name = answer->name,
		.fds = *fds,
	};
	int over;

	offered = offer.fds.fd[0] >= 0 ? &offer : NULL;
	over = found(answer->name, arg);
	offered = NULL;
	wire_close_fds(&offer.fds);
	return over;
}

int memfd_segment_list(void *conn, enum shmipc_kind kind,
		       int (*found)(const char *name, void *arg), void *arg)
{
	struct client_walk walk = {
		.client = conn,
		.question = wire_make(WIRE_NEXT, kind, NULL),
	};
	struct wire_fds fds;
	struct wire answer;
	int r;

	do
		r = client_walk_next(&walk, &answer, &fds);
	while (r == 0 && !tell(conn, &answer, &fds, found, arg));
	client_walk_end(&walk);
	return r == -ENOENT ? 0 : r;
}

/* What brokers there were: ours, and the one that runs, if one does. */
int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg)
{
	struct wire question = wire_make(WIRE_NEXT, SHMIPC_SHM, NULL);
	struct client *client = conn;
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire answer = { .incarnation = 0 };
	int r;

	if (held_incarnation(&client->held) == 0)
		return 0;
	question.incarnation = CLIENT_ANY;
	question.cursor = UINT32_MAX; /* behind them all: one answer */
	r = client_ask(conn, CLIENT_ASK, &question, NULL, &answer, &fds);
	wire_close_fds(&fds);
	if (r < 0 && r != -ENOENT)
		return r;
	return held_walk_lost(&client->held, answer.incarnation, found, arg);
}

/* ---- garbage ------------------------------------------------------------ */

struct ghosts {
	int (*found)(const struct shmipc_info *info, void *arg);
	void *arg;
	bool over;
};

static int found_ghost(const struct wire *answer, struct ghosts *ghosts)
{
	struct shmipc_info info = {
		.kind = (enum shmipc_kind)answer->kind,
		.uid = geteuid(),
		.gid = getegid(),
		.transient = 1,
	};

	strcpy(info.name, answer->name);
	ghosts->over = ghosts->found(&info, ghosts->arg) != 0;
	return ghosts->over;
}

/* Go through the ghosts that the broker names, until found_ghost() says so. */
static int walk_ghosts(void *conn, struct wire *question, struct ghosts *ghosts)
{
	struct wire_fds none;
	struct wire answer;
	int r;

	for (;;) {
		question->incarnation = CLIENT_ANY;
		r = client_ask(conn, CLIENT_ASK, question, NULL, &answer,
			       &none);
		if (r < 0 || found_ghost(&answer, ghosts))
			break;
		/* It only ever grows, so that the walk ends. */
		if (answer.cursor <= question->cursor)
			return shmipc_backend_error(
				-ECONNREFUSED, "the broker's listing turns in "
					       "circles");
		question->cursor = answer.cursor;
	}
	return r == -ENOENT ? 0 : r;
}

int memfd_collect(void *conn, int remove,
		  int (*found)(const struct shmipc_info *info, void *arg),
		  void *arg)
{
	struct ghosts ghosts = { .found = found, .arg = arg };
	int r = 0;

	for (size_t i = 0; i < SHMI_KINDS && r == 0 && !ghosts.over; i++) {
		struct wire question =
			wire_make(WIRE_NEXT_GHOST, shmi_kinds[i], NULL);

		question.flags = remove ? WIRE_FORGET : 0;
		r = walk_ghosts(conn, &question, &ghosts);
	}
	return r;
}
