/* SPDX-License-Identifier: MIT */
/*
 * Does another backend have a name that was not found here? Two programs that
 * were started with different SHMIPC_BACKEND would otherwise wait for each
 * other and never be told.
 *
 * This only looks: it probes nothing, starts no broker, waits for no process
 * (except 0.1 s at most for a broker that runs and does not reply), and takes
 * every failure as "not there".
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend.h"
#include "error.h"
#include "other_backend.h"
#include "peek.h"

static bool has_name(const struct shmipc_backend *ops,
		     const struct shmipc_kind_info *kind, const char *name)
{
	_Alignas(max_align_t) char conn[SHMIPC_BACKEND_PRIVATE_MAX];
	struct shmipc there = { .ops = ops, .conn = conn };
	struct shmipc_segment_facts facts;
	struct shmi_peek peek;
	int r;

	memset(conn, 0, ops->conn_size);
	r = shmi_peek_open(&peek, &there, kind, name, SHMIPC_SEGMENT_NOWAIT,
			   &facts);
	if (r == 0)
		shmi_peek_close(&peek);
	if (ops->conn_close)
		ops->conn_close(conn);
	return r == 0;
}

int shmi_other_backend(const struct shmipc *ipc,
		       const struct shmipc_kind_info *kind, const char *name)
{
	const struct shmipc_backend *b;

	for (unsigned i = 0; (b = shmi_backend_at(i)); i++)
		if (b != ipc->ops && has_name(b, kind, name))
			return shmipc_backend_error(
				-EXDEV,
				"it does not exist on %s, but %s has the name; "
				"do "
				"all programs run with the same "
				"SHMIPC_BACKEND?",
				ipc->ops->name, b->name);
	shmi_error_begin(); /* forget causes from other backends */
	return -ENOENT;
}
