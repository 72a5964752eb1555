/* SPDX-License-Identifier: MIT */
/* stat: show everything that is known about an object. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "tools/commands.h"

static void print_time(const struct shmipc_info *info)
{
	time_t seconds = (time_t)(info->created / 1000000000);
	char text[40] = "?", age[16];
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
	tool_format_age(age, tool_now(CLOCK_REALTIME) - info->created);
	printf("created    %s, %s ago, by process %ld\n", text, age,
	       (long)info->creator);
}

static void print_object(const struct object *object)
{
	const struct shmipc_info *info = &object->info;
	char size[16];

	tool_format_size(size, info->size);
	printf("name       %s\n", info->name);
	printf("backend    %s\n", info->backend);
	printf("kind       %s (%s)\n", tool_kind(info->kind),
	       tool_noun(info->kind));
	if (tool_kind_info(info->kind)->has_bytes)
		printf("size       %" PRIu64 " bytes (%s)\n", info->size, size);
	if (*info->state)
		printf("state      %s\n", info->state);
	printf("id         %016" PRIx64 "\n", info->id);
	printf("mode       %04o\n", (unsigned)info->mode);
	printf("owner      %s (uid %lu, gid %lu)\n", tool_owner(info->uid),
	       (unsigned long)info->uid, (unsigned long)info->gid);
	print_time(info);
	printf("in use     %s\n", info->in_use ? "yes" : "no");
	printf("attached   %u\n", info->attached);
	printf("transient  %s\n", info->transient ? "yes" : "no");
	printf("verdict    %s\n", tool_verdict(object));
}

static int add(struct objects *objects, const struct shmipc_info *info)
{
	struct object object = {
		.info = *info,
		.verdict = info->in_use ? VERDICT_USED : VERDICT_IDLE,
	};

	return tool_add(objects, &object);
}

static int print(const struct objects *objects, bool json)
{
	if (json)
		return tool_json_objects(objects);
	for (size_t i = 0; i < objects->count; i++) {
		if (i)
			putchar('\n');
		print_object(&objects->all[i]);
	}
	return EXIT_DONE;
}

/* Repeat the failed call, so that the library gives its message. */
static int fail_again(const struct place *place, const char *name)
{
	struct shmipc_info info;
	struct shmipc *ipc;
	int r = shmipc_open(&ipc, place->backend);

	if (r < 0)
		return tool_fail(r);
	r = shmipc_stat(ipc, place->kind, name, &info);
	if (r < 0)
		(void)tool_fail(r);
	shmipc_close(ipc);
	return EXIT_FAILED;
}

static int show(const struct sought *sought, bool json)
{
	struct objects objects = { .all = NULL };
	struct places places;
	int status;

	if (json && tool_json_check() < 0)
		return EXIT_USAGE;
	status = tool_find(sought, &places);
	if (status == EXIT_ABSENT)
		return tool_absent(sought);
	if (status == EXIT_USAGE)
		return status;
	for (size_t i = 0; i < places.count; i++) {
		const struct place *place = &places.all[i];

		if (place->err < 0)
			status = fail_again(place, sought->name);
		else if (add(&objects, &place->info) < 0)
			status = tool_no_memory();
	}
	if (objects.count || json) {
		int printed = print(&objects, json);

		if (printed != EXIT_DONE)
			status = printed;
	}
	tool_free(&objects);
	return status;
}

static int run(int argc, char **argv)
{
	struct sought sought = { .name = NULL };
	bool json = false;
	int status;

	if (tool_parse_sought(&cmd_stat, argc, argv, &sought, &json, &status) <
	    0)
		return status;
	return show(&sought, json);
}

const struct command cmd_stat = {
	.name = "stat",
	.synopsis = "[--backend B] [--kind shm|sem] [--json] NAME",
	.summary = "Show everything about an object",
	.help = TOOL_HELP_BACKEND
	"  --kind shm|sem   show only a region, or only a semaphore\n"
	"  --json           print an array of objects, as ls does\n"
	"\n"
	"If several objects have the name, all are shown.\n",
	.run = run,
};
