/* SPDX-License-Identifier: MIT */
/* top without ncurses: it only refuses. */
#include <config.h>

#include "tools/commands.h"
#include "tools/top_text.h"

static int run(int argc, char **argv)
{
	static const struct option options[] = { TOOL_OPTIONS_END };

	if (argc == 2 &&
	    getopt_long(argc, argv, "", options, NULL) == TOOL_HELP)
		return tool_other(&cmd_top, TOOL_HELP);
	tool_complain("top: this shmipc was built without ncurses");
	return EXIT_USAGE;
}

const char *tool_top_version(void)
{
	return "no";
}

const struct command cmd_top = {
	.name = "top",
	.synopsis = TOP_SYNOPSIS,
	.summary = TOP_SUMMARY,
	.help = TOP_HELP,
	.run = run,
};
