/* SPDX-License-Identifier: MIT */
/* Garbage: objects that no process can use any more. Backends find it. */
#include <config.h>

#include "call.h"
#include "ipc.h"

struct collection {
	struct shmipc_gc gc; /* first: the backend has a pointer to it */
	const char *backend;
	int (*visit)(const struct shmipc_info *, void *);
	void *arg;
	int count;
};

void shmipc_gc_found(struct shmipc_gc *gc, const struct shmipc_info *found)
{
	struct collection *c = (struct collection *)gc;
	struct shmipc_info info = *found;

	c->count++;
	info.backend = c->backend;
	if (c->visit && c->visit(&info, c->arg))
		gc->over = 1;
}

int shmipc_gc(struct shmipc *ipc, unsigned flags,
	      int (*visit)(const struct shmipc_info *, void *), void *arg)
{
	struct collection c = {
		.gc = { .remove = !(flags & SHMIPC_GC_DRY_RUN) },
		.backend = shmipc_backend_name(ipc),
		.visit = visit,
		.arg = arg,
	};
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_LIST, ipc, NULL, NULL);
	if (r == 0 && flags & ~SHMIPC_GC_DRY_RUN)
		r = shmi_bad("unknown flags");
	if (r == 0)
		r = ipc->ops->gc(ipc->conn, &c.gc);
	return shmi_call_end(&call, r < 0 ? r : c.count);
}
