/* SPDX-License-Identifier: MIT */
/*
 * List the objects of all backends, each with a verdict.
 *
 * Each backend is asked twice: shmipc_gc() shows its garbage, shmipc_list() the
 * objects that can be opened. Objects that only shmipc_gc() shows, such as
 * transient ones whose users died, cannot be opened. shmipc_gc() comes first,
 * because a lookup by name makes a broker forget such an object. No broker is
 * started.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

/* ---- backends ------------------------------------------------------------ */

struct walk {
	const char *list; /* NULL: all */
	bool all_but;
	int (*act)(const char *backend, void *arg);
	void *arg;
	int status;
};

static bool contains(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (; list; list = strchr(list, ','), list += list != NULL)
		if (strcspn(list, ",") == length && !memcmp(list, name, length))
			return true;
	return false;
}

static void note(int *status, int other)
{
	if (*status == EXIT_DONE)
		*status = other;
}

static int visit_backend(const struct shmipc_backend_info *info, void *arg)
{
	struct walk *walk = arg;

	if (walk->list && contains(walk->list, info->name) == walk->all_but)
		return 0;
	if (info->works) {
		note(&walk->status, walk->act(info->name, walk->arg));
	} else if (walk->list && !walk->all_but) {
		tool_complain("%s does not work here: %s", info->name,
			      info->reason);
		note(&walk->status, EXIT_FAILED);
	}
	return walk->status ==
	       EXIT_USAGE; /* every other backend would fail too */
}

/* The library explains what is wrong with a list and suggests a name. */
static int check_list(const char *list)
{
	struct shmipc *ipc;
	int r = shmipc_open(&ipc, list);

	if (r == 0)
		shmipc_close(ipc);
	return r == -EINVAL ? tool_fail(r) : EXIT_DONE;
}

int tool_each_backend(const char *list,
		      int (*act)(const char *backend, void *arg), void *arg)
{
	struct walk walk = { .list = list, .act = act, .arg = arg };

	if (list) {
		walk.status = check_list(list);
		walk.all_but = *list == '^';
		walk.list = list + walk.all_but;
	}
	if (walk.status == EXIT_DONE)
		(void)shmipc_backends(visit_backend, &walk);
	return walk.status;
}

/* ---- objects ------------------------------------------------------------- */

int tool_add(struct objects *objects, const struct object *object)
{
	if (objects->count == objects->room) {
		size_t room = objects->room ? objects->room * 2 : 64;
		struct object *more =
			reallocarray(objects->all, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		objects->all = more;
		objects->room = room;
	}
	objects->all[objects->count++] = *object;
	return 0;
}

void tool_free(struct objects *objects)
{
	free(objects->all);
	*objects = (struct objects){ .all = NULL };
}

const char *tool_verdict(const struct object *object)
{
	static const char *const words[] = {
		[VERDICT_USED] = "used",
		[VERDICT_IDLE] = "idle",
		[VERDICT_GARBAGE] = "garbage",
		[VERDICT_LOST] = "lost",
	};

	return words[object->verdict];
}

/* Filled by the callbacks of shmipc_list() and shmipc_gc(). */
struct collection {
	enum shmipc_kind kind; /* 0: both */
	struct objects objects;
	int err;
};

static int add(struct collection *c, const struct object *object)
{
	if (!c->kind || object->info.kind == c->kind)
		c->err = tool_add(&c->objects, object);
	return c->err;
}

static enum verdict judge(const struct shmipc_info *info)
{
	if (info->lost)
		return VERDICT_LOST;
	if (info->in_use)
		return VERDICT_USED;
	/* A transient object without a user: the last one has just gone. */
	return info->transient ? VERDICT_GARBAGE : VERDICT_IDLE;
}

static int add_listed(const struct shmipc_info *info, void *arg)
{
	struct object object = { .info = *info,
				 .verdict = judge(info),
				 .partial = info->lost };

	return add(arg, &object);
}

static int add_garbage(const struct shmipc_info *info, void *arg)
{
	struct object object = { .info = *info,
				 .verdict = VERDICT_GARBAGE,
				 .partial = true };

	return add(arg, &object);
}

static int compare(const void *left, const void *right)
{
	const struct object *a = left, *b = right;

	if (a->info.kind != b->info.kind)
		return a->info.kind < b->info.kind ? -1 : 1;
	return strcmp(a->info.name, b->info.name);
}

/* Is it in the sorted list? Then a process has taken the name again. */
static bool is_listed(const struct objects *listed,
		      const struct object *garbage)
{
	return listed->count && bsearch(garbage, listed->all, listed->count,
					sizeof(*garbage), compare);
}

static int merge(struct objects *all, struct objects *listed,
		 const struct objects *garbage)
{
	int r = 0;

	if (listed->count)
		qsort(listed->all, listed->count, sizeof(*listed->all),
		      compare);
	for (size_t i = 0; i < garbage->count && r == 0; i++)
		if (!is_listed(listed, &garbage->all[i]))
			r = tool_add(all, &garbage->all[i]);
	for (size_t i = 0; i < listed->count && r == 0; i++)
		r = tool_add(all, &listed->all[i]);
	return r;
}

struct collector {
	enum shmipc_kind kind;
	struct objects *ret;
};

static int collect_backend(const char *backend, void *arg)
{
	struct collector *collector = arg;
	struct collection listed = { .kind = collector->kind };
	struct collection garbage = { .kind = collector->kind };
	struct shmipc *ipc;
	int status = EXIT_DONE, r;

	r = shmipc_open(&ipc, backend);
	if (r < 0)
		return tool_fail(r);
	r = shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, add_garbage, &garbage);
	if (r >= 0)
		r = shmipc_list(ipc, add_listed, &listed);
	if (r < 0) {
		(void)tool_fail(r);
		status = EXIT_FAILED;
	}
	if (listed.err || garbage.err ||
	    merge(collector->ret, &listed.objects, &garbage.objects) < 0)
		status = tool_no_memory();
	tool_free(&garbage.objects);
	tool_free(&listed.objects);
	shmipc_close(ipc);
	return status;
}

int tool_collect(const struct filter *filter, struct objects *ret)
{
	struct collector collector = { filter->kind, ret };
	int status;

	*ret = (struct objects){ .all = NULL };
	status = tool_each_backend(filter->backends, collect_backend,
				   &collector);
	(void)tool_sort(ret, NULL, false);
	return status;
}
