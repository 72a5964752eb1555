/* SPDX-License-Identifier: MIT */
/* Connections: opening, counting, closing. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "backend.h"
#include "call.h"
#include "util/cancel.h"
#include "util/debug.h"
#include "ipc.h"
#include "select.h"

size_t shmi_aligned(size_t size)
{
	const size_t unit = _Alignof(max_align_t);

	return (size + unit - 1) / unit * unit;
}

/* The backend that the user wants, or NULL. */
static const char *from_environment(void)
{
	/* secure_getenv: NULL in a set-user-id program. */
	const char *wanted = secure_getenv("SHMIPC_BACKEND");

	return wanted && *wanted ? wanted : NULL;
}

static int open_connection(struct shmipc **ret, const char *backend)
{
	const struct shmipc_backend *ops;
	struct shmipc *ipc;
	int r;

	r = shmi_select(backend, &ops);
	if (r < 0)
		return r;
	ipc = calloc(1, shmi_aligned(sizeof(*ipc)) + ops->conn_size);
	if (!ipc)
		return -ENOMEM;
	ipc->ops = ops;
	ipc->conn = (char *)ipc + shmi_aligned(sizeof(*ipc));
	atomic_init(&ipc->references, 1);
	*ret = ipc;
	shmi_debug("connection to %s", ops->name);
	return 0;
}

int shmipc_open(struct shmipc **ret, const char *backend)
{
	const char *subject = backend ? "connection" : "SHMIPC_BACKEND";
	int r = shmi_debug_begin();
	struct shmi_call call;

	shmi_call_begin_on(&call, SHMI_CONNECT,
			   r < 0 ? "SHMIPC_DEBUG" : subject);
	if (r < 0)
		r = shmi_bad("it is set, and to neither 0 nor 1");
	else if (!ret)
		r = shmi_bad("the place for the handle is NULL");
	else
		r = open_connection(ret,
				    backend ? backend : from_environment());
	return shmi_call_end(&call, r);
}

struct shmipc *shmi_ipc_ref(struct shmipc *ipc)
{
	/* Relaxed: the caller's reference keeps it alive. */
	atomic_fetch_add_explicit(&ipc->references, 1, memory_order_relaxed);
	return ipc;
}

void shmi_ipc_unref(struct shmipc *ipc)
{
	/*
	 * Release our use, and acquire all others' before freeing: the
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
