/* SPDX-License-Identifier: MIT */
/*
 * Creating, opening and unlinking, for regions and semaphores alike.
 *
 *   create: segment_create, fill the header, ksem_create, publish
 *   open:   segment_open, check the header, ksem_open
 *   import: segment_import, read the name, check the header, ksem_open
 *
 * The order of the last steps of creation depends on the system. Where a
 * finished segment can be given its name, commit comes first: it cannot be
 * found before. Where it has a name from the start (SHMIPC_CAP_EARLY_NAME),
 * commit comes last, inside publish: finders wait for it.
 *
 * Between looking for a name and creating it another process may create it, and
 * between looking and opening another may unlink it. Then we start over, until
 * the peer timeout ends the loop.
 *
 * Death. Each step leaves what the backend's own comment says; the core adds
 * nothing outside the segment.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "object.h"
#include "other_backend.h"
#include "util/cancel.h"
#include "util/clock.h"
#include "util/limits.h"
#include "util/prefault.h"

static bool has_ksem(const struct shmi_object *o)
{
	return o->seg.kind->ksems && !o->rdonly;
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
	/* Reserved pages count as used already: no more memory is needed. */
	r = reserved ? 0 : shmi_limits_check(o->seg.length);
	if (r < 0)
		return r;
	return shmi_prefault(o->seg.addr, o->seg.length, !o->rdonly);
}

/* The SHMIPC_SEGMENT_* flags that these SHMIPC_* flags stand for. */
static unsigned segment_flags(unsigned flags)
{
	unsigned ret = 0;

	if (flags & SHMIPC_LAZY)
		ret |= SHMIPC_SEGMENT_LAZY;
	else if (flags & SHMIPC_PREFAULT)
		ret |= SHMIPC_SEGMENT_PREFAULT;
	if (flags & SHMIPC_TRANSIENT)
		ret |= SHMIPC_SEGMENT_TRANSIENT;
	return ret;
}

static int create(struct shmi_object *o, const struct shmi_open_args *args)
{
	const struct shmipc_backend *ops = o->seg.backend;
	struct shmi_contents contents = {
		.kind = (uint32_t)args->kind->info.kind,
		.name = args->name,
		.size = args->size,
		.value = args->value,
	};
	int r;

	if (args->flags & SHMIPC_TRANSIENT)
		contents.flags |= SHMI_HEADER_TRANSIENT;
	r = ops->segment_create(&o->seg, SHMIPC_HEADER_SIZE + args->size,
				args->mode, segment_flags(args->flags));
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
	o->born = shmi_header_of(&o->seg)->created;
	o->creator = shmi_header_of(&o->seg)->creator;
	o->transient = args->flags & SHMIPC_TRANSIENT;
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

/* Check the segment that was found, open the rest; on failure close it. */
static int accept_found(struct shmi_object *o,
			const struct shmi_open_args *args)
{
	const struct shmipc_backend *ops = o->seg.backend;
	struct shmipc_segment_facts facts;
	int r;

	r = shmi_segment_check(&o->seg, &facts);
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
	o->born = facts.created;
	o->creator = facts.creator;
	o->transient = facts.transient;
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

	return r < 0 ? r : accept_found(o, args);
}

/* An imported segment has the name that its header says. */
static int get_name(const struct shmipc_segment *seg,
		    char ret[SHMIPC_NAME_MAX + 1])
{
	struct shmipc_segment_facts facts;
	const struct shmi_kind *kind;
	int r;

	r = shmipc_segment_identify(seg->header ? seg->header : seg->addr,
				    seg->length, &facts);
	if (r == -EPROTO)
		return r;
	if (r < 0)
		return shmipc_backend_error(
			-EPROTO, "what is there was never finished; it was "
				 "left as it is");
	if (facts.kind != (uint32_t)seg->kind->kind) {
		kind = shmi_kind_find(facts.kind);
		return shmipc_backend_error(
			-EPROTO,
			"what is there is a %s and not a %s; it was "
			"left as it is",
			kind ? kind->info.noun : "kind that is not known",
			seg->kind->noun);
	}
	strcpy(ret, facts.name);
	return 0;
}

static int import(struct shmi_object *o, const struct shmi_open_args *args)
{
	unsigned flags = o->rdonly ? SHMIPC_SEGMENT_RDONLY : 0;
	int r;

	o->name[0] = '\0';
	r = o->seg.backend->segment_import(&o->seg, args->fds, flags);
	if (r < 0)
		return r;
	r = get_name(&o->seg, o->name);
	if (r == 0)
		return accept_found(o, args);
	o->seg.backend->segment_close(&o->seg);
	return r;
}

/* Each operation on the segment starts with zeroed private bytes. */
static void reset(struct shmi_object *o)
{
	memset(o->seg.priv, 0, o->seg.backend->segment_size);
	o->seg.addr = NULL;
	o->seg.length = 0;
	o->seg.header = NULL;
	o->seg.populated = 0;
}

/* One attempt: -EAGAIN if another process interfered. */
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
	if (args->kind->info.has_bytes && args->size == 0)
		return shmipc_backend_error(
			-EINVAL,
			"it does not exist, and a new %s needs a size "
			"of at least 1",
			args->kind->info.noun);
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

/* Allocates the handle and, behind it, the segment's private bytes. */
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
	o->seg.kind = &args->kind->info;
	o->seg.name = o->name;
	o->seg.conn = ipc->conn;
	o->seg.priv = (char *)o + front;

	r = open_with_retries(o, args);
	if (r < 0) {
		free(o);
		return r;
	}
	shmi_subject(o->subject, args->kind->info.noun, o->name,
		     ipc->ops->name);
	o->ipc = shmi_ipc_ref(ipc);
	*ret = o;
	return 0;
}

static int check_flags(const struct shmi_open_args *args)
{
	if (args->flags & ~args->kind->info.flags)
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

static int check_args(const struct shmi_open_args *args)
{
	const uint64_t largest = PTRDIFF_MAX - 2 * SHMIPC_HEADER_SIZE;

	if (args->size > largest)
		return shmi_bad("no address space is as large as this size");
	if (args->flags & SHMIPC_EXCL && args->kind->info.has_bytes &&
	    args->size == 0)
		return shmipc_backend_error(
			-EINVAL, "a new %s needs a size of at least 1",
			args->kind->info.noun);
	if (args->flags & SHMIPC_CREATE && args->value > SHMIPC_SEM_VALUE_MAX)
		return shmi_bad("the value is above SHMIPC_SEM_VALUE_MAX");
	if (args->flags & SHMIPC_CREATE && args->mode & ~(mode_t)0777)
		return shmi_bad("mode has other than permission bits");
	/* Its last user must be able to read it and remove it. */
	if (args->flags & SHMIPC_TRANSIENT && (args->mode & 0600) != 0600)
		return shmi_bad("a transient object must be readable and "
				"writable for its owner");
	return 0;
}

static int open_by_name(struct shmipc *ipc, struct shmi_object **ret,
			struct shmi_open_args *args)
{
	int r = shmi_name_check(args->name, &args->name);

	if (r == 0)
		r = check_flags(args);
	if (r == 0)
		r = check_args(args);
	if (r == 0)
		r = shmi_object_make(ipc, ret, args);
	if (r == -ENOENT)
		r = shmi_other_backend(ipc, &args->kind->info, args->name);
	return r;
}

int shmi_object_open(struct shmipc *ipc, struct shmi_object **ret,
		     struct shmi_open_args *args)
{
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_OPEN, ipc, args->kind->info.noun,
			    args->name);
	if (r == 0)
		r = ret ? open_by_name(ipc, ret, args)
			: shmi_bad("the place for the handle is NULL");
	return shmi_call_end(&call, r);
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

static int unlink_name(struct shmipc *ipc, const struct shmipc_kind_info *kind,
		       const char *name)
{
	struct shmi_tries tries = { .count = 0 };
	int r = shmi_name_check(name, &name);

	if (r < 0)
		return r;
	/* The backend checks that it is ours before removing it. */
	do
		r = ipc->ops->segment_unlink(ipc->conn, kind, name);
	while (shmi_try_again(&tries, &r));
	return r;
}

int shmipc_unlink(struct shmipc *ipc, enum shmipc_kind number, const char *name)
{
	const struct shmipc_kind_info *kind = shmipc_kind_find(number);
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_LOOK, ipc, kind ? kind->noun : NULL,
			    name);
	if (r == 0)
		r = kind ? unlink_name(ipc, kind, name)
			 : shmi_bad("the kind is not known");
	return shmi_call_end(&call, r);
}
