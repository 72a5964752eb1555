/* SPDX-License-Identifier: MIT */
/*
 * Kinds of objects. All that the library knows about the difference between a
 * region and a semaphore, outside the files of the two, stands in these
 * descriptors: the rest of the core, the backends, the broker and the command
 * go by what a descriptor says.
 */
#ifndef SHMI_KIND_H
#define SHMI_KIND_H

#include <shmipc-backend.h>

struct shmi_header;

struct shmi_kind {
	struct shmipc_kind_info info; /* first: backends point to it */
	/*
	 * OPTIONAL: fill in ret what the object holds now: state, and value if
	 * that means something. The header is hostile.
	 */
	void (*state)(const struct shmi_header *header,
		      struct shmipc_info *ret);
};

extern const struct shmi_kind shmi_kind_shm;
extern const struct shmi_kind shmi_kind_sem;

/* The kind with this number, or NULL. */
const struct shmi_kind *shmi_kind_find(uint32_t number);

/*
 * Make one kind more known to this process, for its lifetime. Before the
 * library is used by another thread.
 *   -EEXIST  the number or the name is taken
 *   -ENOSPC  there are too many
 */
int shmi_kind_register(const struct shmi_kind *kind);

/* The state of a semaphore: semword.c. */
void shmi_semword_state(const struct shmi_header *header,
			struct shmipc_info *ret);

#endif
