/* SPDX-License-Identifier: MIT */
/*
 * Find the object that has a name. Each backend and each kind has names of its
 * own, but the user should have to give neither unless the name is ambiguous.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

#define PLACES (sizeof(((struct places *)NULL)->all) / sizeof(struct place))

struct search {
	const struct sought *sought;
	struct places *ret;
};

const char *tool_noun(enum shmipc_kind kind)
{
	return tool_kind_info(kind)->noun;
}

/* Does the object exist, even if it cannot be read? */
static bool is_there(int err)
{
	return err == 0 || err == -EACCES || err == -EPROTO ||
	       err == -ETIMEDOUT;
}

static int look_at(struct shmipc *ipc, enum shmipc_kind kind,
		   struct search *search)
{
	struct place place = { .backend = shmipc_backend_name(ipc),
			       .kind = kind };

	place.err = shmipc_stat(ipc, kind, search->sought->name, &place.info);
	if (is_there(place.err)) {
		if (search->ret->count < PLACES)
			search->ret->all[search->ret->count++] = place;
		return EXIT_DONE;
	}
	return place.err == -ENOENT ? EXIT_DONE : tool_fail(place.err);
}

static int look(struct shmipc *ipc, struct search *search)
{
	enum shmipc_kind wanted = search->sought->kind;
	const struct shmipc_kind_info *kind;

	for (unsigned i = 0; (kind = shmipc_kind_at(i)); i++) {
		int status = EXIT_DONE;

		if (!wanted || wanted == kind->kind)
			status = look_at(ipc, kind->kind, search);
		if (status != EXIT_DONE)
			return status;
	}
	return EXIT_DONE;
}

static int look_on(const char *backend, void *search)
{
	struct shmipc *ipc;
	int status, r;

	r = shmipc_open(&ipc, backend);
	if (r < 0)
		return tool_fail(r);
	status = look(ipc, search);
	shmipc_close(ipc);
	return status;
}

/* Did the user select a backend? */
static bool is_chosen(const struct sought *sought)
{
	const char *variable = secure_getenv("SHMIPC_BACKEND");

	return sought->backend || (variable && *variable);
}

int tool_find(const struct sought *sought, struct places *ret)
{
	struct search search = { sought, ret };
	int status;

	ret->count = 0;
	if (is_chosen(sought))
		status = look_on(sought->backend, &search);
	else
		status = tool_each_backend(NULL, look_on, &search);
	if (status == EXIT_DONE && !ret->count)
		return EXIT_ABSENT;
	return status;
}

int tool_several(const struct sought *sought, const struct places *places,
		 const char *remedy)
{
	tool_complain("several objects have the name \"%s\":", sought->name);
	for (size_t i = 0; i < places->count; i++)
		fprintf(stderr, "  %s on %s\n", tool_noun(places->all[i].kind),
			places->all[i].backend);
	tool_complain("%s", remedy);
	return EXIT_FAILED;
}

int tool_find_one(const struct sought *sought, struct place *ret)
{
	struct places places;
	int status = tool_find(sought, &places);

	if (status == EXIT_USAGE || places.count == 0)
		return status;
	if (places.count > 1)
		return tool_several(sought, &places,
				    "select one with --backend");
	*ret = places.all[0];
	return EXIT_DONE;
}

/* ---- no object has the name ---------------------------------------------- */

/* Garbage of this name, which cannot be opened and which gc would remove. */
struct ghost {
	const struct sought *sought;
	const char *backend; /* NULL: no garbage has the name */
};

static int compare_ghost(const struct shmipc_info *info, void *arg)
{
	struct ghost *ghost = arg;
	const char *name = ghost->sought->name;
	enum shmipc_kind kind = ghost->sought->kind;

	if (!strcmp(info->name, name + (*name == '/')) &&
	    (!kind || kind == info->kind))
		ghost->backend = info->backend;
	return ghost->backend != NULL;
}

static int look_for_ghost(const char *backend, void *ghost)
{
	struct shmipc *ipc;

	if (shmipc_open(&ipc, backend) < 0)
		return EXIT_DONE;
	(void)shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, compare_ghost, ghost);
	shmipc_close(ipc);
	return EXIT_DONE;
}

static const char *chosen_backend(const struct sought *sought)
{
	const char *name = "?";
	struct shmipc *ipc;

	if (shmipc_open(&ipc, sought->backend) == 0) {
		name = shmipc_backend_name(ipc);
		shmipc_close(ipc);
	}
	return name;
}

int tool_absent(const struct sought *sought)
{
	const char *noun = sought->kind ? tool_noun(sought->kind) : "object";
	bool chosen = is_chosen(sought);
	struct ghost ghost = { .sought = sought };
	struct places others = { .count = 0 };
	struct search search = { sought, &others };

	if (chosen)
		(void)tool_each_backend(NULL, look_on, &search);
	(void)tool_each_backend(NULL, look_for_ghost, &ghost);
	if (others.count)
		tool_complain("no %s \"%s\" on %s, but %s has one", noun,
			      sought->name, chosen_backend(sought),
			      others.all[0].backend);
	else if (ghost.backend)
		tool_complain("no %s \"%s\", only garbage of that name on %s, "
			      "which `shmipc gc --force' removes",
			      noun, sought->name, ghost.backend);
	else
		tool_complain("no %s \"%s\"%s%s", noun, sought->name,
			      chosen ? " on " : "",
			      chosen ? chosen_backend(sought) : "");
	return EXIT_ABSENT;
}

int tool_parse_sought(const struct command *command, int argc, char **argv,
		      struct sought *ret, bool *json, int *status)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "kind", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		TOOL_OPTIONS_END,
	};
	int c;

	*status = EXIT_USAGE;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'b':
			ret->backend = optarg;
			break;
		case 'k':
			if (tool_parse_kind(optarg, &ret->kind) < 0)
				return -EINVAL;
			break;
		case 'j':
			*json = true;
			break;
		default:
			*status = tool_other(command, c);
			return -EINVAL;
		}
	if (argc - optind != 1) {
		(void)tool_usage(command);
		return -EINVAL;
	}
	ret->name = argv[optind];
	return 0;
}
