/* SPDX-License-Identifier: MIT */
/*
 * Passing objects by descriptor, without a name: the checks and the report.
 *
 * The descriptors come from any source, so nothing about them is trusted: the
 * backend checks their type, and the core checks the header like any other. The
 * name is the header's. It is for people, and tells a process that keeps names
 * that a transient object was closed.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "backend.h"
#include "object.h"

static int check_backend(const struct shmipc_backend *ops)
{
	const struct shmipc_backend *can;

	if (ops->caps & SHMIPC_CAP_FDS)
		return 0;
	for (unsigned i = 0; (can = shmi_backend_at(i)); i++)
		if (can->caps & SHMIPC_CAP_FDS)
			break;
	return shmipc_backend_error(-ENOTSUP,
				    "%s cannot hand objects over by "
				    "descriptor (no SHMIPC_CAP_FDS)%s%s%s",
				    ops->name, can ? "; " : "",
				    can ? can->name : "", can ? " can" : "");
}

static int check_import(const struct shmipc *ipc,
			const struct shmi_open_args *args)
{
	unsigned known =
		args->kind->info.flags & (SHMIPC_RDONLY | SHMIPC_PREFAULT);

	if (!args->fds)
		return shmi_bad("the descriptors are NULL");
	if (args->flags & ~known)
		return shmi_bad("flags that are unknown, or make no sense with "
				"what exists");
	return check_backend(ipc->ops);
}

int shmi_object_import(struct shmipc *ipc, struct shmi_object **ret,
		       const struct shmi_open_args *args)
{
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_FDPASS, ipc, args->kind->info.noun,
			    NULL);
	if (r == 0)
		r = ret ? check_import(ipc, args)
			: shmi_bad("the place for the handle is NULL");
	if (r == 0)
		r = shmi_object_make(ipc, ret, args);
	return shmi_call_end(&call, r);
}

int shmi_object_export(struct shmi_object *o, int *ret)
{
	int fds[SHMIPC_SEGMENT_FDS] = { -1, -1, -1, -1 };
	struct shmi_call call;
	int r;

	shmi_call_begin_on(&call, SHMI_FDPASS, o->subject);
	r = check_backend(o->seg.backend);
	if (r == 0)
		r = o->seg.backend->segment_export(
			&o->seg, o->rdonly ? SHMIPC_SEGMENT_RDONLY : 0, fds);
	if (r == 0)
		memcpy(ret, fds, (1 + o->seg.kind->ksems) * sizeof(int));
	return shmi_call_end(&call, r);
}
