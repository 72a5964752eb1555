/* SPDX-License-Identifier: MIT */
/* The program's side of the conversation with the broker: requests, walks. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/client.h"
#include "util/clock.h"
#include "util/debug.h"
#include "util/random.h"

/* How long CLIENT_BRIEFLY waits for the reply. */
#define BRIEF_MS 100

void client_close(struct memfd_conn *conn)
{
	struct connection connection;

	if (connection_take(&conn->kept, getpid(), &connection))
		close(connection.sock);
	if (connection_take(&conn->parked, getpid(), &connection))
		close(connection.sock);
	binding_close(&conn->bindings);
}

/* Are too many descriptors of this user in flight? See unix(7). */
static bool is_crowded(int err)
{
	return err == -ETOOMANYREFS;
}

/* ---- one reply ---------------------------------------------------------- */

static bool is_reply_to(const struct wire *request, const struct wire *reply)
{
	return reply->op == request->op && reply->nonce == request->nonce;
}

static int await_reply(int sock, const struct wire *request, struct wire *reply,
		       struct wire_fds *fds, const struct timespec *deadline)
{
	int r;

	r = connection_receive(sock, deadline, reply, fds);
	if (r < 0)
		return r;
	if (is_reply_to(request, reply))
		return 0;
	wire_close_fds(fds);
	return shmipc_backend_error(-ECONNREFUSED,
				    "the broker answered another request");
}

/*
 * No reply in time. Closing our descriptor would not tell the broker that we no
 * longer wait, since a forked child may have a copy; shutdown(2) does, and the
 * broker then takes back what it did. A reply that came in between counts.
 */
static int give_up(int sock, const struct wire *request, struct wire *reply,
		   struct wire_fds *fds)
{
	int r;

	(void)shutdown(sock, SHUT_RDWR);
	r = wire_receive(sock, WIRE_FROM_BROKER, reply, fds);
	if (r == 0 && is_reply_to(request, reply))
		return 0;
	if (r == 0)
		wire_close_fds(fds);
	return -ETIMEDOUT;
}

static int await_or_give_up(int sock, const struct wire *request,
			    struct wire *reply, struct wire_fds *fds,
			    const struct timespec *deadline)
{
	int r = await_reply(sock, request, reply, fds, deadline);

	return r == -ETIMEDOUT ? give_up(sock, request, reply, fds) : r;
}

/* ---- batches ------------------------------------------------------------ */

/* Is this a reply of a batch that continues after it? */
static bool is_followed(const struct wire *reply)
{
	return reply->op == WIRE_NEXT && reply->result == 0 &&
	       !(reply->flags & WIRE_LAST);
}

/*
 * Put back the connection that this reply came over. walk is NULL for a request
 * that is not part of a walk.
 */
static void put_back(struct memfd_conn *conn, struct client_walk *walk,
		     const struct wire *reply,
		     const struct connection *connection)
{
	if (!is_followed(reply))
		connection_keep(&conn->kept, connection);
	else if (!walk || connection->unread == 0)
		close(connection->sock);
	else if (!connection_park(&conn->parked, connection))
		connection_keep(&walk->own, connection);
}

/*
 * Read what is left of a batch, without the descriptors: closing the connection
 * would not free them if a forked child has a copy of it. Returns whether the
 * connection can be used again; otherwise it is closed.
 */
static bool finish_batch(struct connection *connection)
{
	struct wire reply = { .op = WIRE_NEXT };
	int r = 0;

	while (r == 0 && connection->unread > 0 && is_followed(&reply)) {
		connection->unread--;
		r = wire_skip(connection->sock, WIRE_FROM_BROKER, &reply);
		if (r == 0 &&
		    (reply.op != WIRE_NEXT || reply.nonce != connection->nonce))
			r = -EPROTO;
	}
	if (r == 0 && !is_followed(&reply))
		return true;
	close(connection->sock);
	return false;
}

/* ---- requests ----------------------------------------------------------- */

/* One request, sent to one broker after the other if they go away. */
struct asking {
	struct memfd_conn *conn;
	struct client_walk *walk; /* NULL: not part of a walk */
	enum client_how how;
	struct wire *request;
	const struct wire_fds *fds;
	struct timespec deadline;
	pid_t self;
	struct connection asked; /* over which it was sent last */
	bool was_asked;
};

/* The kept connection, or a new one; without descriptors, that of a walk. */
static int get_connection(struct asking *a, struct connection *ret)
{
	bool start = a->how == CLIENT_START;
	int r;

	if (connection_take(&a->conn->kept, a->self, ret))
		return 0;
	r = connection_open(start, ret, &a->deadline);
	if (r != -EMFILE && r != -ENFILE)
		return r;
	if (connection_take(&a->conn->parked, a->self, ret) &&
	    finish_batch(ret))
		return 0;
	return connection_open(start, ret, &a->deadline);
}

static int request_once(struct asking *a, struct wire *reply,
			struct wire_fds *reply_fds)
{
	struct connection connection;
	int r;

	r = get_connection(a, &connection);
	if (r < 0)
		return r;
	/* To another broker than before: all names of the first are lost. */
	if (a->was_asked && a->request->op == WIRE_UNLINK &&
	    a->asked.broker_id != connection.broker_id) {
		*reply = *a->request;
		goto out;
	}
	/* The broker has read all that we sent before: there is room. */
	r = wire_send(connection.sock, a->request, a->fds);
	if (r == 0) {
		a->asked = connection;
		a->was_asked = true;
		r = await_or_give_up(connection.sock, a->request, reply,
				     reply_fds, &a->deadline);
	}
	if (r == -ENOENT)
		r = -EIO; /* to the caller it would mean that no broker runs */
out:
	if (r < 0) {
		close(connection.sock);
		return r;
	}
	connection.unread = WIRE_BATCH - 1;
	connection.nonce = a->request->nonce;
	put_back(a->conn, a->walk, reply, &connection);
	return 0;
}

static int request_until_answered(struct asking *a, struct wire *reply,
				  struct wire_fds *reply_fds)
{
	int r;

	for (unsigned attempt = 0;; attempt++) {
		r = request_once(a, reply, reply_fds);
		if (!(connection_has_ended(r) || is_crowded(r)) ||
		    shmi_clock_reached(&a->deadline))
			break;
		shmi_debug("the connection to the broker ended (%s); asking "
			   "again",
			   strerror(-r));
		shmi_clock_back_off(attempt);
	}
	if (is_crowded(r))
		return shmipc_backend_error(-EMFILE,
					    "too many descriptors of this user "
					    "are in flight between processes");
	if (connection_has_ended(r) || r == -EAGAIN)
		return shmipc_backend_error(-ETIMEDOUT,
					    "the broker did not reply in time");
	if (r == 0 && reply->result == -EMFILE)
		return connection_no_fds_left();
	return r < 0 ? r : reply->result;
}

/* Another broker runs, or none. 0 if no open object has lost its name. */
static int review_bindings(struct memfd_conn *conn)
{
	if (binding_review(&conn->bindings))
		return 0;
	return shmipc_backend_error(
		-ESTALE, "the broker was killed, and the objects that are open "
			 "here have lost their names; close all of them, then "
			 "start anew");
}

/* The result of a request when no broker runs, so that no name exists. */
static int result_without_broker(const struct asking *a)
{
	if (a->request->op == WIRE_UNLINK && a->was_asked)
		return 0; /* the name was lost while we asked */
	return a->request->broker_id ? -ESTALE : -ENOENT;
}

static int ask_for_name(struct asking *a, struct wire *reply,
			struct wire_fds *reply_fds)
{
	struct wire *request = a->request;
	const uint32_t wanted = request->broker_id;
	int r;

	*reply = (struct wire){ .op = 0 };
	request->nonce = shmi_random(a->self);
	for (;;) {
		request->broker_id =
			wanted == CLIENT_ANY ? 0
			: wanted	     ? wanted
				 : binding_broker_id(&a->conn->bindings);
		r = request_until_answered(a, reply, reply_fds);
		if (r == -ENOENT && reply->op == 0)
			r = result_without_broker(a);
		if (r != -ESTALE || wanted || review_bindings(a->conn) < 0)
			return r;
	}
}

int client_ask(struct memfd_conn *conn, enum client_how how,
	       struct wire *request, const struct wire_fds *fds,
	       struct wire *reply, struct wire_fds *reply_fds)
{
	struct asking a = {
		.conn = conn,
		.how = how,
		.request = request,
		.fds = fds,
		.deadline = shmi_clock_in(how == CLIENT_BRIEFLY
						  ? BRIEF_MS
						  : SHMI_PEER_TIMEOUT_MS),
		.self = getpid(),
	};

	return ask_for_name(&a, reply, reply_fds);
}

/* ---- walks -------------------------------------------------------------- */

/* Take the connection that has the rest of this walk's batch. */
static bool take_batch(struct client_walk *walk, struct connection *ret)
{
	pid_t self = getpid();

	if (connection_take(&walk->own, self, ret))
		return true;
	if (!connection_take(&walk->conn->parked, self, ret))
		return false;
	if (ret->nonce == walk->request.nonce)
		return true;
	connection_keep(&walk->conn->parked, ret); /* another walk's */
	return false;
}

/*
 * One more reply of a batch that has begun.
 *   -EPIPE -ECONNRESET  the batch is over, or its connection is gone
 *   -EPROTO             the batch has more replies than it may have
 */
static int next_of_batch(struct client_walk *walk, struct wire *reply,
			 struct wire_fds *fds)
{
	struct connection connection;
	struct timespec deadline;
	int r;

	if (!take_batch(walk, &connection))
		return -EPIPE;
	deadline = shmi_clock_in(SHMI_PEER_TIMEOUT_MS);
	r = await_or_give_up(connection.sock, &walk->request, reply, fds,
			     &deadline);
	if (r < 0) {
		close(connection.sock);
		return r;
	}
	connection.unread--;
	put_back(walk->conn, walk, reply, &connection);
	if (connection.unread > 0 || !is_followed(reply))
		return reply->result;
	wire_close_fds(fds);
	return -EPROTO;
}

static int begin_batch(struct client_walk *walk, struct wire *reply,
		       struct wire_fds *fds)
{
	struct asking a = {
		.conn = walk->conn,
		.walk = walk,
		.how = CLIENT_ASK,
		.request = &walk->request,
		.deadline = shmi_clock_in(SHMI_PEER_TIMEOUT_MS),
		.self = getpid(),
	};

	walk->request.broker_id = CLIENT_ANY;
	return ask_for_name(&a, reply, fds);
}

int client_walk_next(struct client_walk *walk, struct wire *reply,
		     struct wire_fds *fds)
{
	int r;

	r = next_of_batch(walk, reply, fds);
	if (connection_has_ended(r))
		r = begin_batch(walk, reply, fds);
	if (r < 0 && r != -EPROTO)
		return r;
	/* The cursor only ever grows, so that the walk ends. */
	if (r == 0 && wire_same_kind(reply->kind, walk->request.kind) &&
	    reply->cursor > walk->request.cursor) {
		walk->request.cursor = reply->cursor;
		return 0;
	}
	if (r == 0)
		wire_close_fds(fds);
	return shmipc_backend_error(-ECONNREFUSED,
				    "the broker's listing makes no sense");
}

void client_walk_end(struct client_walk *walk)
{
	struct connection connection;

	if (take_batch(walk, &connection) && finish_batch(&connection))
		connection_keep(&walk->conn->kept, &connection);
}
