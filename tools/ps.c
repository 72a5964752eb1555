/* SPDX-License-Identifier: MIT */
/* ps: show the processes that have an object open. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "tools/commands.h"

/* All users; their number may grow meanwhile. Returns it, or < 0. */
static int get_users(struct shmipc *ipc, const struct place *place,
		     const char *name, struct shmipc_user **ret)
{
	unsigned room = 16;
	int n;

	for (;;) {
		*ret = calloc(room, sizeof(**ret));
		if (!*ret)
			return tool_no_memory(), -1;
		n = shmipc_users(ipc, place->kind, name, *ret, room);
		if (n <= (int)room)
			break;
		free(*ret);
		room = (unsigned)n + 16;
	}
	if (n < 0)
		(void)tool_fail(n);
	return n;
}

static int print_json(const struct shmipc_user *users, int n)
{
	(void)tool_json_begin();
	for (int i = 0; i < n; i++) {
		tool_json_item();
		tool_json_number("pid", users[i].pid);
		tool_json_text("command", users[i].command);
	}
	return tool_json_end();
}

static int print_text(const struct shmipc_user *users, int n)
{
	printf("%10s  %s\n", "PID", "COMMAND");
	for (int i = 0; i < n; i++)
		printf("%10ld  %s\n", (long)users[i].pid, users[i].command);
	return EXIT_DONE;
}

static int show_users(const struct sought *sought, bool json)
{
	struct shmipc_user *users = NULL;
	struct place place;
	struct shmipc *ipc;
	int status, n;

	if (json && tool_json_check() < 0)
		return EXIT_USAGE;
	status = tool_find_one(sought, &place);
	if (status == EXIT_ABSENT)
		return tool_absent(sought);
	if (status != EXIT_DONE)
		return status;
	n = shmipc_open(&ipc, place.backend);
	if (n < 0)
		return tool_fail(n);
	n = get_users(ipc, &place, sought->name, &users);
	if (n < 0)
		status = EXIT_FAILED;
	else
		status = json ? print_json(users, n) : print_text(users, n);
	free(users);
	shmipc_close(ipc);
	return status;
}

static int run(int argc, char **argv)
{
	struct sought sought = { .name = NULL };
	bool json = false;
	int status;

	if (tool_parse_sought(&cmd_ps, argc, argv, &sought, &json, &status) < 0)
		return status;
	return show_users(&sought, json);
}

const struct command cmd_ps = {
	.name = "ps",
	.synopsis = "[--backend B] [--kind shm|sem] [--json] NAME",
	.summary = "Show the processes that have an object open",
	.help = TOOL_HELP_BACKEND
	"  --kind shm|sem   show those of a region, or of a semaphore\n"
	"  --json           print an array of objects\n"
	"\n"
	"Root sees all processes, others usually only their own.\n",
	.run = run,
};
