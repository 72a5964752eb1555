/* SPDX-License-Identifier: MIT */
/* rm: remove names. */
#include <config.h>

#include <errno.h>

#include "tools/commands.h"

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "kind", required_argument, NULL, 'k' },
	{ "all", no_argument, NULL, 'a' },
	{ "force", no_argument, NULL, 'f' },
	TOOL_OPTIONS_END,
};

struct wishes {
	struct sought sought;
	bool all;
	bool force;
};

static int unlink_one(const struct place *place, const char *name, bool force)
{
	struct shmipc *ipc;
	int status = EXIT_DONE;
	int r = shmipc_open(&ipc, place->backend);

	if (r < 0)
		return tool_fail(r);
	r = shmipc_unlink(ipc, place->kind, name);
	/* Another process may have removed it first. */
	if (r < 0 && !(r == -ENOENT && force))
		status = tool_fail(r);
	shmipc_close(ipc);
	return status;
}

static int remove_name(const struct wishes *wishes)
{
	const struct sought *sought = &wishes->sought;
	struct places places;
	int status = tool_find(sought, &places);

	if (status == EXIT_ABSENT)
		return wishes->force ? EXIT_DONE : tool_absent(sought);
	if (status == EXIT_USAGE)
		return status;
	if (places.count > 1 && !wishes->all)
		return tool_several(sought, &places,
				    "nothing was removed; select one with "
				    "--backend or --kind, or use --all");
	for (size_t i = 0; i < places.count; i++) {
		int removed =
			unlink_one(&places.all[i], sought->name, wishes->force);

		if (removed != EXIT_DONE)
			status = removed;
	}
	return status;
}

/* A failure overrides EXIT_ABSENT. */
static int remove_all(struct wishes *wishes, char **names)
{
	int status = EXIT_DONE;

	for (; *names; names++) {
		int one;

		wishes->sought.name = *names;
		one = remove_name(wishes);
		if (status == EXIT_DONE || status == EXIT_ABSENT)
			status = one == EXIT_DONE ? status : one;
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct wishes wishes = { .all = false };
	int c;

	while ((c = getopt_long(argc, argv, "f", options, NULL)) != -1)
		switch (c) {
		case 'b':
			wishes.sought.backend = optarg;
			break;
		case 'k':
			if (tool_parse_kind(optarg, &wishes.sought.kind) < 0)
				return EXIT_USAGE;
			break;
		case 'a':
			wishes.all = true;
			break;
		case 'f':
			wishes.force = true;
			break;
		default:
			return tool_other(&cmd_rm, c);
		}
	if (optind == argc && !wishes.force)
		return tool_usage(&cmd_rm);
	return remove_all(&wishes, argv + optind);
}

const struct command cmd_rm = {
	.name = "rm",
	.synopsis = "[--backend B] [--kind shm|sem] [--all] [-f] NAME...",
	.summary = "Remove regions and semaphores",
	.help = TOOL_HELP_BACKEND
	"  --kind shm|sem   remove only a region, or only a semaphore\n"
	"  --all            remove all objects that have the name\n"
	"  -f, --force      a missing name is not an error\n"
	"\n"
	"The name goes at once; processes that have the object open can keep\n"
	"using it. If several objects have a name, none of them is removed\n"
	"without --all.\n",
	.run = run,
};
