/* SPDX-License-Identifier: MIT */
/* Does another backend have a name that was not found here? */
#ifndef SHMI_OTHER_BACKEND_H
#define SHMI_OTHER_BACKEND_H

#include "ipc.h"

/*
 * The code to return after -ENOENT on this connection.
 *   -ENOENT  no backend has the name
 *   -EXDEV   another backend has it; the message says which
 */
int shmi_other_backend(const struct shmipc *ipc,
		       const struct shmipc_kind_info *kind, const char *name);

#endif
