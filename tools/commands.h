/* SPDX-License-Identifier: MIT */
/* The subcommands, and what only they share. */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include "tools/tool.h"

extern const struct command cmd_backends;
extern const struct command cmd_cat;
extern const struct command cmd_create;
extern const struct command cmd_doctor;
extern const struct command cmd_gc;
extern const struct command cmd_lock;
extern const struct command cmd_ls;
extern const struct command cmd_rm;
extern const struct command cmd_sem;
extern const struct command cmd_stat;
extern const struct command cmd_top;
extern const struct command cmd_write;

/* How --help explains --backend where a name must exist. */
#define TOOL_HELP_BACKEND                                                      \
	"  --backend B      only there; else where SHMIPC_BACKEND says, else " \
	"anywhere\n"

/**
 * What came of making an object, r being the library's result; an exit status
 * (create.c).
 */
int tool_created(const struct shmipc *ipc, enum shmipc_kind kind,
		 const char *name, int r);

#endif /* TOOL_COMMANDS_H */
