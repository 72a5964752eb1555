/* SPDX-License-Identifier: MIT */
/* The backends that this process knows. */
#ifndef SHMI_BACKEND_H
#define SHMI_BACKEND_H

#include <stdbool.h>

#include <shmipc-backend.h>

/* The backend at this place in the order of preference, or NULL at its end. */
const struct shmipc_backend *shmi_backend_at(unsigned place);

/* The backend that an unset SHMIPC_BACKEND means. */
#define SHMI_BACKEND_DEFAULT (shmi_backend_at(0)->name)

/* The backend whose name is these bytes, or NULL. */
const struct shmipc_backend *shmi_backend_find(const char *name, size_t length);

/*
 * Does this table keep the promises of shmipc-backend.h, as far as that can
 * be seen from outside?
 *   -EINVAL  no; the sentence says what is wrong
 */
int shmi_backend_check(const struct shmipc_backend *ops);

#endif
