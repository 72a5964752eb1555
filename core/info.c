/* SPDX-License-Identifier: MIT */
/* Describing one object, or all objects of a backend. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "name.h"
#include "object.h"

static int look_at_name(struct shmipc *ipc, const struct shmipc_kind_info *kind,
			const char *name, struct shmipc_info *ret)
{
	struct shmipc_segment_facts facts;
	struct shmipc_info info;
	struct shmi_peek peek;
	int r;

	r = shmi_name_check(name, &name);
	if (r < 0)
		return r;
	r = shmi_peek_open(&peek, ipc, kind, name, 0, &facts);
	if (r < 0)
		return r;
	r = shmi_peek_describe(&peek.seg, &facts, &info);
	shmi_peek_close(&peek);
	if (r == 0)
		*ret = info;
	return r;
}

int shmipc_stat(struct shmipc *ipc, enum shmipc_kind number, const char *name,
		struct shmipc_info *ret)
{
	const struct shmipc_kind_info *kind = shmipc_kind_find(number);
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_LOOK, ipc, kind ? kind->noun : NULL,
			    name);
	if (r == 0 && kind && ret)
		r = look_at_name(ipc, kind, name, ret);
	else if (r == 0)
		r = shmi_bad("kind or result is not valid");
	return shmi_call_end(&call, r);
}

/* What a handle knows by itself about an object that has no name any more. */
static void describe_unlinked(const struct shmi_object *o, uint64_t id,
			      struct shmipc_info *ret)
{
	/* seg.kind is the first member of the core's descriptor. */
	const struct shmi_kind *kind = (const struct shmi_kind *)o->seg.kind;

	*ret = (struct shmipc_info){
		.backend = o->seg.backend->name,
		.kind = o->seg.kind->kind,
		.size = o->size,
		.created = o->born,
		.creator = o->creator,
		.in_use = 1,
		.transient = o->transient,
		.id = id,
	};
	strcpy(ret->name, o->name);
	if (kind->state)
		kind->state(shmi_header_of(&o->seg), ret);
}

static int describe_object(const struct shmi_object *o, struct shmipc_info *ret)
{
	uint64_t id =
		shmi_object_id(o->name, o->born, o->creator, o->pid_space);
	struct shmipc_info info = { .id = 0 };
	int r;

	r = look_at_name(o->ipc, o->seg.kind, o->name, &info);
	if (r < 0 && r != -ENOENT && r != -ESTALE)
		return r;
	if (r < 0 || info.id != id) {
		describe_unlinked(o, id, &info);
		info.unlinked = r != -ESTALE;
		info.lost = r == -ESTALE;
		info.replaced = r == 0;
	}
	*ret = info;
	return 0;
}

int shmi_object_info(const struct shmi_object *o, const char *noun,
		     struct shmipc_info *ret)
{
	struct shmi_call call;
	int r;

	/* A handle has a connection, so this cannot fail if o is not NULL. */
	(void)shmi_call_begin(&call, SHMI_LOOK, o ? o->ipc : NULL, noun,
			      o ? o->name : NULL);
	if (o && ret)
		r = describe_object(o, ret);
	else
		r = shmi_bad("the handle or the result is NULL");
	return shmi_call_end(&call, r);
}

/* A listing of one backend, handed through segment_list() to show(). */
struct listing {
	int (*visit)(const struct shmipc_info *, void *);
	void *arg;
	const char *backend;
	int shown;
	int err;
	bool over;
};

/* Errors that leave one object out; any other ends the listing. */
static bool is_left_out(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EPROTO ||
	       err == -EAGAIN || err == -ETIMEDOUT;
}

static int show(struct shmipc_segment *seg, void *arg)
{
	struct shmipc_segment_facts facts;
	struct listing *l = arg;
	struct shmipc_info info;
	int r;

	r = shmi_segment_check(seg, &facts);
	if (r == 0)
		r = shmi_peek_describe(seg, &facts, &info);
	if (r < 0) {
		l->err = is_left_out(r) ? 0 : r;
		return l->err < 0;
	}
	l->shown++;
	l->over = l->visit(&info, l->arg) != 0;
	return l->over;
}

static int show_lost(const struct shmipc_info *info, void *arg)
{
	struct listing *l = arg;
	struct shmipc_info shown = *info;

	shown.backend = l->backend;
	shown.lost = 1;
	l->shown++;
	l->over = l->visit(&shown, l->arg) != 0;
	return l->over;
}

static int list_all(const struct shmipc *ipc, struct listing *l)
{
	struct shmi_peek peek;
	int r;

	shmi_peek_prepare(&peek, ipc, NULL);
	r = ipc->ops->segment_list(&peek.seg, show, l);
	if (r == 0)
		r = l->err;
	if (r == 0 && !l->over && ipc->ops->lost)
		r = ipc->ops->lost(ipc->conn, show_lost, l);
	return r;
}

int shmipc_list(struct shmipc *ipc,
		int (*visit)(const struct shmipc_info *, void *), void *arg)
{
	struct listing l = {
		.visit = visit,
		.arg = arg,
		.backend = shmipc_backend_name(ipc),
	};
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_LIST, ipc, NULL, NULL);
	if (r == 0 && !visit)
		r = shmi_bad("visit is NULL");
	if (r == 0)
		r = list_all(ipc, &l);
	return shmi_call_end(&call, r < 0 ? r : l.shown);
}
