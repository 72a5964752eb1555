/* SPDX-License-Identifier: MIT */
/* The backends that this process knows. */
#ifndef SHMI_BACKEND_H
#define SHMI_BACKEND_H

#include <stdbool.h>

#include <shmipc-backend.h>

/* Built in; memfd only where the system has it. */
extern const struct shmipc_backend shmi_backend_posix;
extern const struct shmipc_backend shmi_backend_sysv;
extern const struct shmipc_backend shmi_backend_memfd;

/* The backend at this place in the order of preference, or NULL at its end. */
const struct shmipc_backend *shmi_backend_at(unsigned place);

/* The backend whose name is these bytes, or NULL. */
const struct shmipc_backend *shmi_backend_find(const char *name, size_t length);

/*
 * Does this table keep the promises of shmipc-backend.h, as far as that can
 * be seen from outside?
 *   -EINVAL  no; the sentence says what is wrong
 */
int shmi_backend_check(const struct shmipc_backend *ops);

#endif
