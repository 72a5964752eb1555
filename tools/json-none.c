/* SPDX-License-Identifier: MIT */
/* Without jansson: --json is refused. */
#include <config.h>

#include <errno.h>

#include "tools/tool.h"

int tool_json_check(void)
{
	tool_complain("--json: this shmipc was built without jansson");
	return -ENOTSUP;
}

int tool_json_begin(void)
{
	return tool_json_check();
}

/* Never called, because tool_json_begin() fails. */

void tool_json_item(void)
{
}

void tool_json_text(const char *key, const char *value)
{
	(void)key;
	(void)value;
}

void tool_json_number(const char *key, int64_t value)
{
	(void)key;
	(void)value;
}

void tool_json_truth(const char *key, bool value)
{
	(void)key;
	(void)value;
}

void tool_json_null(const char *key)
{
	(void)key;
}

int tool_json_end(void)
{
	return EXIT_USAGE;
}

const char *tool_json_version(void)
{
	return "no";
}
