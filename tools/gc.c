/* SPDX-License-Identifier: MIT */
/* gc: show garbage, or remove it. */
#include <config.h>

#include <stdio.h>

#include "tools/commands.h"

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "force", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	TOOL_OPTIONS_END,
};

struct collection {
	unsigned flags; /* of shmipc_gc() */
	struct objects found;
	int err;
};

static int add(const struct shmipc_info *info, void *arg)
{
	struct collection *c = arg;

	struct object object = { .info = *info,
				 .verdict = VERDICT_GARBAGE,
				 .partial = true };

	c->err = tool_add(&c->found, &object);
	return c->err;
}

static int collect_on(const char *backend, void *arg)
{
	struct collection *c = arg;
	struct shmipc *ipc;
	int status = EXIT_DONE, r;

	r = shmipc_open(&ipc, backend);
	if (r < 0)
		return tool_fail(r);
	r = shmipc_gc(ipc, c->flags, add, c);
	if (r < 0) {
		(void)tool_fail(r);
		status = EXIT_FAILED;
	} else if (c->err < 0) {
		status = tool_no_memory();
	}
	shmipc_close(ipc);
	return status;
}

static void print(const struct collection *c)
{
	size_t count = c->found.count;
	const char *noun = count == 1 ? "object" : "objects";

	if (count)
		tool_print(&c->found);
	if (!count)
		puts("No garbage found.");
	else if (c->flags & SHMIPC_GC_DRY_RUN)
		printf("%zu %s; `shmipc gc --force' removes %s.\n", count, noun,
		       count == 1 ? "it" : "them");
	else
		printf("%zu %s removed.\n", count, noun);
}

static int collect(const char *backends, unsigned flags, bool json)
{
	struct collection c = { .flags = flags };
	int status;

	/* Check first: later the objects are gone and cannot be reported. */
	if (json && tool_json_check() < 0)
		return EXIT_USAGE;
	status = tool_each_backend(backends, collect_on, &c);
	if (status != EXIT_USAGE) {
		(void)tool_sort(&c.found, NULL, false);
		if (!json)
			print(&c);
		else if (tool_json_objects(&c.found) != EXIT_DONE)
			status = EXIT_FAILED;
	}
	tool_free(&c.found);
	return status;
}

static int run(int argc, char **argv)
{
	unsigned flags = SHMIPC_GC_DRY_RUN;
	const char *backends = NULL;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'b':
			backends = optarg;
			break;
		case 'f':
			flags = 0;
			break;
		case 'j':
			json = true;
			break;
		default:
			return tool_other(&cmd_gc, c);
		}
	if (optind < argc)
		return tool_usage(&cmd_gc);
	return collect(backends, flags, json);
}

const struct command cmd_gc = {
	.name = "gc",
	.synopsis = "[--force] [--backend LIST] [--json]",
	.summary = "Show garbage, or remove it",
	.help = "  --force          remove the garbage\n"
		"  --backend LIST   such as posix,sysv or ^memfd; default: all "
		"that work here\n"
		"  --json           print an array of objects, as ls does\n"
		"\n"
		"Garbage is what no process can use any more: transient "
		"objects without a user,\n"
		"and objects whose creator died before completing them. An "
		"object that is in use,\n"
		"or complete and not transient, is never garbage.\n",
	.run = run,
};
