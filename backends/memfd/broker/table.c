/* SPDX-License-Identifier: MIT */
/* The server's table: kind and name -> descriptors. */
#include <config.h>

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/memfd/broker/table.h"

static int compare_entries(const void *left, const void *right)
{
	const struct table_entry *a = left, *b = right;
	int order = (a->kind > b->kind) - (a->kind < b->kind);

	return order ? order : strcmp(a->name, b->name);
}

static void get_facts_of_file(struct table_entry *e)
{
	struct stat st;

	if (fstat(e->fds.fd[0], &st) < 0)
		return; /* size 0: not sound */
	e->size = (uint64_t)st.st_size;
	e->transient = st.st_mode & S_ISVTX; /* fdmem.h */
}

static uint32_t first_free_slot(const struct table *t)
{
	uint32_t slot = t->first_free;

	while (slot < t->room && t->slots[slot])
		slot++;
	return slot;
}

static int make_slot(struct table *t, uint32_t slot)
{
	uint32_t room = t->room ? t->room : 64;
	struct table_entry **slots;

	while (room <= slot)
		room *= 2;
	if (room == t->room)
		return 0;
	slots = reallocarray(t->slots, room, sizeof(struct table_entry *));
	if (!slots)
		return -ENOMEM;
	memset(slots + t->room, 0,
	       (room - t->room) * sizeof(struct table_entry *));
	t->slots = slots;
	t->room = room;
	return 0;
}

int table_add(struct table *t, uint32_t slot, uint32_t kind, const char *name,
	      const struct wire_fds *fds)
{
	struct table_entry *e, **there;
	int r;

	if (slot == TABLE_ANY_SLOT)
		slot = t->first_free = first_free_slot(t);
	if (slot >= JOURNAL_SLOTS)
		return -EMFILE;
	r = make_slot(t, slot);
	if (r < 0)
		return r;
	if (t->slots[slot])
		return -EEXIST;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->kind = kind;
	e->slot = slot;
	e->fds = *fds;
	get_facts_of_file(e);
	memcpy(e->name, name, strnlen(name, SHMIPC_NAME_MAX));
	there = tsearch(e, &t->tree, compare_entries);
	if (!there) {
		r = -ENOMEM;
		goto err_free;
	}
	if (*there != e) {
		r = -EEXIST;
		goto err_free;
	}
	t->slots[slot] = e;
	if (slot == t->first_free)
		t->first_free++;
	t->count++;
	t->transient += e->transient;
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
	there = tfind(&key, &t->tree, compare_entries);
	return there ? *there : NULL;
}

void table_remove(struct table *t, struct table_entry *e)
{
	tdelete(e, &t->tree, compare_entries);
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
	for (; slot < t->room; slot++) {
		struct table_entry *e = t->slots[slot];

		if (e && (!kind || wire_same_kind(e->kind, kind)))
			return e;
	}
	return NULL;
}
