/* SPDX-License-Identifier: MIT */
/* The broker's memory: kind and name -> descriptors. */
#include <config.h>

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "backends/memfd/table.h"

static int compare(const void *left, const void *right)
{
	const struct table_entry *a = left, *b = right;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Is there a free slot? Make room if not. */
static int find_slot(struct table *t, uint32_t *ret)
{
	uint32_t slot = t->first_free, room;
	struct table_entry **slots;

	while (slot < t->room && t->slots[slot])
		slot++;
	if (slot == t->room) {
		room = t->room ? t->room * 2 : 64;
		slots = reallocarray(t->slots, room,
				     sizeof(struct table_entry *));
		if (!slots)
			return -ENOMEM;
		memset(slots + t->room, 0,
		       (room - t->room) * sizeof(struct table_entry *));
		t->slots = slots;
		t->room = room;
	}
	*ret = slot;
	return 0;
}

int table_add(struct table *t, uint32_t kind, const char *name, bool transient,
	      const struct wire_fds *fds)
{
	struct table_entry *e, **there;
	int r;

	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->fds = *fds;
	e->transient = transient;
	memcpy(e->name, name, strnlen(name, SHMIPC_NAME_MAX));
	r = find_slot(t, &e->slot);
	if (r < 0)
		goto err_free;
	there = tsearch(e, &t->tree, compare);
	if (!there) {
		r = -ENOMEM;
		goto err_free;
	}
	if (*there != e) {
		r = -EEXIST;
		goto err_free;
	}
	t->slots[e->slot] = e;
	t->first_free = e->slot + 1;
	t->count++;
	t->transient += transient;
	return 0;

err_free:
	free(e);
	return r;
}

struct table_entry *table_find(const struct table *t, uint32_t kind,
			       const char *name)
{
	struct table_entry key = { .kind = kind }, **there;

	memcpy(key.name, name, strnlen(name, SHMIPC_NAME_MAX));
	there = tfind(&key, &t->tree, compare);
	return there ? *there : NULL;
}

void table_remove(struct table *t, struct table_entry *e)
{
	tdelete(e, &t->tree, compare);
	t->slots[e->slot] = NULL;
	if (e->slot < t->first_free)
		t->first_free = e->slot;
	t->count--;
	t->transient -= e->transient;
	wire_close_fds(&e->fds);
	free(e);
}

struct table_entry *table_next(const struct table *t, uint32_t kind,
			       uint32_t slot)
{
	for (; slot < t->room; slot++)
		if (t->slots[slot] && t->slots[slot]->kind == kind)
			return t->slots[slot];
	return NULL;
}
