/* SPDX-License-Identifier: MIT */
/*
 * Creating, opening and unlinking, for regions and semaphores alike.
 *
 *   create: segment_create, fill the header, ksem_create, publish
 *   open:   segment_open, check the header, ksem_open
 *   import: segment_import, read the name, check the header, ksem_open
 *
 * Which comes last when creating depends on what the system can do. Where a
 * finished segment can be given its name, commit comes first: nobody finds it
 * before. Where it has a name from the start (SHMIPC_CAP_EARLY_NAME), commit
 * comes last, inside publish: finders wait for it.
 *
 * Between the look for a name and its creation somebody else may create it,
 * and between the look and the opening somebody may unlink it. Then we start
 * over; the loop ends when patience does.
 *
 * Death. Each step leaves what the backend's own comment says; the core adds
 * nothing outside the segment.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cancel.h"
#include "util/clock.h"
#include "other_backend.h"
#include "util/limits.h"
#include "object.h"
#include "name.h"
#include "util/prefault.h"

static bool has_ksem(const struct shmi_object *o)
{
	return o->seg.kind == SHMIPC_SEM && !o->rdonly;
}

/* Make the finished segment visible, in the order the backend needs. */
static int publish(struct shmipc_segment *seg)
{
	if (!(seg->backend->caps & SHMIPC_CAP_EARLY_NAME)) {
		int r = shmipc_segment_commit(seg->addr);

		if (r < 0)
			return r;
	}
	return seg->backend->segment_publish(seg);
}

static int prefault(const struct shmi_object *o,
		    const struct shmi_open_args *args, bool reserved)
{
	int r;

	if (!(args->flags & SHMIPC_PREFAULT) || o->seg.populated)
		return 0;
	/* What is reserved counts as used: there need not be as much again. */
	r = reserved ? 0 : shmi_limits_check(o->seg.length);
	if (r < 0)
		return r;
	return shmi_prefault(o->seg.addr, o->seg.length, !o->rdonly);
}

static int create(struct shmi_object *o, const struct shmi_open_args *args)
{
	const struct shmipc_backend *ops = o->seg.backend;
	struct shmi_contents contents = {
		.kind = args->kind,
		.name = args->name,
		.size = args->size,
		.value = args->value,
	};
	unsigned flags = 0;
	int r;

	if (args->flags & SHMIPC_LAZY)
		flags |= SHMIPC_SEGMENT_LAZY;
	else if (args->flags & SHMIPC_PREFAULT)
		flags |= SHMIPC_SEGMENT_PREFAULT;
	if (args->flags & SHMIPC_TRANSIENT) {
		flags |= SHMIPC_SEGMENT_TRANSIENT;
		contents.flags |= SHMI_HEADER_TRANSIENT;
	}
	r = ops->segment_create(&o->seg, SHMIPC_HEADER_SIZE + args->size,
				args->mode, flags);
	if (r < 0)
		return r;
	shmi_header_fill(shmi_header_of(&o->seg), &contents);

	r = prefault(o, args, !(args->flags & SHMIPC_LAZY));
	if (r < 0)
		goto err_segment;
	if (has_ksem(o)) {
		r = ops->ksem_create(&o->seg, args->mode);
		if (r < 0)
			goto err_segment;
	}

	r = publish(&o->seg);
	if (r < 0)
		goto err_ksem;
	o->size = args->size;
	o->pid_space = shmi_pid_space();
	o->created = true;
	return 0;

err_ksem:
	if (has_ksem(o)) {
		if (ops->ksem_remove)
			ops->ksem_remove(&o->seg);
		ops->ksem_close(&o->seg);
	}
err_segment:
	ops->segment_close(&o->seg);
	return r;
}

static int unsound(const char *what)
{
	return shmipc_backend_error(-EPROTO,
				    "what is there is not sound: %s; it was "
				    "left as it is",
				    what);
}

/* Check the header of a segment that was found under this name. */
static int check(const struct shmipc_segment *seg, struct shmi_facts *ret)
{
	int r = shmi_header_check(seg->header ? seg->header : seg->addr,
				  seg->length, seg->kind, seg->name, ret);

	if (r == 0 || r == -EPROTO)
		return r;
	/* Where names come early: unlinked since it was found. */
	if (r == -ESTALE && seg->backend->caps & SHMIPC_CAP_EARLY_NAME)
		return -ENOENT;
	if (r == -ESRCH)
		return unsound("its header has another name");
	/* Published, and not finished: nobody of ours does that. */
	return unsound("it was never finished");
}

/* A segment was found: judge it, and open the rest. Closes it on failure. */
static int accept(struct shmi_object *o, const struct shmi_open_args *args)
{
	const struct shmipc_backend *ops = o->seg.backend;
	struct shmi_facts facts;
	int r;

	r = check(&o->seg, &facts);
	if (r < 0)
		goto err_segment;
	if (args->size > facts.size) {
		r = shmipc_backend_error(-EINVAL, "it has %llu bytes, not %llu",
					 (unsigned long long)facts.size,
					 (unsigned long long)args->size);
		goto err_segment;
	}
	r = prefault(o, args, false);
	if (r < 0)
		goto err_segment;
	if (has_ksem(o)) {
		r = ops->ksem_open(&o->seg);
		if (r == -ENOENT)
			r = -EAGAIN; /* unlinked meanwhile: look again */
		if (r < 0)
			goto err_segment;
	}
	o->size = facts.size;
	o->pid_space = facts.pid_space;
	o->created = false;
	return 0;

err_segment:
	ops->segment_close(&o->seg);
	return r;
}

static int attach(struct shmi_object *o, const struct shmi_open_args *args)
{
	unsigned flags = o->rdonly ? SHMIPC_SEGMENT_RDONLY : 0;
	int r = o->seg.backend->segment_open(&o->seg, flags);

	return r < 0 ? r : accept(o, args);
}

static int import(struct shmi_object *o, const struct shmi_open_args *args)
{
	unsigned flags = o->rdonly ? SHMIPC_SEGMENT_RDONLY : 0;
	const struct shmipc_segment *seg = &o->seg;
	int r;

	o->name[0] = '\0';
	r = seg->backend->segment_import(&o->seg, args->fds, flags);
	if (r < 0)
		return r;
	r = shmi_header_name(seg->header ? seg->header : seg->addr, seg->length,
			     seg->kind, o->name);
	if (r == 0)
		return accept(o, args);
	seg->backend->segment_close(&o->seg);
	return r;
}

/* Each operation on the segment starts from zeroed private bytes. */
static void reset(struct shmi_object *o)
{
	memset(o->seg.priv, 0, o->seg.backend->segment_size);
	o->seg.addr = NULL;
	o->seg.length = 0;
	o->seg.header = NULL;
	o->seg.populated = 0;
}

/* Once through: -EAGAIN if somebody got in the way. */
static int open_once(struct shmi_object *o, const struct shmi_open_args *args)
{
	bool excl = args->flags & SHMIPC_EXCL;
	int r;

	if (args->fds) {
		reset(o);
		return import(o, args);
	}
	if (!excl) {
		reset(o);
		r = attach(o, args);
		if (r != -ENOENT || !(args->flags & SHMIPC_CREATE))
			return r;
	}
	if (args->kind == SHMIPC_SHM && args->size == 0)
		return shmipc_backend_error(
			-EINVAL, "there is none, and a new region needs a "
				 "size of at least 1");
	reset(o);
	r = create(o, args);
	return r == -EEXIST && !excl ? -EAGAIN : r;
}

static int open_with_retries(struct shmi_object *o,
			     const struct shmi_open_args *args)
{
	struct shmi_tries tries = { .count = 0 };
	int r;

	do
		r = open_once(o, args);
	while (shmi_try_again(&tries, &r));
	return r;
}

/* The handle, and the segment's private bytes behind it. */
int shmi_object_make(struct shmipc *ipc, struct shmi_object **ret,
		     const struct shmi_open_args *args)
{
	size_t front = shmi_aligned(args->handle);
	struct shmi_object *o;
	int r;

	o = calloc(1, front + ipc->ops->segment_size);
	if (!o)
		return -ENOMEM;
	if (args->name)
		strcpy(o->name, args->name);
	o->rdonly = args->flags & SHMIPC_RDONLY;
	o->seg.backend = ipc->ops;
	o->seg.kind = args->kind;
	o->seg.name = o->name;
	o->seg.conn = ipc->conn;
	o->seg.priv = (char *)o + front;

	r = open_with_retries(o, args);
	if (r < 0) {
		free(o);
		return r;
	}
	shmi_subject(o->subject, args->kind, o->name, ipc->ops->name);
	o->ipc = shmi_ipc_ref(ipc);
	*ret = o;
	return 0;
}

static int check_flags(const struct shmi_open_args *args)
{
	unsigned known =
		SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_RDONLY | SHMIPC_TRANSIENT;

	if (args->kind == SHMIPC_SHM)
		known |= SHMIPC_LAZY | SHMIPC_PREFAULT;
	if (args->flags & ~known)
		return shmi_bad("unknown flags");
	if (args->flags & SHMIPC_EXCL && !(args->flags & SHMIPC_CREATE))
		return shmi_bad(
			"SHMIPC_EXCL makes no sense without SHMIPC_CREATE");
	if (args->flags & SHMIPC_TRANSIENT && !(args->flags & SHMIPC_CREATE))
		return shmi_bad("SHMIPC_TRANSIENT makes no sense without "
				"SHMIPC_CREATE");
	if (args->flags & SHMIPC_RDONLY && args->flags & SHMIPC_CREATE)
		return shmi_bad("a new object is empty: SHMIPC_RDONLY makes no "
				"sense with SHMIPC_CREATE");
	return 0;
}

static int check_request(const struct shmi_open_args *args)
{
	const uint64_t largest = PTRDIFF_MAX - 2 * SHMIPC_HEADER_SIZE;

	if (args->size > largest)
		return shmi_bad("no address space is as large as this size");
	if (args->flags & SHMIPC_EXCL && args->kind == SHMIPC_SHM &&
	    args->size == 0)
		return shmi_bad("a new region needs a size of at least 1");
	if (args->flags & SHMIPC_CREATE && args->value > SHMIPC_SEM_VALUE_MAX)
		return shmi_bad("the value is above SHMIPC_SEM_VALUE_MAX");
	if (args->flags & SHMIPC_CREATE && args->mode & ~(mode_t)0777)
		return shmi_bad("mode has other than permission bits");
	/* Whoever is last must be able to look at it and take it away. */
	if (args->flags & SHMIPC_TRANSIENT && (args->mode & 0600) != 0600)
		return shmi_bad("a transient object must be readable and "
				"writable for its owner");
	return 0;
}

int shmi_object_open(struct shmipc *ipc, struct shmi_object **ret,
		     struct shmi_open_args *args)
{
	char subject[SHMI_SUBJECT_MAX];
	int r;

	shmi_error_begin();
	shmi_subject(subject, args->kind, args->name, shmipc_backend_name(ipc));
	if (!ipc)
		return shmi_report(SHMI_OPEN,
				   shmi_bad("the connection is NULL"), subject);
	if (!ret)
		return shmi_report(SHMI_OPEN,
				   shmi_bad("there is no place for the handle"),
				   subject);
	r = shmi_name_check(args->name, &args->name);
	if (r == 0)
		r = check_flags(args);
	if (r == 0)
		r = check_request(args);
	if (r == 0) {
		int cancel = shmi_cancel_off();

		r = shmi_object_make(ipc, ret, args);
		if (r == -ENOENT)
			r = shmi_other_backend(ipc, args->kind, args->name);
		shmi_cancel_restore(cancel);
	}
	return r < 0 ? shmi_report(SHMI_OPEN, r, subject) : 0;
}

void shmi_object_close(struct shmi_object *o)
{
	int cancel = shmi_cancel_off();

	if (has_ksem(o))
		o->seg.backend->ksem_close(&o->seg);
	o->seg.backend->segment_close(&o->seg);
	shmi_ipc_unref(o->ipc);
	free(o);
	shmi_cancel_restore(cancel);
}

static int peek_once(struct shmi_peek *peek, struct shmipc *ipc,
		     enum shmipc_kind kind, const char *name, unsigned flags)
{
	int r;

	memset(peek->priv, 0, ipc->ops->segment_size);
	peek->seg = (struct shmipc_segment){
		.backend = ipc->ops,
		.kind = kind,
		.name = name,
		.conn = ipc->conn,
		.priv = peek->priv,
	};
	r = ipc->ops->segment_open(&peek->seg, flags | SHMIPC_SEGMENT_PEEK |
						       SHMIPC_SEGMENT_RDONLY);
	if (r < 0)
		return r;
	r = check(&peek->seg, &peek->facts);
	if (r < 0)
		ipc->ops->segment_close(&peek->seg);
	return r;
}

int shmi_peek_open(struct shmi_peek *peek, struct shmipc *ipc,
		   enum shmipc_kind kind, const char *name, unsigned flags)
{
	struct shmi_tries tries = { .count = 0 };
	int r;

	if (flags & SHMIPC_SEGMENT_NOWAIT)
		return peek_once(peek, ipc, kind, name, flags);
	do
		r = peek_once(peek, ipc, kind, name, flags);
	while (shmi_try_again(&tries, &r));
	return r;
}

void shmi_peek_close(struct shmi_peek *peek)
{
	peek->seg.backend->segment_close(&peek->seg);
}

static int unlink_name(struct shmipc *ipc, enum shmipc_kind kind,
		       const char *name)
{
	struct shmi_tries tries = { .count = 0 };
	int r;

	/* What is not ours is not touched: the backend looks. */
	do
		r = ipc->ops->segment_unlink(ipc->conn, kind, name);
	while (shmi_try_again(&tries, &r));
	return r;
}

int shmi_object_unlink(struct shmipc *ipc, enum shmipc_kind kind,
		       const char *name)
{
	char subject[SHMI_SUBJECT_MAX];
	int r;

	shmi_error_begin();
	shmi_subject(subject, kind, name, shmipc_backend_name(ipc));
	if (!ipc)
		return shmi_report(SHMI_LOOK,
				   shmi_bad("the connection is NULL"), subject);
	r = shmi_name_check(name, &name);
	if (r == 0) {
		int cancel = shmi_cancel_off();

		r = unlink_name(ipc, kind, name);
		shmi_cancel_restore(cancel);
	}
	return r < 0 ? shmi_report(SHMI_LOOK, r, subject) : 0;
}
