/* SPDX-License-Identifier: MIT */
/* sem: create semaphores, wait for them, post them, show their value. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/commands.h"

struct wishes {
	struct sought sought;
	const char *backend; /* where it was found */
	unsigned value;	     /* create */
	mode_t mode;
	int64_t timeout; /* wait; < 0: none */
	uint64_t count;	 /* post */
};

/* ---- create -------------------------------------------------------------- */

static int create(struct wishes *wishes)
{
	const char *name = wishes->sought.name;
	struct shmipc_sem *sem;
	struct shmipc *ipc;
	int status, r;

	r = shmipc_open(&ipc, wishes->sought.backend);
	if (r < 0)
		return tool_fail(r);
	r = shmipc_sem_open(ipc, &sem, name, wishes->value,
			    SHMIPC_CREATE | SHMIPC_EXCL, wishes->mode);
	status = tool_created(ipc, SHMIPC_SEM, name, r);
	if (r == 0)
		(void)shmipc_sem_close(sem);
	shmipc_close(ipc);
	return status;
}

/* ---- wait, post, value --------------------------------------------------- */

/* Uses an open semaphore. Returns an exit status. */
typedef int (*use_fn)(struct shmipc_sem *sem, const struct wishes *wishes);

static int with_open(struct wishes *wishes, unsigned flags, use_fn use)
{
	struct shmipc_sem *sem;
	struct shmipc *ipc;
	struct place place;
	int status, r;

	status = tool_find_one(&wishes->sought, &place);
	if (status == EXIT_ABSENT)
		return tool_absent(&wishes->sought);
	if (status != EXIT_DONE)
		return status;
	wishes->backend = place.backend;
	r = shmipc_open(&ipc, place.backend);
	if (r < 0)
		return tool_fail(r);
	r = shmipc_sem_open(ipc, &sem, wishes->sought.name, 0, flags, 0);
	if (r < 0) {
		status = tool_fail(r);
	} else {
		status = use(sem, wishes);
		(void)shmipc_sem_close(sem);
	}
	shmipc_close(ipc);
	return status;
}

static int wait_for(struct shmipc_sem *sem, const struct wishes *wishes)
{
	struct timespec deadline;
	int r;

	if (wishes->timeout >= 0)
		deadline = tool_deadline(wishes->timeout);
	/* There are no handlers: on sysv, a stop and a continue cause it. */
	do
		r = shmipc_sem_timedwait(sem, wishes->timeout < 0 ? NULL
								  : &deadline);
	while (r == -EINTR);
	if (r == -ETIMEDOUT) {
		tool_complain("semaphore \"%s\" (%s): timed out",
			      wishes->sought.name, wishes->backend);
		return EXIT_LATE;
	}
	return r < 0 ? tool_fail(r) : EXIT_DONE;
}

static int run_wait(struct wishes *wishes)
{
	return with_open(wishes, 0, wait_for);
}

static int post(struct shmipc_sem *sem, const struct wishes *wishes)
{
	int status;

	for (uint64_t i = 0; i < wishes->count; i++) {
		int r = shmipc_sem_post(sem);

		if (r == 0)
			continue;
		status = tool_fail(r);
		tool_complain("%" PRIu64 " of %" PRIu64 " units were posted", i,
			      wishes->count);
		return status;
	}
	return EXIT_DONE;
}

static int run_post(struct wishes *wishes)
{
	return with_open(wishes, 0, post);
}

static int print_value(struct shmipc_sem *sem, const struct wishes *wishes)
{
	int value;
	int r = shmipc_sem_getvalue(sem, &value);

	(void)wishes;
	if (r < 0)
		return tool_fail(r);
	printf("%d\n", value);
	return EXIT_DONE;
}

static int run_value(struct wishes *wishes)
{
	return with_open(wishes, SHMIPC_RDONLY, print_value);
}

/* ---- options ------------------------------------------------------------- */

#define BACKEND                                                                \
	{                                                                      \
		"backend", required_argument, NULL, 'b'                        \
	}

static const struct option create_options[] = {
	BACKEND,
	{ "value", required_argument, NULL, 'v' },
	{ "mode", required_argument, NULL, 'm' },
	TOOL_OPTIONS_END,
};

static const struct option wait_options[] = {
	BACKEND,
	{ "timeout", required_argument, NULL, 't' },
	TOOL_OPTIONS_END,
};

static const struct option post_options[] = {
	BACKEND,
	{ "count", required_argument, NULL, 'c' },
	TOOL_OPTIONS_END,
};

static const struct option value_options[] = { BACKEND, TOOL_OPTIONS_END };

static const struct action {
	const char *name;
	const struct option *options;
	int (*run)(struct wishes *wishes);
} actions[] = {
	{ "create", create_options, create },
	{ "wait", wait_options, run_wait },
	{ "post", post_options, run_post },
	{ "value", value_options, run_value },
};

static int take_number(const char *what, uint64_t *ret)
{
	return tool_parse_number(what, optarg, SHMIPC_SEM_VALUE_MAX, ret);
}

/* Returns 0, -EINVAL after a message, or c if it does not handle it. */
static int take(struct wishes *wishes, int c)
{
	uint64_t number;
	int r;

	switch (c) {
	case 'b':
		wishes->sought.backend = optarg;
		return 0;
	case 'v':
		r = take_number("a value", &number);
		if (r == 0)
			wishes->value = (unsigned)number;
		return r;
	case 'm':
		return tool_parse_mode(optarg, &wishes->mode);
	case 't':
		return tool_parse_duration(optarg, &wishes->timeout);
	case 'c':
		return take_number("a number of units", &wishes->count);
	default:
		return c;
	}
}

static int act(const struct action *action, int argc, char **argv)
{
	struct wishes wishes = { .sought = { .kind = SHMIPC_SEM },
				 .mode = 0600,
				 .timeout = -1,
				 .count = 1 };
	int c, r;

	while ((c = getopt_long(argc, argv, "", action->options, NULL)) != -1) {
		r = take(&wishes, c);
		if (r < 0)
			return EXIT_USAGE;
		if (r > 0)
			return tool_other(&cmd_sem, c);
	}
	if (argc - optind != 1)
		return tool_usage(&cmd_sem);
	wishes.sought.name = argv[optind];
	return action->run(&wishes);
}

static int run(int argc, char **argv)
{
	static const struct option none[] = { TOOL_OPTIONS_END };
	char name[32];
	int c;

	for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(*actions);
	     i++)
		if (!strcmp(argv[1], actions[i].name)) {
			snprintf(name, sizeof(name), "shmipc sem %s", argv[1]);
			argv[1] = name; /* for messages of getopt_long() */
			return act(&actions[i], argc - 1, argv + 1);
		}
	c = getopt_long(argc, argv, "+", none, NULL);
	if (c != -1)
		return tool_other(&cmd_sem, c);
	return tool_usage(&cmd_sem);
}

const struct command cmd_sem = {
	.name = "sem",
	.synopsis = "create [--value N] [--mode MODE] [--backend B] NAME\n"
		    "wait [--timeout DURATION] [--backend B] NAME\n"
		    "post [--count N] [--backend B] NAME\n"
		    "value [--backend B] NAME",
	.summary = "Create a semaphore, wait for it, post it, show its value",
	.help = "  --value N            initial units; default: 0\n"
		"  --mode MODE          permissions, octal; default: 0600\n"
		"  --timeout DURATION   how long to wait, such as 0.5s or 2m; "
		"0 "
		"does not wait;\n"
		"                       exit status 3 if the timeout expires\n"
		"  --count N            units to post; default: 1\n"
		"  --backend B          default: SHMIPC_BACKEND, else posix "
		"for create, and\n"
		"                       all that have the name for the "
		"others\n",
	.run = run,
};
