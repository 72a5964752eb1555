/* SPDX-License-Identifier: MIT */
/*
 * Kinds of objects. Outside the files of regions and semaphores themselves,
 * these descriptors hold all that the library knows about the difference
 * between the two: the rest of the core, the backends, the broker and the
 * command follow the descriptors.
 */
#ifndef SHMI_KIND_H
#define SHMI_KIND_H

#include <shmipc-backend.h>

struct shmi_header;

struct shmi_kind {
	struct shmipc_kind_info info; /* first: backends point to it */
	/*
	 * OPTIONAL: fill in ret the object's present contents: state, and value
	 * if it means something. The header is hostile.
	 */
	void (*state)(const struct shmi_header *header,
		      struct shmipc_info *ret);
};

extern const struct shmi_kind shmi_kind_shm;
extern const struct shmi_kind shmi_kind_sem;

/* The kind with this number, or NULL. */
const struct shmi_kind *shmi_kind_find(uint32_t number);

/*
 * Add a kind to this process, for its lifetime. Call it before another thread
 * uses the library.
 *   -EEXIST  the number or the name is taken
 *   -ENOSPC  there are too many kinds
 */
int shmi_kind_register(const struct shmi_kind *kind);

/* The state of a semaphore: semword.c. That of a region's lock: lockword.c. */
void shmi_semword_state(const struct shmi_header *header,
			struct shmipc_info *ret);
void shmi_lockword_state(const struct shmi_header *header,
			 struct shmipc_info *ret);

#endif
