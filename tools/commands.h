/* SPDX-License-Identifier: MIT */
/* The subcommands, each in a file of its own. */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include "tools/tool.h"

extern const struct command cmd_ls;

#endif /* TOOL_COMMANDS_H */
