/* SPDX-License-Identifier: MIT */
/*
 * Handing objects over by descriptor, past all names: what the program has to
 * be told, and the report.
 *
 * The descriptors come from wherever the program got them, so nothing about
 * them is believed: the backend sees what kind they are of, and the core judges
 * the header like that of any object. The name is what stands there. It is for
 * people, and to tell whoever keeps names that a transient object was closed.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "util/cancel.h"
#include "object.h"

static int check_backend(const struct shmipc_backend *ops)
{
	if (ops->caps & SHMIPC_CAP_FDS)
		return 0;
	return shmipc_backend_error(-ENOTSUP,
				    "%s cannot hand objects over by "
				    "descriptor (no SHMIPC_CAP_FDS); memfd can",
				    ops->name);
}

static int check_request(const struct shmipc *ipc,
			 const struct shmi_open_args *args)
{
	unsigned known = SHMIPC_RDONLY;

	if (args->kind == SHMIPC_SHM)
		known |= SHMIPC_PREFAULT;
	if (!ipc)
		return shmi_bad("the connection is NULL");
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
	char subject[SHMI_SUBJECT_MAX];
	int r;

	shmi_error_begin();
	shmi_subject(subject, args->kind, NULL, shmipc_backend_name(ipc));
	r = ret ? check_request(ipc, args)
		: shmi_bad("there is no place for the handle");
	if (r == 0) {
		int cancel = shmi_cancel_off();

		r = shmi_object_make(ipc, ret, args);
		shmi_cancel_restore(cancel);
	}
	return r < 0 ? shmi_report(SHMI_FDPASS, r, subject) : 0;
}

int shmi_object_export(struct shmi_object *o, int *ret)
{
	int fds[SHMIPC_SEGMENT_FDS] = { -1, -1 };
	int r;

	shmi_error_begin();
	r = check_backend(o->seg.backend);
	if (r == 0) {
		unsigned flags = o->rdonly ? SHMIPC_SEGMENT_RDONLY : 0;
		int cancel = shmi_cancel_off();

		r = o->seg.backend->segment_export(&o->seg, flags, fds);
		shmi_cancel_restore(cancel);
	}
	if (r < 0)
		return shmi_report(SHMI_FDPASS, r, o->subject);
	memcpy(ret, fds, sizeof(fds));
	return 0;
}
