/* SPDX-License-Identifier: MIT */
/* The subcommands, and declarations that only they share. */
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
extern const struct command cmd_ps;
extern const struct command cmd_rm;
extern const struct command cmd_sem;
extern const struct command cmd_stat;
extern const struct command cmd_top;
extern const struct command cmd_write;

/* The help on --backend of commands that need an existing name. */
#define TOOL_HELP_BACKEND                                                      \
	"  --backend B      this backend; default: SHMIPC_BACKEND, else all\n"

/**
 * Report the outcome of creating an object; r is the library's result. Returns
 * an exit status (create.c).
 */
int tool_created(const struct shmipc *ipc, enum shmipc_kind kind,
		 const char *name, int r);

#endif /* TOOL_COMMANDS_H */
