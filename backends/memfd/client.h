/* SPDX-License-Identifier: MIT */
/* The program's side of the conversation with the broker. */
#ifndef SHMI_MEMFD_CLIENT_H
#define SHMI_MEMFD_CLIENT_H

#include <stdatomic.h>

#include "backends/memfd/binding.h"
#include "backends/memfd/connection.h"

/*
 * A connection kept for the next request, or NULL. Whoever wants it takes it
 * with an atomic exchange and puts it back when the reply is there; another
 * thread that comes meanwhile makes one of its own. So there is no lock that
 * fork() could leave locked, and no two processes ask over one connection: a
 * child finds its parent's process id and closes its copy.
 */
struct client {
	struct connection *_Atomic kept;
	/*
	 * The same for a batch that is not read to its end, of the walk that
	 * came first. A request that can have no other connection takes it;
	 * the walk asks again then.
	 */
	struct connection *_Atomic parked;
	_Atomic(const void *) parker; /* that walk, or NULL */
	struct bindings bindings;
};

void client_close(struct client *client);

enum client_how {
	CLIENT_START,	/* start a broker if there is none */
	CLIENT_ASK,	/* do not */
	CLIENT_BRIEFLY, /* nor wait for it longer than 0.1 s */
};

#define CLIENT_ANY UINT32_MAX

/*
 * Ask the broker. fds, if not NULL, go along; descriptors of the reply are in
 * *reply_fds, the caller's.
 *
 * A connection that ends before the reply means that the broker was leaving,
 * or that it or its server was killed: the request is asked again, of the next
 * one. If that is another broker, what was to be unlinked has lost its name.
 *
 * A request that adds, opens or unlinks means names of the broker id of what
 * is open here; of another, or any, if request->broker_id says so.
 *
 * Returns the reply's result, or
 *   -ENOENT        there is no broker, and none is started: nothing has a name
 *   -ESTALE        the broker is gone that what is open here had its name from
 *   -ECONNREFUSED  the broker cannot be reached, started or trusted
 *   -ETIMEDOUT     it did not reply
 *   -EMFILE        no descriptor left
 */
int client_ask(struct client *client, enum client_how how, struct wire *request,
	       const struct wire_fds *fds, struct wire *reply,
	       struct wire_fds *reply_fds);

/*
 * A walk over the objects of one kind, by WIRE_NEXT: start with zeros, client
 * and request. Replies of a batch that were not read yet wait in a connection of
 * the walk's, so that whatever is done between two steps may send requests,
 * fork and close what it likes.
 *
 * One thread does all steps.
 */
struct client_walk {
	struct client *client;
	struct wire request;		  /* its cursor goes on */
	struct connection *_Atomic *slot; /* client->parked, or own */
	struct connection *_Atomic own;
	bool has_begun;
};

/*
 * The next object: reply has its name; *fds is the caller's, and empty if the
 * broker could not send it.
 *   -ENOENT        no more, or there is no broker
 *   -ECONNREFUSED -ETIMEDOUT -EMFILE  as client_ask()
 */
int client_walk_next(struct client_walk *walk, struct wire *reply,
		     struct wire_fds *fds);

/* After the last step, whatever it said. */
void client_walk_end(struct client_walk *walk);

#endif
