/* SPDX-License-Identifier: MIT */
/* Names of objects. */
#ifndef SHMI_NAME_H
#define SHMI_NAME_H

#include <shmipc.h>

/*
 * Check a name. On success *ret is its start, after the optional slash.
 *   -EINVAL        NULL, empty, or a byte other than A-Z a-z 0-9 . _ -
 *   -ENAMETOOLONG  more than SHMIPC_NAME_MAX bytes
 */
int shmi_name_check(const char *name, const char **ret);

#endif
