/* SPDX-License-Identifier: MIT */
/*
 * The server's table: kind and name -> descriptors.
 *
 * A look-up costs the logarithm of the number of entries. Entries stand in
 * numbered slots and keep their number, so that a listing can continue where it
 * stopped, whatever was added or removed meanwhile.
 */
#ifndef SHMI_MEMFD_TABLE_H
#define SHMI_MEMFD_TABLE_H

#include <stdbool.h>

#include "backends/memfd/broker/journal.h"

struct table_entry {
	uint32_t kind;
	uint32_t slot;
	bool transient;
	uint64_t size;	     /* bytes; constant, as the memory is sealed */
	struct wire_fds fds; /* owned */
	char name[SHMIPC_NAME_MAX + 1];
};

struct table {
	void *tree; /* of struct table_entry, tsearch(3) */
	struct table_entry **slots;
	uint32_t room;	     /* number of slots */
	uint32_t first_free; /* no slot before it is free */
	uint32_t count;	     /* of entries */
	uint32_t transient;  /* of them, transient ones */
};

#define TABLE_ANY_SLOT UINT32_MAX

/*
 * Add an entry, in a free slot; on success the table owns the descriptors.
 *   -EEXIST  the name, or the slot, is taken
 *   -EMFILE  the table has JOURNAL_SLOTS entries
 *   -ENOMEM
 */
int table_add(struct table *table, uint32_t slot, uint32_t kind,
	      const char *name, const struct wire_fds *fds);

/* The entry, or NULL. */
struct table_entry *table_find(const struct table *table, uint32_t kind,
			       const char *name);

/* Remove an entry and close its descriptors. */
void table_remove(struct table *table, struct table_entry *entry);

/* The first entry of this kind (0: any) from this slot on, or NULL. */
struct table_entry *table_next(const struct table *table, uint32_t kind,
			       uint32_t slot);

#endif
