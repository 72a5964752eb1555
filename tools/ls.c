/* SPDX-License-Identifier: MIT */
/* ls: all objects. */
#include <config.h>

#include "tools/commands.h"

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "kind", required_argument, NULL, 'k' },
	{ "sort", required_argument, NULL, 's' },
	{ "reverse", no_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },
	TOOL_OPTIONS_END,
};

struct wishes {
	struct filter filter;
	const char *sort; /* NULL: by name */
	bool reverse;
	bool json;
};

static int list(const struct wishes *wishes)
{
	struct objects objects;
	int status;

	if (wishes->json && tool_json_check() < 0)
		return EXIT_USAGE;
	status = tool_collect(&wishes->filter, &objects);
	if (status == EXIT_USAGE) {
		tool_free(&objects);
		return status;
	}
	if (tool_sort(&objects, wishes->sort, wishes->reverse) < 0)
		status = EXIT_USAGE;
	else if (!wishes->json)
		tool_print(&objects);
	else if (tool_json_objects(&objects) != EXIT_DONE)
		status = EXIT_FAILED;
	tool_free(&objects);
	return status;
}

static int run(int argc, char **argv)
{
	struct wishes wishes = { .sort = NULL };
	int c;

	while ((c = getopt_long(argc, argv, "r", options, NULL)) != -1)
		switch (c) {
		case 'b':
			wishes.filter.backends = optarg;
			break;
		case 'k':
			if (tool_parse_kind(optarg, &wishes.filter.kind) < 0)
				return EXIT_USAGE;
			break;
		case 's':
			wishes.sort = optarg;
			break;
		case 'r':
			wishes.reverse = true;
			break;
		case 'j':
			wishes.json = true;
			break;
		default:
			return tool_other(&cmd_ls, c);
		}
	if (optind < argc)
		return tool_usage(&cmd_ls);
	return list(&wishes);
}

const struct command cmd_ls = {
	.name = "ls",
	.synopsis = "[--backend LIST] [--kind shm|sem] [--sort KEY] [-r] "
		    "[--json]",
	.summary = "List all objects, and say which are garbage",
	.help = "  --backend LIST   of these only, such as posix,sysv or "
		"^memfd; else of all\n"
		"                   that work here\n"
		"  --kind shm|sem   regions or semaphores only\n"
		"  --sort KEY       by a column: its title in lower case; else "
		"by name\n"
		"  -r, --reverse    the other way round\n"
		"  --json           an array of objects\n"
		"\n"
		"Verdicts:\n"
		"  used     somebody has it open\n"
		"  idle     nobody has it open; it stays until it is removed\n"
		"  garbage  what `shmipc gc --force' removes\n"
		"  lost     its name does not lead to it any more\n"
		"\n"
		"On a narrow terminal some columns are left out.\n",
	.run = run,
};
