/* SPDX-License-Identifier: MIT */
/* The backends that this process knows. */
#ifndef SHMI_BACKEND_H
#define SHMI_BACKEND_H

#include <stdbool.h>

#include <shmipc-backend.h>

/* Built in; memfd only where the system supports it. */
extern const struct shmipc_backend shmi_backend_posix;
extern const struct shmipc_backend shmi_backend_sysv;
extern const struct shmipc_backend shmi_backend_memfd;

/* The backend at this index in order of preference, or NULL past the end. */
const struct shmipc_backend *shmi_backend_at(unsigned place);

/* The backend with this name of length bytes, or NULL. */
const struct shmipc_backend *shmi_backend_find(const char *name, size_t length);

/*
 * Check that a table keeps the rules of shmipc-backend.h, as far as that is
 * visible from outside.
 *   -EINVAL  it does not; the message says which rule
 */
int shmi_backend_check(const struct shmipc_backend *ops);

#endif
