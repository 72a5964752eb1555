/* SPDX-License-Identifier: MIT */
/*
 * A name that is not here: has another backend got it? Two programs that were
 * started with different SHMIPC_BACKEND would otherwise wait for each other
 * and never be told.
 *
 * Looking is looking only: nothing is probed, no broker is started, nobody is
 * waited for (but 0.1 s at most for a broker that runs and does not answer),
 * and whatever goes wrong means that it is not there.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "backend.h"
#include "other_backend.h"
#include "error.h"
#include "object.h"

static bool other_backend_has(const struct shmipc_backend *ops,
			      enum shmipc_kind kind, const char *name)
{
	_Alignas(max_align_t) char conn[SHMIPC_BACKEND_PRIVATE_MAX];
	struct shmipc there = { .ops = ops, .conn = conn };
	struct shmi_peek peek;
	int r;

	memset(conn, 0, ops->conn_size);
	r = shmi_peek_open(&peek, &there, kind, name, SHMIPC_SEGMENT_NOWAIT);
	if (r == 0)
		shmi_peek_close(&peek);
	if (ops->conn_close)
		ops->conn_close(conn);
	return r == 0;
}

int shmi_other_backend(const struct shmipc *ipc, enum shmipc_kind kind,
		       const char *name)
{
	const struct shmipc_backend *b;

	for (unsigned i = 0; (b = shmi_backend_at(i)); i++)
		if (b != ipc->ops && other_backend_has(b, kind, name))
			return shmipc_backend_error(
				-EXDEV,
				"there is none on %s, but %s has the name; do "
				"all programs run with the same "
				"SHMIPC_BACKEND?",
				ipc->ops->name, b->name);
	shmi_error_begin(); /* whatever the others said is of no interest */
	return -ENOENT;
}
