/* SPDX-License-Identifier: MIT */
/*
 * top: the objects, and what has come and gone since the last look. An object
 * is recognised by its name and its time of creation. If it comes and goes
 * between two looks, it is not seen.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/top.h"

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int by_identity(const void *left, const void *right)
{
	const struct shmipc_info *a = &((const struct object *)left)->info;
	const struct shmipc_info *b = &((const struct object *)right)->info;
	int order = strcmp(a->backend, b->backend);

	if (order == 0)
		order = COMPARE(a->kind, b->kind);
	if (order == 0)
		order = strcmp(a->name, b->name);
	return order ? order : COMPARE(a->created, b->created);
}

static int add_backend(const char *name, void *arg)
{
	struct tallies *tallies = arg;

	if (tallies->count < TOP_BACKENDS)
		snprintf(tallies->list[tallies->count++].backend,
			 sizeof(tallies->list[0].backend), "%s", name);
	return EXIT_DONE;
}

static struct tally *tally_of(struct tallies *tallies,
			      const struct object *object)
{
	static struct tally nobody;

	for (unsigned i = 0; i < tallies->count; i++)
		if (!strcmp(tallies->list[i].backend, object->info.backend))
			return &tallies->list[i];
	return &nobody;
}

static void count(struct tallies *tallies, const struct objects *objects)
{
	for (size_t i = 0; i < objects->count; i++) {
		const struct object *o = &objects->all[i];
		struct tally *tally = tally_of(tallies, o);

		for (unsigned k = 0; k < TOP_KINDS && shmipc_kind_at(k); k++)
			tally->counts[k] +=
				o->info.kind == shmipc_kind_at(k)->kind;
		tally->bytes += o->info.size;
	}
}

static void add(struct amount *amount, const struct object *object)
{
	amount->count++;
	amount->bytes += object->info.size;
}

/* Both lists are sorted by by_identity(). */
static void compare(struct tallies *tallies, const struct objects *before,
		    const struct objects *now)
{
	size_t b = 0, n = 0;

	while (b < before->count || n < now->count) {
		int order = b == before->count ? 1
			    : n == now->count  ? -1
					       : by_identity(&before->all[b],
							     &now->all[n]);

		if (order < 0)
			add(&tally_of(tallies, &before->all[b])->removed,
			    &before->all[b]);
		if (order > 0)
			add(&tally_of(tallies, &now->all[n])->created,
			    &now->all[n]);
		b += order <= 0;
		n += order >= 0;
	}
}

/* Round to 0.01 s, so that a rate of one per second is 1.0 and not 0.9. */
static double rounded_seconds(int64_t ns)
{
	int64_t hundredths = (ns + 5000000) / 10000000;

	return (double)(hundredths ? hundredths : 1) / 100;
}

int top_look(struct top *top)
{
	const struct filter filter = { .backends = top->backends };
	int64_t now = tool_now(CLOCK_MONOTONIC);
	struct tallies tallies = { .count = 0 };
	struct objects objects;
	int status = tool_collect(&filter, &objects);

	if (status == EXIT_USAGE) {
		tool_free(&objects);
		return status;
	}
	(void)tool_each_backend(top->backends, add_backend, &tallies);
	if (objects.count)
		qsort(objects.all, objects.count, sizeof(*objects.all),
		      by_identity);
	count(&tallies, &objects);
	if (top->looked) {
		tallies.seconds = rounded_seconds(now - top->looked);
		compare(&tallies, &top->objects, &objects);
	}
	tool_free(&top->objects);
	top->objects = objects;
	top->tallies = tallies;
	top->looked = now;
	return status;
}

static bool is_chosen(const struct top *top, const struct object *object)
{
	const char *backend =
		top->backend ? top->tallies.list[top->backend - 1].backend
			     : object->info.backend;

	return (!top->kind || top->kind == object->info.kind) &&
	       !strcmp(backend, object->info.backend);
}

int top_choose(struct top *top)
{
	int r = 0;

	tool_free(&top->view);
	if (top->backend > top->tallies.count)
		top->backend = 0; /* that backend stopped working */
	for (size_t i = 0; i < top->objects.count && r == 0; i++)
		if (is_chosen(top, &top->objects.all[i]))
			r = tool_add(&top->view, &top->objects.all[i]);
	(void)tool_sort(&top->view, tool_columns[top->sort].title,
			top->reverse);
	return r;
}

void top_free(struct top *top)
{
	tool_free(&top->objects);
	tool_free(&top->view);
}
