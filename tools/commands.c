/* SPDX-License-Identifier: MIT */
/* All subcommands. */
#include "tools/commands.h"

const struct command *const tool_commands[] = {
	&cmd_ls,
	NULL,
};
