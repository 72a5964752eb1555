/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backends/memfd/client.h"
#include "backends/memfd/listing.h"
#include "core/name.h"

/* Go through the broker's answers to question, until found() says so. */
static int walk(void *conn, struct wire *question,
		int (*found)(const struct wire *answer, void *arg), void *arg)
{
	struct wire_fds none;
	struct wire answer;
	int r;

	for (;;) {
		question->incarnation = CLIENT_ANY;
		r = client_ask(conn, CLIENT_ASK, question, NULL, &answer,
			       &none);
		if (r < 0 || found(&answer, arg))
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

struct names {
	int (*found)(const char *name, void *arg);
	void *arg;
};

static int found_name(const struct wire *answer, void *arg)
{
	const struct names *names = arg;

	return names->found(answer->name, names->arg);
}

int memfd_segment_list(void *conn, enum shmipc_kind kind,
		       int (*found)(const char *name, void *arg), void *arg)
{
	struct wire question = wire_make(WIRE_NEXT, kind, NULL);
	struct names names = { .found = found, .arg = arg };

	return walk(conn, &question, found_name, &names);
}

struct ghosts {
	int (*found)(const struct shmipc_info *info, void *arg);
	void *arg;
	bool over;
};

static int found_ghost(const struct wire *answer, void *arg)
{
	struct ghosts *ghosts = arg;
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

/* What brokers there were: ours, and the one that runs, if one does. */
int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg)
{
	struct wire question = wire_make(WIRE_NEXT, SHMIPC_SHM, NULL);
	struct client *client = conn;
	struct wire_fds none;
	struct wire answer = { .incarnation = 0 };
	int r;

	if (held_incarnation(&client->held) == 0)
		return 0;
	question.incarnation = CLIENT_ANY;
	r = client_ask(conn, CLIENT_ASK, &question, NULL, &answer, &none);
	if (r < 0 && r != -ENOENT)
		return r;
	return held_walk_lost(&client->held, answer.incarnation, found, arg);
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
		r = walk(conn, &question, found_ghost, &ghosts);
	}
	return r;
}
