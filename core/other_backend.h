/* SPDX-License-Identifier: MIT */
/* A name that is not here: has another backend got it? */
#ifndef SHMI_OTHER_BACKEND_H
#define SHMI_OTHER_BACKEND_H

#include "ipc.h"

/*
 * What to say after -ENOENT on this connection.
 *   -ENOENT  nobody has it
 *   -EXDEV   another backend has it; the sentence says which
 */
int shmi_other_backend(const struct shmipc *ipc, enum shmipc_kind kind,
		       const char *name);

#endif
