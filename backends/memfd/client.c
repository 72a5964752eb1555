/* SPDX-License-Identifier: MIT */
/* The program's side of the conversation with the broker: line.c is below. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/client.h"
#include "core/clock.h"
#include "core/debug.h"

/* How long a broker may take whose answer is not that important. */
#define BRIEF_MS 100

void client_close(struct client *client)
{
	struct line line;

	if (line_take(&client->kept, getpid(), &line))
		close(line.sock);
	held_close(&client->held);
}

/* Others of this user have too many descriptors on their way: unix(7). */
static bool is_crowded(int err)
{
	return err == -ETOOMANYREFS;
}

static int await_answer(int sock, const struct wire *question,
			struct wire *answer, struct wire_fds *fds,
			const struct timespec *deadline)
{
	int r;

	r = line_receive(sock, deadline, answer, fds);
	if (r < 0)
		return r;
	if (answer->op == question->op && answer->nonce == question->nonce)
		return 0;
	wire_close_fds(fds);
	return shmipc_backend_error(-ECONNREFUSED,
				    "the broker answered another question");
}

/*
 * Others' nonces matter to what is done only once; else only that an answer is
 * not that of another question on the same connection.
 */
static int choose_nonce(struct wire *question)
{
	static atomic_uint_fast64_t questions;

	if (!wire_changes(question))
		question->nonce = atomic_fetch_add_explicit(
			&questions, 1, memory_order_relaxed);
	else if (getrandom(&question->nonce, sizeof(question->nonce), 0) < 0)
		return -errno;
	return 0;
}

/*
 * No answer in time. May it still come? Nobody else can read it, since nobody
 * knows the nonce; but a forked child may have a copy of the connection, so
 * that closing ours would not tell the broker. This does, and it takes back
 * what we do not learn of.
 */
static int give_up(int sock, const struct wire *question, struct wire *answer,
		   struct wire_fds *fds)
{
	int r;

	(void)shutdown(sock, SHUT_RDWR);
	r = wire_receive(sock, WIRE_FROM_BROKER, answer, fds);
	if (r == 0 && answer->op == question->op &&
	    answer->nonce == question->nonce)
		return 0;
	if (r == 0)
		wire_close_fds(fds);
	return -ETIMEDOUT;
}

/* One question, of one broker after the other if they go away. */
struct asking {
	struct client *client;
	enum client_how how;
	struct wire *question;
	const struct wire_fds *fds;
	struct timespec deadline;
	pid_t self;
	struct line asked; /* that this was sent over before */
	bool was_asked;
};

static int ask_next(struct asking *a, struct wire *answer,
		    struct wire_fds *answer_fds)
{
	struct line line;
	int r = 0;

	if (!line_take(&a->client->kept, a->self, &line))
		r = line_connect(a->how == CLIENT_START, &line, &a->deadline);
	if (r < 0)
		return r;
	/* Of another broker: all that had a name has lost it. */
	if (a->was_asked && a->question->op == WIRE_UNLINK &&
	    a->asked.incarnation != line.incarnation) {
		*answer = *a->question;
		goto out;
	}
	/* The broker has read all we sent before, so there is room. */
	r = wire_send(line.sock, a->question, a->fds);
	if (r == 0) {
		a->asked = line;
		a->was_asked = true;
		r = await_answer(line.sock, a->question, answer, answer_fds,
				 &a->deadline);
	}
	if (r == -ETIMEDOUT)
		r = give_up(line.sock, a->question, answer, answer_fds);
	if (r == -ENOENT)
		r = -EIO; /* that would mean that there is no broker */
out:
	if (r < 0)
		close(line.sock);
	else
		line_keep(&a->client->kept, &line, a->self);
	return r;
}

static int ask(struct asking *a, struct wire *answer,
	       struct wire_fds *answer_fds)
{
	int r;

	for (unsigned attempt = 0;; attempt++) {
		r = ask_next(a, answer, answer_fds);
		if (!(line_is_over(r) || is_crowded(r)) ||
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
	if (line_is_over(r) || r == -EAGAIN)
		return shmipc_backend_error(
			-ETIMEDOUT, "the broker did not answer in time");
	if (r == 0 && answer->result == -EMFILE)
		return line_is_full();
	return r < 0 ? r : answer->result;
}

/* Names mean another incarnation now, or none. Is there nothing to lose? */
static int judge(struct client *client)
{
	if (held_review(&client->held))
		return 0;
	return shmipc_backend_error(
		-ESTALE, "the broker was killed, and what is open here has no "
			 "name any more; close all of it, then start anew");
}

/* There is none, so none that knows a name. */
static int without_broker(const struct asking *a)
{
	if (a->question->op == WIRE_UNLINK && a->was_asked)
		return 0; /* it lost it while we asked */
	return a->question->incarnation ? -ESTALE : -ENOENT;
}

int client_ask(struct client *client, enum client_how how,
	       struct wire *question, const struct wire_fds *fds,
	       struct wire *answer, struct wire_fds *answer_fds)
{
	struct asking a = {
		.client = client,
		.how = how,
		.question = question,
		.fds = fds,
		.deadline = shmi_clock_in(
			how == CLIENT_BRIEFLY ? BRIEF_MS : SHMI_PATIENCE_MS),
		.self = getpid(),
	};
	const uint32_t wanted = question->incarnation;
	int r;

	*answer = (struct wire){ .op = 0 };
	r = choose_nonce(question);
	if (r < 0)
		return r;
	for (;;) {
		question->incarnation =
			wanted == CLIENT_ANY ? 0
			: wanted	     ? wanted
					     : held_incarnation(&client->held);
		r = ask(&a, answer, answer_fds);
		if (r == -ENOENT && answer->op == 0)
			r = without_broker(&a);
		if (r != -ESTALE || wanted || judge(client) < 0)
			return r;
	}
}
