/* SPDX-License-Identifier: MIT */
/* What the worker knows, and how it answers from that. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/usemark.h"
#include "backends/memfd/broker/requests.h"
#include "core/header.h"
#include "core/name.h"

/* ---- reports ------------------------------------------------------------ */

/* [W5] */
void answers_nudge(struct answers *a)
{
	const uint64_t once = 1;

	if (a->owed)
		(void)!write(a->nudge, &once, sizeof(once));
	a->owed = 0;
}

/* That a name went needs no descriptors: there may be room in the box. */
static int put_or_send(struct answers *a, struct report *r,
		       const struct wire_fds *fds)
{
	int err = -EAGAIN;

	r->order = a->order + 1;
	if (r->op == REPORT_DROP)
		err = box_put(a->box, r);
	if (err < 0)
		err = report_send(a->keeper, r, fds);
	a->order += err == 0;
	return err;
}

static int report(struct answers *a, struct report *r, uint32_t slot,
		  const struct wire *question, const struct wire_fds *fds)
{
	int err;

	r->slot = slot;
	r->nonce = question ? question->nonce : 0;
	r->asked = question ? question->op : 0;
	err = put_or_send(a, r, fds);
	if (err < 0 && err != -ETOOMANYREFS)
		a->alone = true;
	a->owed++;
	if (err < 0 || a->owed == REPORTS_OWED)
		answers_nudge(a);
	return err;
}

/* Its name goes, because of this question or, with NULL, by itself. */
static int report_forgotten(struct answers *a, const struct table_entry *e,
			    const struct wire *question)
{
	struct report drop = report_make(REPORT_DROP, 0, NULL);
	int r = report(a, &drop, e->slot, question, NULL);

	if (e->size > REPORTS_OWED_BYTES)
		answers_nudge(a);
	return r;
}

/* What the keeper hands over at the start. */
static int take(struct answers *a, const struct report *r, struct wire_fds *fds)
{
	int err;

	err = table_add(&a->table, r->slot, r->kind, r->name, fds);
	if (err < 0) {
		wire_close_fds(fds);
		return err;
	}
	/*
	 * Another worker may have been killed while he had claimed it, as a
	 * ghost. The keeper has the same description, so it is still claimed.
	 */
	if (table_find(&a->table, r->kind, r->name)->transient)
		users_leave(fds->fd[0]);
	return 0;
}

int answers_take_over(struct answers *a)
{
	struct report ready = report_make(REPORT_READY, 0, NULL);
	struct wire_fds fds;
	struct report r;
	int err;

	for (;;) {
		err = report_receive(a->keeper, REPORT_FROM_KEEPER, &r, &fds,
				     0);
		if (err == -EAGAIN)
			continue; /* a signal */
		if (err < 0)
			return err;
		if (r.op == REPORT_GO)
			break;
		if (r.op == REPORT_DONE && a->done_count < ANSWERS_DONE_MAX)
			a->done[a->done_count++] = r;
		if (r.op == REPORT_TAKE)
			err = take(a, &r, &fds);
		if (err < 0)
			return err;
	}
	a->incarnation = (uint32_t)r.nonce;
	return put_or_send(a, &ready, NULL);
}

/* ---- transient objects -------------------------------------------------- */

static bool is_ghost(const struct table_entry *e)
{
	return e->transient && users_look(e->fds.fd[0]) == -ESTALE;
}

/*
 * Is this one without a user? Then it is forgotten, because of this question
 * or, with NULL, by itself.
 */
static bool forget_ghost(struct answers *a, struct table_entry *e,
			 const struct wire *question)
{
	int fd = e->fds.fd[0], r;

	if (!is_ghost(e) || users_claim(fd) < 0)
		return false;
	r = report_forgotten(a, e, question);
	/* The keeper has this description, too, and clients may have it. */
	users_leave(fd);
	if (r == 0)
		table_remove(&a->table, e);
	return r == 0;
}

void answers_forget_ghosts(struct answers *a)
{
	for (size_t i = 0; i < SHMI_KINDS && a->table.transient; i++) {
		struct table_entry *e = table_next(&a->table, shmi_kinds[i], 0);

		while (e) {
			uint32_t slot = e->slot;

			(void)forget_ghost(a, e, NULL);
			e = table_next(&a->table, shmi_kinds[i], slot + 1);
		}
	}
}

static struct table_entry *look_up(struct answers *a, const struct wire *about)
{
	struct table_entry *e = table_find(&a->table, about->kind, about->name);

	return e && forget_ghost(a, e, NULL) ? NULL : e;
}

/* ---- questions ---------------------------------------------------------- */

static bool is_eventfd(int fd)
{
	static const char eventfd[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(eventfd)];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target)) ==
		       (ssize_t)strlen(eventfd) &&
	       memcmp(target, eventfd, strlen(eventfd)) == 0;
}

/* Is this what an object is made of? The kernel tells, not the client. */
static bool are_sound(const struct wire *question, const struct wire_fds *fds)
{
	int seals = fcntl(fds->fd[0], F_GET_SEALS);

	if (seals < 0 || (seals & WIRE_SEALS) != WIRE_SEALS)
		return false;
	/* users_claim() takes one for writing. */
	if ((fcntl(fds->fd[0], F_GETFL) & O_ACCMODE) != O_RDWR)
		return false;
	/* Handing out a descriptor that blocks would make waiters block. */
	return question->kind != SHMIPC_SEM ||
	       (is_eventfd(fds->fd[1]) &&
		fcntl(fds->fd[1], F_GETFL) & O_NONBLOCK);
}

static int answer_add(struct answers *a, const struct wire *question,
		      struct wire_fds *fds)
{
	struct report keep =
		report_make(REPORT_KEEP, question->kind, question->name);
	struct table_entry *e;
	int r;

	(void)look_up(a, question); /* a ghost has no right to the name */
	/* Ours first: what has been reported must not fail any more. */
	r = table_add(&a->table, TABLE_ANY_SLOT, question->kind, question->name,
		      fds);
	if (r < 0)
		return r;
	*fds = WIRE_NO_FDS; /* the table's now */
	e = table_find(&a->table, question->kind, question->name);
	keep.fds = (uint16_t)wire_fds_of(e->kind);
	r = report(a, &keep, e->slot, question, &e->fds);
	if (r < 0)
		table_remove(&a->table, e);
	return r == -ETOOMANYREFS ? -EMFILE : r;
}

static int answer_open(struct answers *a, struct wire *answer,
		       struct wire_fds *fds)
{
	struct table_entry *e = look_up(a, answer);

	if (!e)
		return -ENOENT;
	answer->fds = wire_fds_of(e->kind);
	*fds = e->fds;
	return 0;
}

/*
 * Would the client find it sound? It is he who shares it with others: his word
 * size and libc count, and not ours.
 */
static bool is_sound_for(const struct table_entry *e, uint32_t abi)
{
	struct shmi_header copy;

	if (pread(e->fds.fd[0], &copy, sizeof(copy), 0) != sizeof(copy))
		return false;
	copy.abi = copy.abi == abi ? shmi_header_abi : ~shmi_header_abi;
	return shmipc_segment_look(&copy, (size_t)e->size,
				   (enum shmipc_kind)e->kind, e->name) == 0 &&
	       shmipc_segment_is_transient(&copy) == e->transient;
}

/*
 * For those who have it open: it has no name to lose any more (held.h). If we
 * are killed before it really has none, nobody learns that he lost it.
 */
static void mark_nameless(const struct table_entry *e)
{
	const uint64_t nameless = WIRE_NAMELESS;

	(void)!pwrite(e->fds.fd[0], &nameless, sizeof(nameless),
		      offsetof(struct shmi_header, note));
}

static int answer_unlink(struct answers *a, const struct wire *question)
{
	struct table_entry *e = look_up(a, question);
	int r;

	if (!e)
		return -ENOENT;
	if (!is_sound_for(e, question->abi))
		return -EPROTO;
	mark_nameless(e);
	r = report_forgotten(a, e, question);
	if (r == 0)
		table_remove(&a->table, e);
	return r;
}

static int answer_let_go(struct answers *a, const struct wire *question)
{
	struct table_entry *e =
		table_find(&a->table, question->kind, question->name);

	if (!e)
		return -ENOENT;
	return forget_ghost(a, e, question) ? 0 : -EBUSY;
}

/* The first ghost in this slot or behind it; forgotten, if that is wanted. */
static int answer_next_ghost(struct answers *a, const struct wire *question,
			     struct wire *answer)
{
	bool forget = question->flags & WIRE_FORGET;
	uint32_t slot = question->cursor;

	for (;;) {
		struct table_entry *e =
			table_next(&a->table, question->kind, slot);

		if (!e)
			return -ENOENT;
		slot = e->slot + 1;
		/* Forgetting frees it. Zero to the end, as wire.h says. */
		memset(answer->name, 0, sizeof(answer->name));
		strcpy(answer->name, e->name);
		if (forget ? forget_ghost(a, e, question) : is_ghost(e))
			break;
	}
	answer->cursor = slot;
	return 0;
}

/* ---- answers ------------------------------------------------------------ */

/* Was this seen to by a worker that may have been killed before he said so? */
static const struct report *find_done(const struct answers *a,
				      const struct wire *question)
{
	if (!wire_changes(question))
		return NULL;
	for (unsigned i = 0; i < a->done_count; i++) {
		const struct report *r = &a->done[i];

		if (r->nonce == question->nonce && r->asked == question->op &&
		    r->kind == question->kind)
			return r;
	}
	return NULL;
}

static int see_to(struct answers *a, const struct wire *question,
		  struct wire_fds *fds, struct wire *reply,
		  struct wire_fds *lent)
{
	switch (question->op) {
	case WIRE_ADD:
		return answer_add(a, question, fds);
	case WIRE_OPEN:
		return answer_open(a, reply, lent);
	case WIRE_UNLINK:
		return answer_unlink(a, question);
	case WIRE_LET_GO:
		return answer_let_go(a, question);
	default:
		return answer_next_ghost(a, question, reply);
	}
}

/* Who does not wait for the answer is told that it failed. */
static void take_back(struct answers *a, const struct wire *question)
{
	struct table_entry *e =
		table_find(&a->table, question->kind, question->name);

	if (e && report_forgotten(a, e, NULL) == 0)
		table_remove(&a->table, e);
}

static int send_answer(int sock, struct wire *reply,
		       const struct wire_fds *lent)
{
	int r = wire_send(sock, reply, lent);

	if (r != -ETOOMANYREFS)
		return r;
	reply->result = -EMFILE;
	reply->fds = 0;
	return wire_send(sock, reply, NULL);
}

bool answers_lend(const struct wire *question)
{
	return question->op == WIRE_OPEN || question->op == WIRE_NEXT;
}

/*
 * The answers to one question at a time: who asks and does not read could have
 * so many descriptors on their way that nobody else's may be sent.
 */
static bool has_read(int sock)
{
	int unread = 0;

	return ioctl(sock, SIOCOUTQ, &unread) < 0 || unread == 0;
}

static struct wire make_reply(const struct answers *a,
			      const struct wire *question)
{
	struct wire reply =
		wire_make(question->op, question->kind, question->name);

	reply.version = question->version;
	reply.nonce = question->nonce;
	reply.cursor = question->cursor;
	reply.incarnation = a->incarnation;
	return reply;
}

/* One packet of a run. Returns whether there is to be another, or an error. */
static int send_next(int sock, struct wire *reply, const struct table_entry *e)
{
	int r;

	if (!e) {
		reply->result = -ENOENT;
		return wire_send(sock, reply, NULL);
	}
	strcpy(reply->name, e->name);
	reply->cursor = e->slot + 1;
	reply->fds = 1;
	r = wire_send(sock, reply, &e->fds);
	if (r == 0)
		return !(reply->flags & WIRE_LAST);
	if (r != -ETOOMANYREFS)
		return r;
	reply->flags = WIRE_LAST;
	reply->fds = 0;
	return wire_send(sock, reply, NULL);
}

/* All answers to WIRE_NEXT: wire.h. */
static int give_run(const struct answers *a, int sock, const struct wire *empty,
		    unsigned most)
{
	uint32_t slot = empty->cursor;
	int r = 1;

	for (unsigned count = 1; r > 0; count++) {
		struct wire reply = *empty;

		if (count == most)
			reply.flags = WIRE_LAST;
		r = send_next(sock, &reply,
			      table_next(&a->table, reply.kind, slot));
		slot = reply.cursor;
	}
	return r;
}

int answers_give(struct answers *a, int sock, unsigned known,
		 const struct wire *question, struct wire_fds *fds)
{
	const struct report *done = find_done(a, question);
	struct wire reply = make_reply(a, question);
	struct wire_fds lent = WIRE_NO_FDS;
	int r = 0;

	if (answers_lend(question) && !has_read(sock)) {
		r = -EAGAIN;
	} else if (wire_changes(question) && known & ANSWERS_LEFT) {
		r = -EPIPE;
	} else if (question->incarnation &&
		   question->incarnation != a->incarnation) {
		reply.result = -ESTALE;
	} else if (done) {
		strcpy(reply.name, done->name);
		reply.cursor = done->slot + 1;
	} else if (question->op == WIRE_ADD && !are_sound(question, fds)) {
		r = -EBADF;
	} else if (question->op != WIRE_NEXT) {
		reply.result = see_to(a, question, fds, &reply, &lent);
	}
	wire_close_fds(fds);
	if (r < 0 || a->alone)
		return r < 0 ? r : -EPIPE;
	if (question->op == WIRE_NEXT && reply.result == 0)
		return give_run(a, sock, &reply,
				known & ANSWERS_READS ? WIRE_RUN : 1);
	r = send_answer(sock, &reply, &lent);
	if (r < 0 && question->op == WIRE_ADD && !done && reply.result == 0)
		take_back(a, question);
	return r;
}
