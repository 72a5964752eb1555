/* SPDX-License-Identifier: MIT */
/* JSON output through jansson: an array of flat objects. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "tools/tool.h"

static json_t *array;
static json_t *item;
static bool failed; /* an allocation failed */

static void check(int r)
{
	failed |= r < 0;
}

int tool_json_check(void)
{
	return 0;
}

int tool_json_begin(void)
{
	array = json_array();
	check(array ? 0 : -1);
	return 0;
}

void tool_json_item(void)
{
	item = json_object();
	check(json_array_append_new(array, item));
}

/* Text that is not UTF-8, such as a path in a message, becomes ASCII. */
static json_t *text_of(const char *value)
{
	json_t *text = json_string(value);
	char ascii[256];

	if (text)
		return text;
	snprintf(ascii, sizeof(ascii), "%s", value);
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(ascii);
}

void tool_json_text(const char *key, const char *value)
{
	check(json_object_set_new(item, key,
				  value ? text_of(value) : json_null()));
}

void tool_json_number(const char *key, int64_t value)
{
	check(json_object_set_new(item, key, json_integer(value)));
}

void tool_json_truth(const char *key, bool value)
{
	check(json_object_set_new(item, key, json_boolean(value)));
}

void tool_json_null(const char *key)
{
	tool_json_text(key, NULL);
}

int tool_json_end(void)
{
	if (!failed)
		/* main() checks at the end whether it was written. */
		(void)json_dumpf(array, stdout, JSON_INDENT(2));
	else
		tool_complain("out of memory");
	json_decref(array);
	array = NULL;
	if (!failed)
		putchar('\n');
	return failed ? EXIT_FAILED : EXIT_DONE;
}

const char *tool_json_version(void)
{
	return "jansson " JANSSON_VERSION;
}
