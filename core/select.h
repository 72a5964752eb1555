/* SPDX-License-Identifier: MIT */
/* Which backend does the user mean? */
#ifndef SHMI_SELECT_H
#define SHMI_SELECT_H

#include <shmipc-backend.h>

/*
 * The backend that a name, a list or an exclusion chooses here and now; NULL
 * chooses posix.
 *   -EINVAL  unknown or malformed
 *   -ENOSYS  none of the allowed ones works
 */
int shmi_select(const char *wanted, const struct shmipc_backend **ret);

#endif
