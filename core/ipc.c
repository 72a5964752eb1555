/* SPDX-License-Identifier: MIT */
/* Connections: opening, counting, closing. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "backend.h"
#include "util/cancel.h"
#include "util/debug.h"
#include "error.h"
#include "ipc.h"
#include "select.h"

size_t shmi_aligned(size_t size)
{
	const size_t unit = _Alignof(max_align_t);

	return (size + unit - 1) / unit * unit;
}

/* What the user wants, or NULL. */
static const char *from_environment(void)
{
	/* secure_getenv: NULL in a set-user-id program. */
	const char *wanted = secure_getenv("SHMIPC_BACKEND");

	return wanted && *wanted ? wanted : NULL;
}

int shmipc_open(struct shmipc **ret, const char *backend)
{
	const struct shmipc_backend *ops;
	struct shmipc *ipc;
	int r, cancel;

	shmi_error_begin();
	if (!ret)
		return shmi_report(SHMI_CONNECT,
				   shmi_bad("there is no place for the handle"),
				   "connection");
	r = shmi_debug_begin();
	if (r < 0)
		return shmi_report(SHMI_CONNECT, r, "SHMIPC_DEBUG");
	cancel = shmi_cancel_off();
	r = shmi_select(backend ? backend : from_environment(), &ops);
	shmi_cancel_restore(cancel);
	if (r < 0)
		return shmi_report(SHMI_CONNECT, r,
				   backend ? "connection" : "SHMIPC_BACKEND");

	ipc = calloc(1, shmi_aligned(sizeof(*ipc)) + ops->conn_size);
	if (!ipc)
		return shmi_report(SHMI_CONNECT, -ENOMEM, "connection");
	ipc->ops = ops;
	ipc->conn = (char *)ipc + shmi_aligned(sizeof(*ipc));
	atomic_init(&ipc->references, 1);
	*ret = ipc;
	shmi_debug("connection to %s", ops->name);
	return 0;
}

struct shmipc *shmi_ipc_ref(struct shmipc *ipc)
{
	/* Relaxed: the caller has a reference, so it cannot go away. */
	atomic_fetch_add_explicit(&ipc->references, 1, memory_order_relaxed);
	return ipc;
}

void shmi_ipc_unref(struct shmipc *ipc)
{
	/*
	 * Release our use of it, acquire everybody's before freeing: the
	 * decrements pair with each other.
	 */
	if (atomic_fetch_sub_explicit(&ipc->references, 1,
				      memory_order_acq_rel) != 1)
		return;
	if (ipc->ops->conn_close)
		ipc->ops->conn_close(ipc->conn);
	free(ipc);
}

void shmipc_close(struct shmipc *ipc)
{
	int cancel = shmi_cancel_off();

	if (ipc)
		shmi_ipc_unref(ipc);
	shmi_cancel_restore(cancel);
}

const char *shmipc_backend_name(const struct shmipc *ipc)
{
	return ipc ? ipc->ops->name : NULL;
}

const char *shmipc_version(void)
{
	return PACKAGE_VERSION;
}
