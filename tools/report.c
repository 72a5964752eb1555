/* SPDX-License-Identifier: MIT */
/* Print objects as JSON. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include "tools/tool.h"

/* Unknown values are null: see struct object. */
static void number(const char *key, int64_t value, bool known)
{
	if (known)
		tool_json_number(key, value);
	else
		tool_json_null(key);
}

static void add(const struct object *object)
{
	const struct shmipc_info *info = &object->info;
	bool has_bytes = tool_kind_info(info->kind)->has_bytes;
	bool whole = !object->partial;
	char mode[8], id[20];

	snprintf(mode, sizeof(mode), "%04o", (unsigned)info->mode);
	tool_json_item();
	tool_json_text("name", info->name);
	tool_json_text("kind", tool_kind(info->kind));
	tool_json_text("backend", info->backend);
	number("size", (int64_t)info->size, has_bytes && (whole || info->size));
	number("value", info->value, *info->state && !has_bytes);
	tool_json_text("mode", whole || info->mode ? mode : NULL);
	tool_json_number("uid", info->uid);
	tool_json_number("gid", info->gid);
	tool_json_text("owner", tool_user_name(info->uid));
	number("created", info->created, whole || info->created);
	number("creator", info->creator, whole || info->creator);
	tool_json_truth("in_use", info->in_use);
	number("attached", info->attached, whole || info->attached);
	tool_json_truth("transient", info->transient);
	tool_json_text("verdict", tool_verdict(object));
	tool_json_text("state", *info->state ? info->state : NULL);
	number("holder", info->holder, info->holder);
	snprintf(id, sizeof(id), "%016" PRIx64, info->id);
	tool_json_text("id", info->id ? id : NULL);
}

int tool_json_objects(const struct objects *objects)
{
	if (tool_json_begin() < 0)
		return EXIT_USAGE;
	for (size_t i = 0; i < objects->count; i++)
		add(&objects->all[i]);
	return tool_json_end();
}
