/* SPDX-License-Identifier: MIT */
/* Names of objects: the same rules on every backend. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "name.h"

/*
 * Not isalnum(3): names must not depend on the locale. Not strspn(3): it first
 * fills a table of 256 bytes, which costs half a system call.
 */
static bool is_allowed(unsigned char c)
{
	unsigned char letter = c | 0x20;

	return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* Length of the part at the beginning that a name may contain. */
static size_t span(const char *name)
{
	size_t i = 0;

	while (is_allowed((unsigned char)name[i]))
		i++;
	return i;
}

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
	if (span(name) != length)
		return shmipc_backend_error(
			-EINVAL, "a name is made of A-Z a-z 0-9 . _ -, "
				 "after one slash that may be left out");
	*ret = name;
	return 0;
}

int shmipc_name_is_valid(const char *name)
{
	size_t length = name ? strnlen(name, SHMIPC_NAME_MAX + 1) : 0;

	return length >= 1 && length <= SHMIPC_NAME_MAX && span(name) == length;
}
