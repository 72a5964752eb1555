/* SPDX-License-Identifier: MIT */
/* create: create a region. */
#include <config.h>

#include <errno.h>

#include "tools/commands.h"

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "size", required_argument, NULL, 's' },
	{ "mode", required_argument, NULL, 'm' },
	{ "lazy", no_argument, NULL, 'l' },
	{ "prefault", no_argument, NULL, 'p' },
	TOOL_OPTIONS_END,
};

struct wishes {
	const char *backend;
	const char *name;
	uint64_t size; /* 0: not given */
	unsigned flags;
	mode_t mode;
};

int tool_created(const struct shmipc *ipc, enum shmipc_kind kind,
		 const char *name, int r)
{
	if (r == 0)
		return EXIT_DONE;
	if (r != -EEXIST)
		return tool_fail(r);
	tool_complain("%s \"%s\" (%s): the name is taken; `shmipc rm' frees it",
		      tool_noun(kind), name, shmipc_backend_name(ipc));
	return EXIT_FAILED;
}

static int create(const struct wishes *wishes)
{
	struct shmipc_shm *shm;
	struct shmipc *ipc;
	int status, r;

	r = shmipc_open(&ipc, wishes->backend);
	if (r < 0)
		return tool_fail(r);
	r = shmipc_shm_open(ipc, &shm, wishes->name, (size_t)wishes->size,
			    SHMIPC_CREATE | SHMIPC_EXCL | wishes->flags,
			    wishes->mode);
	status = tool_created(ipc, SHMIPC_SHM, wishes->name, r);
	if (r == 0)
		(void)shmipc_shm_close(shm);
	shmipc_close(ipc);
	return status;
}

static int parse_size(const char *text, uint64_t *ret)
{
	int r = tool_parse_size(text, ret);

	if (r == 0 && (*ret == 0 || *ret > SIZE_MAX)) {
		tool_complain("a region cannot have %s",
			      *ret ? "this size" : "0 bytes");
		return -EINVAL;
	}
	return r;
}

/* Returns 0, -EINVAL after a message, or c if it does not handle it. */
static int take(struct wishes *wishes, int c)
{
	switch (c) {
	case 'b':
		wishes->backend = optarg;
		return 0;
	case 's':
		return parse_size(optarg, &wishes->size);
	case 'm':
		return tool_parse_mode(optarg, &wishes->mode);
	case 'l':
		wishes->flags |= SHMIPC_LAZY;
		return 0;
	case 'p':
		wishes->flags |= SHMIPC_PREFAULT;
		return 0;
	default:
		return c;
	}
}

static int run(int argc, char **argv)
{
	struct wishes wishes = { .mode = 0600 };
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = take(&wishes, c);
		if (r < 0)
			return EXIT_USAGE;
		if (r > 0)
			return tool_other(&cmd_create, c);
	}
	if (argc - optind != 1)
		return tool_usage(&cmd_create);
	if (!wishes.size) {
		tool_complain("--size is missing");
		return tool_usage(&cmd_create);
	}
	wishes.name = argv[optind];
	return create(&wishes);
}

const struct command cmd_create = {
	.name = "create",
	.synopsis = "--size SIZE [OPTION...] NAME",
	.summary = "Create a region",
	.help = "  --size SIZE      in bytes, or with K, M, G or T: 16M\n"
		"  --mode MODE      permissions, octal; default: 0600\n"
		"  --lazy           reserve no pages\n"
		"  --prefault       map all pages now\n"
		"  --backend B      default: SHMIPC_BACKEND, else posix\n"
		"\n"
		"The region is filled with zeros and exists until it is\n"
		"removed. If the name is taken, the command fails.\n",
	.run = run,
};
