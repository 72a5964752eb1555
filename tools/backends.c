/* SPDX-License-Identifier: MIT */
/* backends: list the backends and whether they work here. */
#include <config.h>

#include <stdio.h>

#include "tools/commands.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	TOOL_OPTIONS_END,
};

static const char *yes(bool truth)
{
	return truth ? "yes" : "no";
}

static int print(const struct shmipc_backend_info *info, void *arg)
{
	(void)arg;
	printf("%-8s %-5s  %-11s  %-3s  %s\n", info->name, yes(info->works),
	       yes(info->caps & SHMIPC_CAP_OTHER_USERS),
	       yes(info->caps & SHMIPC_CAP_FDS), info->objects);
	if (!info->works)
		printf("         %s\n", info->reason);
	return 0;
}

static int add(const struct shmipc_backend_info *info, void *arg)
{
	(void)arg;
	tool_json_item();
	tool_json_text("name", info->name);
	tool_json_text("objects", info->objects);
	tool_json_truth("works", info->works);
	tool_json_text("reason", info->works ? NULL : info->reason);
	tool_json_truth("other_users", info->caps & SHMIPC_CAP_OTHER_USERS);
	tool_json_truth("fds", info->caps & SHMIPC_CAP_FDS);
	return 0;
}

static int show(bool json)
{
	if (json) {
		if (tool_json_begin() < 0)
			return EXIT_USAGE;
		(void)shmipc_backends(add, NULL);
		return tool_json_end();
	}
	printf("%-8s %-5s  %-11s  %-3s  %s\n", "BACKEND", "WORKS",
	       "OTHER-USERS", "FDS", "OBJECTS");
	(void)shmipc_backends(print, NULL);
	return EXIT_DONE;
}

static int run(int argc, char **argv)
{
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'j':
			json = true;
			break;
		default:
			return tool_other(&cmd_backends, c);
		}
	if (optind < argc)
		return tool_usage(&cmd_backends);
	return show(json);
}

const struct command cmd_backends = {
	.name = "backends",
	.synopsis = "[--json]",
	.summary = "Show the backends and whether they work here",
	.help = "  --json   print an array of objects\n"
		"\n"
		"WORKS: the backend can create objects. OTHER-USERS: other "
		"users can use them.\n"
		"FDS: they can be handed over as descriptors. OBJECTS: the "
		"kernel objects used.\n",
	.run = run,
};
