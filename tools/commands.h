/* SPDX-License-Identifier: MIT */
/* The subcommands, and what only they share. */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include "tools/tool.h"

extern const struct command cmd_ls;
extern const struct command cmd_stat;

/* How --help explains --backend where a name must exist. */
#define TOOL_HELP_BACKEND                                                      \
	"  --backend B      only there; else where SHMIPC_BACKEND says, else " \
	"anywhere\n"

#endif /* TOOL_COMMANDS_H */
