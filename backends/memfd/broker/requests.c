/* SPDX-License-Identifier: MIT */
/* The requests of clients: what the server knows, and how it replies. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/usemark.h"
#include "backends/memfd/broker/requests.h"

/* ---- the journal -------------------------------------------------------- */

/* [V5] */
void requests_nudge(struct requests *q)
{
	const uint64_t once = 1;

	if (q->owed)
		(void)!write(q->nudge, &once, sizeof(once));
	q->owed = 0;
}

/* [V3] */
static int write_journal(struct requests *q, struct journal_entry *r,
			 uint32_t slot, const struct wire *request,
			 const struct wire_fds *fds)
{
	int err;

	r->slot = slot;
	r->nonce = request ? request->nonce : 0;
	r->asked = request ? request->op : 0;
	err = journal_send(q->supervisor, r, fds);
	if (err < 0 && err != -ETOOMANYREFS)
		q->alone = true;
	q->owed++;
	if (err < 0 || q->owed == JOURNAL_OWED)
		requests_nudge(q);
	return err;
}

/* An object loses its name, by this request or, if NULL, by itself. */
static int write_drop(struct requests *q, const struct table_entry *e,
		      const struct wire *request)
{
	struct journal_entry drop = journal_make(JOURNAL_DROP, 0, NULL);
	int r = write_journal(q, &drop, e->slot, request, NULL);

	if (e->size > JOURNAL_OWED_BYTES)
		requests_nudge(q);
	return r;
}

/* Add an object that the supervisor hands over. */
static int take_object(struct requests *q, const struct journal_entry *r,
		       struct wire_fds *fds)
{
	int err;

	err = table_add(&q->table, r->slot, r->kind, r->name, fds);
	if (err < 0) {
		wire_close_fds(fds);
		return err;
	}
	/*
	 * An earlier server may have been killed while it had claimed this
	 * object as an orphan. The supervisor has the same description, so the
	 * object is still claimed.
	 */
	if (table_find(&q->table, r->kind, r->name)->transient)
		usemark_leave(fds->fd[0]);
	return 0;
}

int requests_take_over(struct requests *q)
{
	struct journal_entry ready = journal_make(JOURNAL_READY, 0, NULL);
	struct wire_fds fds;
	struct journal_entry r;
	int err;

	for (;;) {
		err = journal_receive(q->supervisor, JOURNAL_FROM_SUPERVISOR,
				      &r, &fds, 0);
		if (err == -EAGAIN)
			continue; /* a signal came */
		if (err < 0)
			return err;
		if (r.op == JOURNAL_GO)
			break;
		if (r.op == JOURNAL_DONE && q->done_count < REQUESTS_DONE_MAX)
			q->done[q->done_count++] = r;
		if (r.op == JOURNAL_TAKE)
			err = take_object(q, &r, &fds);
		if (err < 0)
			return err;
	}
	q->broker_id = (uint32_t)r.nonce;
	return journal_send(q->supervisor, &ready, NULL);
}

/* ---- transient objects -------------------------------------------------- */

static bool is_orphan(const struct table_entry *e)
{
	return e->transient && usemark_look(e->fds.fd[0]) == -ESTALE;
}

/*
 * If this object is an orphan, forget it, because of this request or, if NULL,
 * without one. Returns whether it is forgotten.
 */
static bool forget_orphan(struct requests *q, struct table_entry *e,
			  const struct wire *request)
{
	int fd = e->fds.fd[0], r;

	if (!is_orphan(e) || usemark_claim(fd) < 0)
		return false;
	r = write_drop(q, e, request);
	/* The supervisor has this description too, and clients may have it. */
	usemark_leave(fd);
	if (r == 0)
		table_remove(&q->table, e);
	return r == 0;
}

void requests_forget_orphans(struct requests *q)
{
	struct table_entry *e = table_next(&q->table, 0, 0);

	while (e && q->table.transient) {
		uint32_t slot = e->slot;

		(void)forget_orphan(q, e, NULL);
		e = table_next(&q->table, 0, slot + 1);
	}
}

static struct table_entry *look_up(struct requests *q, const struct wire *about)
{
	struct table_entry *e = table_find(&q->table, about->kind, about->name);

	return e && forget_orphan(q, e, NULL) ? NULL : e;
}

/* ---- requests ---------------------------------------------------------- */

static bool is_eventfd(int fd)
{
	static const char eventfd[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(eventfd)];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target)) ==
		       (ssize_t)strlen(eventfd) &&
	       memcmp(target, eventfd, strlen(eventfd)) == 0;
}

/*
 * Can an object be made of these descriptors? The kernel says what they are,
 * not the client.
 */
static bool are_object_fds(const struct wire *request,
			   const struct wire_fds *fds)
{
	if (!wire_is_memory(fds->fd[0]))
		return false;
	/* usemark_claim() needs one that is open for writing. */
	if ((fcntl(fds->fd[0], F_GETFL) & O_ACCMODE) != O_RDWR)
		return false;
	/* A descriptor that blocks would make its waiters block. */
	for (unsigned i = 1; i < request->fds; i++)
		if (!is_eventfd(fds->fd[i]) ||
		    !(fcntl(fds->fd[i], F_GETFL) & O_NONBLOCK))
			return false;
	return true;
}

static int handle_add(struct requests *q, const struct wire *request,
		      struct wire_fds *fds)
{
	struct journal_entry keep =
		journal_make(JOURNAL_KEEP, request->kind, request->name);
	struct table_entry *e;
	int r;

	(void)look_up(q, request); /* an orphan has no right to the name */
	/* Our table first: after the journal entry nothing may fail. */
	r = table_add(&q->table, TABLE_ANY_SLOT, request->kind, request->name,
		      fds);
	if (r < 0)
		return r;
	*fds = WIRE_NO_FDS; /* the table owns them now */
	e = table_find(&q->table, request->kind, request->name);
	keep.fds = (uint16_t)wire_count_fds(&e->fds);
	r = write_journal(q, &keep, e->slot, request, &e->fds);
	if (r < 0)
		table_remove(&q->table, e);
	return r == -ETOOMANYREFS ? -EMFILE : r;
}

static int handle_open(struct requests *q, struct wire *reply,
		       struct wire_fds *fds)
{
	struct table_entry *e = look_up(q, reply);

	if (!e)
		return -ENOENT;
	reply->fds = wire_count_fds(&e->fds);
	*fds = e->fds;
	return 0;
}

/*
 * Would the client find it sound? The client shares it with other processes, so
 * its word size and C library count, not ours.
 */
static bool is_sound_for(const struct table_entry *e, uint32_t abi)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];

	return pread(e->fds.fd[0], header, sizeof(header), 0) ==
		       sizeof(header) &&
	       shmipc_segment_look_for(header, (size_t)e->size,
				       (enum shmipc_kind)e->kind, e->name,
				       abi) == 0 &&
	       shmipc_segment_is_transient(header) == e->transient;
}

/*
 * Tell the processes that have it open that it has no name to lose any more
 * (binding.h). If we are killed before the name is gone, a later loss of the
 * name goes unnoticed.
 */
static void mark_nameless(const struct table_entry *e)
{
	(void)shmipc_segment_write_word(e->fds.fd[0], WIRE_NAMELESS);
}

static int handle_unlink(struct requests *q, const struct wire *request)
{
	struct table_entry *e = look_up(q, request);
	int r;

	if (!e)
		return -ENOENT;
	if (!is_sound_for(e, request->abi))
		return -EPROTO;
	mark_nameless(e);
	r = write_drop(q, e, request);
	if (r == 0)
		table_remove(&q->table, e);
	return r;
}

static int handle_release(struct requests *q, const struct wire *request)
{
	struct table_entry *e =
		table_find(&q->table, request->kind, request->name);

	if (!e)
		return -ENOENT;
	return forget_orphan(q, e, request) ? 0 : -EBUSY;
}

/* Name the first orphan from the slot in cursor on, and maybe forget it. */
static int handle_next_orphan(struct requests *q, const struct wire *request,
			      struct wire *reply)
{
	bool forget = request->flags & WIRE_FORGET;
	uint32_t slot = request->cursor;

	for (;;) {
		struct table_entry *e =
			table_next(&q->table, request->kind, slot);

		if (!e)
			return -ENOENT;
		slot = e->slot + 1;
		/* Forgetting frees the name. Zero to the end: wire.h. */
		memset(reply->name, 0, sizeof(reply->name));
		strcpy(reply->name, e->name);
		if (forget ? forget_orphan(q, e, request) : is_orphan(e))
			break;
	}
	reply->cursor = slot;
	return 0;
}

/* ---- replies ------------------------------------------------------------ */

/* An earlier server did this, and may have been killed before it replied. */
static const struct journal_entry *find_done(const struct requests *q,
					     const struct wire *request)
{
	if (!wire_changes(request))
		return NULL;
	for (unsigned i = 0; i < q->done_count; i++) {
		const struct journal_entry *r = &q->done[i];

		if (r->nonce == request->nonce && r->asked == request->op &&
		    wire_same_kind(r->kind, request->kind))
			return r;
	}
	return NULL;
}

static int handle_op(struct requests *q, const struct wire *request,
		     struct wire_fds *fds, struct wire *reply,
		     struct wire_fds *lent)
{
	switch (request->op) {
	case WIRE_ADD:
		return handle_add(q, request, fds);
	case WIRE_OPEN:
		return handle_open(q, reply, lent);
	case WIRE_UNLINK:
		return handle_unlink(q, request);
	case WIRE_RELEASE:
		return handle_release(q, request);
	default:
		return handle_next_orphan(q, request, reply);
	}
}

/* The client does not get the reply, so for it the request has failed. */
static void take_back(struct requests *q, const struct wire *request)
{
	struct table_entry *e =
		table_find(&q->table, request->kind, request->name);

	if (e && write_drop(q, e, NULL) == 0)
		table_remove(&q->table, e);
}

static int send_reply(int sock, struct wire *reply, const struct wire_fds *lent)
{
	int r = wire_send(sock, reply, lent);

	if (r != -ETOOMANYREFS)
		return r;
	reply->result = -EMFILE;
	reply->fds = 0;
	return wire_send(sock, reply, NULL);
}

bool requests_lends_fds(const struct wire *request)
{
	return request->op == WIRE_OPEN || request->op == WIRE_NEXT;
}

/*
 * Has the client read all earlier replies? A client that asks and does not read
 * could keep enough descriptors in flight that no others can be sent.
 */
static bool has_read(int sock)
{
	int unread = 0;

	return ioctl(sock, SIOCOUTQ, &unread) < 0 || unread == 0;
}

static struct wire make_reply(const struct requests *q,
			      const struct wire *request)
{
	struct wire reply =
		wire_make(request->op, request->kind, request->name);

	reply.version = request->version;
	reply.nonce = request->nonce;
	reply.cursor = request->cursor;
	reply.broker_id = q->broker_id;
	return reply;
}

/* One packet of a batch. Returns whether another one follows, or an error. */
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

/* Send all replies to WIRE_NEXT: wire.h. empty: a reply without an object. */
static int send_batch(const struct requests *q, int sock,
		      const struct wire *empty, unsigned most)
{
	uint32_t slot = empty->cursor;
	int r = 1;

	for (unsigned count = 1; r > 0; count++) {
		struct wire reply = *empty;

		if (count == most)
			reply.flags = WIRE_LAST;
		r = send_next(sock, &reply,
			      table_next(&q->table, reply.kind, slot));
		slot = reply.cursor;
	}
	return r;
}

int requests_handle(struct requests *q, int sock, unsigned known,
		    const struct wire *request, struct wire_fds *fds)
{
	const struct journal_entry *done = find_done(q, request);
	struct wire reply = make_reply(q, request);
	struct wire_fds lent = WIRE_NO_FDS;
	int r = 0;

	if (requests_lends_fds(request) && !has_read(sock)) {
		r = -EAGAIN;
	} else if (wire_changes(request) && known & REQUESTS_CLIENT_LEFT) {
		r = -EPIPE;
	} else if (request->broker_id && request->broker_id != q->broker_id) {
		reply.result = -ESTALE;
	} else if (done) {
		strcpy(reply.name, done->name);
		reply.cursor = done->slot + 1;
	} else if (request->op == WIRE_ADD && !are_object_fds(request, fds)) {
		r = -EBADF;
	} else if (request->op != WIRE_NEXT) {
		reply.result = handle_op(q, request, fds, &reply, &lent);
	}
	wire_close_fds(fds);
	if (r < 0 || q->alone)
		return r < 0 ? r : -EPIPE;
	if (request->op == WIRE_NEXT && reply.result == 0)
		return send_batch(q, sock, &reply,
				  known & REQUESTS_CLIENT_READS ? WIRE_BATCH
								: 1);
	r = send_reply(sock, &reply, &lent);
	if (r < 0 && request->op == WIRE_ADD && !done && reply.result == 0)
		take_back(q, request);
	return r;
}
