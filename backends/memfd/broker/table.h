/* SPDX-License-Identifier: MIT */
/*
 * The server's memory: kind and name -> descriptors.
 *
 * Looking up costs the logarithm of the number of entries. Entries stand in
 * numbered slots and keep their number, so that a listing goes on where it
 * stopped, whatever came and went meanwhile.
 */
#ifndef SHMI_MEMFD_TABLE_H
#define SHMI_MEMFD_TABLE_H

#include <stdbool.h>

#include "backends/memfd/broker/journal.h"

struct table_entry {
	uint32_t kind;
	uint32_t slot;
	bool transient;
	uint64_t size;	     /* bytes, for ever: it is sealed */
	struct wire_fds fds; /* owned */
	char name[SHMIPC_NAME_MAX + 1];
};

struct table {
	void *tree; /* of struct table_entry, tsearch(3) */
	struct table_entry **slots;
	uint32_t room;	     /* of slots */
	uint32_t first_free; /* no free slot before it */
	uint32_t count;	     /* entries */
	uint32_t transient;  /* of them */
};

#define TABLE_ANY_SLOT UINT32_MAX

/*
 * Add an entry, in a free slot; on success the table owns the descriptors.
 *   -EEXIST  the name, or the slot, is taken
 *   -EMFILE  there are JOURNAL_SLOTS entries
 *   -ENOMEM
 */
int table_add(struct table *table, uint32_t slot, uint32_t kind,
	      const char *name, const struct wire_fds *fds);

/* The entry, or NULL. */
struct table_entry *table_find(const struct table *table, uint32_t kind,
			       const char *name);

/* Remove an entry and close its descriptors. */
void table_remove(struct table *table, struct table_entry *entry);

/* The first entry of a kind (0: any) in this slot or behind it, or NULL. */
struct table_entry *table_next(const struct table *table, uint32_t kind,
			       uint32_t slot);

#endif
