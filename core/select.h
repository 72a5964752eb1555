/* SPDX-License-Identifier: MIT */
/* Choosing the backend that the user means. */
#ifndef SHMI_SELECT_H
#define SHMI_SELECT_H

#include <shmipc-backend.h>

/*
 * The backend chosen by a name, a list or an exclusion, here and now; NULL
 * chooses posix.
 *   -EINVAL  unknown or malformed
 *   -ENOSYS  no allowed backend works
 */
int shmi_select(const char *wanted, const struct shmipc_backend **ret);

#endif
