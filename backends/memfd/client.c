/* SPDX-License-Identifier: MIT */
/* The program's side of the conversation with the broker: connection.c is below. */
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

/* How long a broker may take whose reply is not that important. */
#define BRIEF_MS 100

void client_close(struct client *client)
{
	struct connection connection;

	if (connection_take(&client->kept, getpid(), &connection))
		close(connection.sock);
	if (connection_take(&client->parked, getpid(), &connection))
		close(connection.sock);
	binding_close(&client->bindings);
}

/* Others of this user have too many descriptors on their way: unix(7). */
static bool is_crowded(int err)
{
	return err == -ETOOMANYREFS;
}

/* ---- requests ---------------------------------------------------------- */

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
 * No reply in time. May it still come? Nobody else can read it, since nobody
 * knows the nonce; but a forked child may have a copy of the connection, so
 * that closing ours would not tell the broker. This does, and it takes back
 * what we do not learn of.
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

/* Is this an reply of a run that goes on after it? */
static bool is_followed(const struct wire *reply)
{
	return reply->op == WIRE_NEXT && reply->result == 0 &&
	       !(reply->flags & WIRE_LAST);
}

/*
 * Keep the connection that this reply came over. walk: or NULL. unread: replies
 * that may follow, if any do.
 */
static void put_back(struct client *client, struct client_walk *walk,
		     const struct wire *reply,
		     const struct connection *connection, unsigned unread)
{
	struct connection kept = *connection;

	kept.unread = unread;
	kept.nonce = reply->nonce;
	if (!is_followed(reply))
		connection_keep(&client->kept, &kept);
	else if (walk && unread)
		connection_keep(walk->slot, &kept);
	else
		close(connection->sock);
}

/* One request, of one broker after the other if they go away. */
struct asking {
	struct client *client;
	struct client_walk *walk; /* that it is a step of, or NULL */
	enum client_how how;
	struct wire *request;
	const struct wire_fds *fds;
	struct timespec deadline;
	pid_t self;
	struct connection asked; /* that this was sent over before */
	bool was_asked;
};

/*
 * Read what is left of a batch, without the descriptors. A forked child may have
 * a copy of the connection, so that closing it would not free them. Returns
 * whether the connection can be used again.
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
	return r == 0 && !is_followed(&reply);
}

/* Take the connection of a batch out of a slot, to use it for something else. */
static bool take_batch(struct connection *_Atomic *slot, pid_t self,
		       struct connection *ret)
{
	if (!connection_take(slot, self, ret))
		return false;
	if (finish_batch(ret))
		return true;
	close(ret->sock);
	return false;
}

/* The kept connection, or another; or else that of a walk. */
static int get_connection(struct asking *a, struct connection *ret)
{
	int r;

	if (connection_take(&a->client->kept, a->self, ret))
		return 0;
	r = connection_open(a->how == CLIENT_START, ret, &a->deadline);
	if (r != -EMFILE && r != -ENFILE)
		return r;
	return take_batch(&a->client->parked, a->self, ret) ? 0 : r;
}

static int request_next(struct asking *a, struct wire *reply,
			struct wire_fds *reply_fds)
{
	struct connection connection;
	int r;

	r = get_connection(a, &connection);
	if (r < 0)
		return r;
	/* Of another broker: all that had a name has lost it. */
	if (a->was_asked && a->request->op == WIRE_UNLINK &&
	    a->asked.broker_id != connection.broker_id) {
		*reply = *a->request;
		goto out;
	}
	/* The broker has read all we sent before, so there is room. */
	r = wire_send(connection.sock, a->request, a->fds);
	if (r == 0) {
		a->asked = connection;
		a->was_asked = true;
		r = await_reply(connection.sock, a->request, reply, reply_fds,
				&a->deadline);
	}
	if (r == -ETIMEDOUT)
		r = give_up(connection.sock, a->request, reply, reply_fds);
	if (r == -ENOENT)
		r = -EIO; /* that would mean that there is no broker */
out:
	if (r < 0)
		close(connection.sock);
	else
		put_back(a->client, a->walk, reply, &connection,
			 WIRE_BATCH - 1);
	return r;
}

static int ask(struct asking *a, struct wire *reply, struct wire_fds *reply_fds)
{
	int r;

	for (unsigned attempt = 0;; attempt++) {
		r = request_next(a, reply, reply_fds);
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
					    "are on their way between "
					    "processes");
	if (connection_has_ended(r) || r == -EAGAIN)
		return shmipc_backend_error(-ETIMEDOUT,
					    "the broker did not reply in time");
	if (r == 0 && reply->result == -EMFILE)
		return connection_no_fds_left();
	return r < 0 ? r : reply->result;
}

/* Names mean another broker id now, or none. Is there nothing to lose? */
static int judge(struct client *client)
{
	if (binding_review(&client->bindings))
		return 0;
	return shmipc_backend_error(
		-ESTALE, "the broker was killed, and what is open here has no "
			 "name any more; close all of it, then start anew");
}

/* There is none, so none that knows a name. */
static int without_broker(const struct asking *a)
{
	if (a->request->op == WIRE_UNLINK && a->was_asked)
		return 0; /* it lost it while we asked */
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
				 : binding_broker_id(&a->client->bindings);
		r = ask(a, reply, reply_fds);
		if (r == -ENOENT && reply->op == 0)
			r = without_broker(a);
		if (r != -ESTALE || wanted || judge(a->client) < 0)
			return r;
	}
}

int client_ask(struct client *client, enum client_how how, struct wire *request,
	       const struct wire_fds *fds, struct wire *reply,
	       struct wire_fds *reply_fds)
{
	struct asking a = {
		.client = client,
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

/*
 * One more reply of a batch that has begun.
 *   -EPIPE -ECONNRESET  it has none
 */
static int next_of_batch(struct client_walk *walk, struct wire *reply,
			 struct wire_fds *fds)
{
	struct connection connection;
	struct timespec deadline;
	int r;

	if (!connection_take(walk->slot, getpid(), &connection))
		return -EPIPE;
	deadline = shmi_clock_in(SHMI_PEER_TIMEOUT_MS);
	r = await_reply(connection.sock, &walk->request, reply, fds, &deadline);
	if (r == -ETIMEDOUT)
		r = give_up(connection.sock, &walk->request, reply, fds);
	if (r < 0) {
		close(connection.sock);
		return r;
	}
	put_back(walk->client, walk, reply, &connection, connection.unread - 1);
	if (reply->result < 0 || connection.unread > 1 || !is_followed(reply))
		return reply->result;
	/* More than the broker may send. */
	wire_close_fds(fds);
	return -EPROTO;
}

static int begin_batch(struct client_walk *walk, struct wire *reply,
		       struct wire_fds *fds)
{
	struct asking a = {
		.client = walk->client,
		.walk = walk,
		.how = CLIENT_ASK,
		.request = &walk->request,
		.deadline = shmi_clock_in(SHMI_PEER_TIMEOUT_MS),
		.self = getpid(),
	};

	walk->request.broker_id = CLIENT_ANY;
	return ask_for_name(&a, reply, fds);
}

static void begin_walk(struct client_walk *walk)
{
	const void *none = NULL;

	walk->has_begun = true;
	/* Acquire and release: one walk at a time parks its connection. */
	if (atomic_compare_exchange_strong_explicit(
		    &walk->client->parker, &none, walk, memory_order_acq_rel,
		    memory_order_relaxed))
		walk->slot = &walk->client->parked;
	else
		walk->slot = &walk->own;
}

int client_walk_next(struct client_walk *walk, struct wire *reply,
		     struct wire_fds *fds)
{
	int r;

	if (!walk->has_begun)
		begin_walk(walk);
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

	if (!walk->has_begun)
		return;
	if (take_batch(walk->slot, getpid(), &connection))
		connection_keep(&walk->client->kept, &connection);
	if (walk->slot == &walk->client->parked)
		atomic_store_explicit(&walk->client->parker, NULL,
				      memory_order_release);
}
