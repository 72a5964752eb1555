/* SPDX-License-Identifier: MIT */
/* Names of objects: the same on every backend, whatever its system allows. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "error.h"
#include "name.h"

const enum shmipc_kind shmi_kinds[SHMI_KINDS] = { SHMIPC_SHM, SHMIPC_SEM };

/* Not isalnum(3): what a name is must not depend on the locale. */
static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz"
			      "0123456789._-";

int shmi_name_check(const char *name, const char **ret)
{
	size_t length;

	if (!name)
		return shmipc_backend_error(-EINVAL, "the name is NULL");
	if (*name == '/')
		name++;
	length = strnlen(name, SHMIPC_NAME_MAX + 1);
	if (length == 0)
		return shmipc_backend_error(-EINVAL, "the name is empty");
	if (length > SHMIPC_NAME_MAX)
		return shmipc_backend_error(-ENAMETOOLONG,
					    "the name is longer than %d bytes",
					    SHMIPC_NAME_MAX);
	if (strspn(name, allowed) != length)
		return shmipc_backend_error(
			-EINVAL, "a name is made of A-Z a-z 0-9 . _ -, "
				 "after one slash that may be left out");
	*ret = name;
	return 0;
}
