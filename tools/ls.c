/* SPDX-License-Identifier: MIT */
/* ls: list all objects. */
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
	.summary = "List all objects and show which are garbage",
	.help = "  --backend LIST   such as posix,sysv or ^memfd; default: all "
		"that work here\n"
		"  --kind shm|sem   list only regions, or only semaphores\n"
		"  --sort KEY       sort by a column: its title in lower case; "
		"default: name\n"
		"  -r, --reverse    reverse the order\n"
		"  --json           print an array of objects\n"
		"\n"
		"Verdicts:\n"
		"  used     some process has it open\n"
		"  idle     no process has it open; it stays until it is "
		"removed\n"
		"  garbage  `shmipc gc --force' removes it\n"
		"  lost     it is open, but its name was lost with a broker\n"
		"\n"
		"A narrow terminal shows fewer columns.\n",
	.run = run,
};
