/* SPDX-License-Identifier: MIT */
/* A connection to one backend. */
#ifndef SHMI_IPC_H
#define SHMI_IPC_H

#include <stdatomic.h>

#include <shmipc-backend.h>

struct shmipc {
	const struct shmipc_backend *ops; /* constant */
	/*
	 * The user's own reference and one for each open object; dropping the
	 * last frees it. Any thread changes it, atomically.
	 */
	atomic_uint references;
	void *conn; /* the backend's conn_size bytes, behind this structure */
};

struct shmipc *shmi_ipc_ref(struct shmipc *ipc);
void shmi_ipc_unref(struct shmipc *ipc);

/* Round up to where private bytes of any type may start behind a structure. */
size_t shmi_aligned(size_t size);

#endif
