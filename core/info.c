/* SPDX-License-Identifier: MIT */
/* Describing one object, or all objects of a backend. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>

#include "call.h"
#include "name.h"
#include "peek.h"

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
