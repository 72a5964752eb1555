/* SPDX-License-Identifier: MIT */
/* Garbage: what nobody can use any more. Backends know what that is. */
#include <config.h>

#include "util/cancel.h"
#include "error.h"
#include "ipc.h"

struct collection {
	struct shmipc *ipc;
	int (*visit)(const struct shmipc_info *, void *);
	void *arg;
	int count;
};

static int count_one(const struct shmipc_info *found, void *arg)
{
	struct collection *c = arg;
	struct shmipc_info info = *found;

	c->count++;
	info.backend = c->ipc->ops->name;
	info.stale = 1;
	return c->visit ? c->visit(&info, c->arg) : 0;
}

int shmipc_gc(struct shmipc *ipc, unsigned flags,
	      int (*visit)(const struct shmipc_info *, void *), void *arg)
{
	struct collection c = { .ipc = ipc, .visit = visit, .arg = arg };
	char subject[SHMI_SUBJECT_MAX];
	int r, cancel;

	shmi_error_begin();
	shmi_subject(subject, 0, NULL, shmipc_backend_name(ipc));
	if (!ipc)
		return shmi_report(SHMI_LIST,
				   shmi_bad("the connection is NULL"), subject);
	if (flags & ~SHMIPC_GC_DRY_RUN)
		return shmi_report(SHMI_LIST, shmi_bad("unknown flags"),
				   subject);
	cancel = shmi_cancel_off();
	r = ipc->ops->gc(ipc->conn, !(flags & SHMIPC_GC_DRY_RUN), count_one,
			 &c);
	shmi_cancel_restore(cancel);
	return r < 0 ? shmi_report(SHMI_LIST, r, subject) : c.count;
}
