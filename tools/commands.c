/* SPDX-License-Identifier: MIT */
/* The table of subcommands, in the order of --help. */
#include "tools/commands.h"

/* clang-format off */
const struct command *const tool_commands[] = {
	&cmd_ls,
	&cmd_stat,
	&cmd_ps,
	&cmd_create,
	&cmd_rm,
	&cmd_cat,
	&cmd_write,
	&cmd_sem,
	&cmd_lock,
	&cmd_gc,
	&cmd_top,
	&cmd_backends,
	&cmd_doctor,
	NULL,
};
/* clang-format on */
