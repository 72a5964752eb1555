/* SPDX-License-Identifier: MIT */
/* The program's side of the conversation with the broker: line.c is below. */
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
#include "util/tls.h"

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

/* ---- questions ---------------------------------------------------------- */

static bool is_answer_to(const struct wire *question, const struct wire *answer)
{
	return answer->op == question->op && answer->nonce == question->nonce;
}

static int await_answer(int sock, const struct wire *question,
			struct wire *answer, struct wire_fds *fds,
			const struct timespec *deadline)
{
	int r;

	r = line_receive(sock, deadline, answer, fds);
	if (r < 0)
		return r;
	if (is_answer_to(question, answer))
		return 0;
	wire_close_fds(fds);
	return shmipc_backend_error(-ECONNREFUSED,
				    "the broker answered another question");
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
	if (r == 0 && is_answer_to(question, answer))
		return 0;
	if (r == 0)
		wire_close_fds(fds);
	return -ETIMEDOUT;
}

/* Is this an answer of a run that goes on after it? */
static bool is_followed(const struct wire *answer)
{
	return answer->op == WIRE_NEXT && answer->result == 0 &&
	       !(answer->flags & WIRE_LAST);
}

/* The connection that this answer came over. walk: or NULL */
static void put_back(struct client *client, struct client_walk *walk,
		     const struct wire *answer, const struct line *line)
{
	if (!is_followed(answer))
		line_keep(&client->kept, line);
	else if (walk)
		line_keep(&walk->rest, line);
	else
		close(line->sock);
}

/* One question, of one broker after the other if they go away. */
struct asking {
	struct client *client;
	struct client_walk *walk; /* that it is a step of, or NULL */
	enum client_how how;
	struct wire *question;
	const struct wire_fds *fds;
	struct timespec deadline;
	pid_t self;
	struct line asked; /* that this was sent over before */
	bool was_asked;
};

/* The walks that this thread is in the middle of, the innermost. */
static _Thread_local struct client_walk *innermost SHMI_TLS;

/*
 * Give back the connection of a run. What has come and was not read is taken
 * out: who has forked a child has it twice, so that closing does not do that.
 */
static void end_run(struct client_walk *walk)
{
	struct wire answer = { .op = WIRE_NEXT };
	pid_t self = getpid();
	struct line line;
	int r = 0;

	if (!line_take(&walk->rest, self, &line))
		return;
	while (r == 0 && walk->left > 0 && is_followed(&answer)) {
		walk->left--;
		r = wire_skip(line.sock, WIRE_FROM_BROKER, &answer);
		if (r == 0 && !is_answer_to(&walk->question, &answer))
			r = -EPROTO;
	}
	if (r == 0 && !is_followed(&answer))
		line_keep(&walk->client->kept, &line);
	else
		close(line.sock);
}

/* The kept connection, or another; or else a walk's. */
static int get_line(struct asking *a, struct line *ret)
{
	int r;

	if (line_take(&a->client->kept, a->self, ret))
		return 0;
	r = line_connect(a->how == CLIENT_START, ret, &a->deadline);
	if (r != -EMFILE && r != -ENFILE)
		return r;
	for (struct client_walk *walk = innermost; walk; walk = walk->outer)
		if (walk->client == a->client)
			end_run(walk);
	return line_take(&a->client->kept, a->self, ret) ? 0 : r;
}

static int ask_next(struct asking *a, struct wire *answer,
		    struct wire_fds *answer_fds)
{
	struct line line;
	int r;

	r = get_line(a, &line);
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
		put_back(a->client, a->walk, answer, &line);
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

static int ask_for_name(struct asking *a, struct wire *answer,
			struct wire_fds *answer_fds)
{
	struct wire *question = a->question;
	const uint32_t wanted = question->incarnation;
	int r;

	*answer = (struct wire){ .op = 0 };
	question->nonce = shmi_random(a->self);
	for (;;) {
		question->incarnation =
			wanted == CLIENT_ANY ? 0
			: wanted	     ? wanted
				 : held_incarnation(&a->client->held);
		r = ask(a, answer, answer_fds);
		if (r == -ENOENT && answer->op == 0)
			r = without_broker(a);
		if (r != -ESTALE || wanted || judge(a->client) < 0)
			return r;
	}
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

	return ask_for_name(&a, answer, answer_fds);
}

/* ---- walks -------------------------------------------------------------- */

/*
 * One answer more of a run that has begun.
 *   -EPIPE -ECONNRESET  there is none
 */
static int next_of_run(struct client_walk *walk, struct wire *answer,
		       struct wire_fds *fds)
{
	struct timespec deadline;
	struct line line;
	pid_t self;
	int r;

	if (walk->left == 0)
		return -EPIPE;
	self = getpid();
	if (!line_take(&walk->rest, self, &line))
		return -EPIPE;
	deadline = shmi_clock_in(SHMI_PATIENCE_MS);
	r = await_answer(line.sock, &walk->question, answer, fds, &deadline);
	if (r == -ETIMEDOUT)
		r = give_up(line.sock, &walk->question, answer, fds);
	if (r < 0)
		close(line.sock);
	else
		put_back(walk->client, walk, answer, &line);
	return r < 0 ? r : answer->result;
}

static int begin_run(struct client_walk *walk, struct wire *answer,
		     struct wire_fds *fds)
{
	struct asking a = {
		.client = walk->client,
		.walk = walk,
		.how = CLIENT_ASK,
		.question = &walk->question,
		.deadline = shmi_clock_in(SHMI_PATIENCE_MS),
		.self = getpid(),
	};

	walk->left = WIRE_RUN;
	walk->question.incarnation = CLIENT_ANY;
	return ask_for_name(&a, answer, fds);
}

int client_walk_next(struct client_walk *walk, struct wire *answer,
		     struct wire_fds *fds)
{
	int r;

	if (!walk->has_begun) {
		walk->has_begun = true;
		walk->outer = innermost;
		innermost = walk;
	}
	r = next_of_run(walk, answer, fds);
	if (line_is_over(r))
		r = begin_run(walk, answer, fds);
	if (r < 0)
		return r;
	walk->left = is_followed(answer) ? walk->left - 1 : 0;
	/* The cursor only ever grows, so that the walk ends. */
	if (answer->kind == walk->question.kind &&
	    answer->cursor > walk->question.cursor &&
	    (walk->left || !is_followed(answer))) {
		walk->question.cursor = answer->cursor;
		return 0;
	}
	wire_close_fds(fds);
	walk->left = 0;
	return shmipc_backend_error(-ECONNREFUSED,
				    "the broker's listing makes no sense");
}

void client_walk_end(struct client_walk *walk)
{
	end_run(walk);
	if (walk->has_begun)
		innermost = walk->outer;
}
