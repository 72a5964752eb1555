/* SPDX-License-Identifier: MIT */
/* The backends that this process knows. */
#ifndef SHMI_BACKEND_H
#define SHMI_BACKEND_H

#include <stdbool.h>

#include <shmipc-backend.h>

/* The backend at this index in order of preference, or NULL past the end. */
const struct shmipc_backend *shmi_backend_at(unsigned index);

/* The backend that an unset SHMIPC_BACKEND means. */
#define SHMI_BACKEND_DEFAULT (shmi_backend_at(0)->name)

/* The backend with this name of length bytes, or NULL. */
const struct shmipc_backend *shmi_backend_find(const char *name, size_t length);

/*
 * Check that a table keeps the rules of shmipc-backend.h, as far as that is
 * visible from outside.
 *   -EINVAL  it does not; the message says which rule
 */
int shmi_backend_check(const struct shmipc_backend *ops);

#endif
