/* SPDX-License-Identifier: MIT */
/* The program's side of the conversation with the broker. */
#ifndef SHMI_MEMFD_CLIENT_H
#define SHMI_MEMFD_CLIENT_H

#include "backends/memfd/binding.h"
#include "backends/memfd/connection.h"

/* The private bytes of a connection to this backend; zeroed at first. */
struct memfd_conn {
	struct connection_slot kept; /* for the next request */
	/*
	 * Between two steps of a walk: the connection with the rest of its
	 * batch. A request that can get no other connection takes this one, and
	 * the walk then asks again. Other walks keep theirs for themselves.
	 */
	struct connection_slot parked;
	struct bindings bindings;
};

void client_close(struct memfd_conn *conn);

enum client_how {
	CLIENT_START,	/* start a broker if none runs */
	CLIENT_ASK,	/* start none */
	CLIENT_BRIEFLY, /* start none, and wait at most 0.1 s for the reply */
};

/* A broker id: the names of any broker. */
#define CLIENT_ANY UINT32_MAX

/*
 * Send a request to the broker and wait for the reply. fds, if not NULL, are
 * sent along; the descriptors of the reply, in *reply_fds, are the caller's.
 *
 * A connection that ends before the reply means that the broker was leaving, or
 * that it or its server was killed: then the request is sent again. If another
 * broker runs by then, an object that was to be unlinked has lost its name,
 * which counts as success.
 *
 * A request that adds, opens or unlinks means the names of the broker that the
 * open objects of this connection are bound to (binding.h), or, if
 * request->broker_id is set, those of that broker or of any.
 *
 * Returns the result in the reply, or
 *   -ENOENT        no broker runs and none is started: no object has a name
 *   -ESTALE        the broker that the open objects are bound to is gone
 *   -ECONNREFUSED  the broker cannot be reached, started or trusted
 *   -ETIMEDOUT     it did not reply
 *   -EMFILE        no descriptor left
 */
int client_ask(struct memfd_conn *conn, enum client_how how,
	       struct wire *request, const struct wire_fds *fds,
	       struct wire *reply, struct wire_fds *reply_fds);

/*
 * A walk over the objects of one kind, by WIRE_NEXT. It starts with zeros, conn
 * and request. Between two steps, replies of a batch that have not been read
 * wait in a connection that no request uses, so that the caller may do what it
 * likes there: ask, fork, close descriptors. The walk recognises its connection
 * by the nonce of its request. If the connection is gone, the walk begins
 * another batch at its cursor.
 *
 * One thread does all steps.
 */
struct client_walk {
	struct memfd_conn *conn;
	struct wire request;	    /* its cursor moves on */
	struct connection_slot own; /* used if conn->parked is taken */
};

/*
 * The next object: reply has its name; *fds is the caller's, and empty if the
 * broker could not send descriptors.
 *   -ENOENT        no more objects, or no broker
 *   -ECONNREFUSED -ETIMEDOUT -EMFILE  as client_ask()
 */
int client_walk_next(struct client_walk *walk, struct wire *reply,
		     struct wire_fds *fds);

/* To be called after the last step, whatever that returned. */
void client_walk_end(struct client_walk *walk);

#endif
