/* SPDX-License-Identifier: MIT */
/* Looking at a segment without becoming its user, and judging its header. */
#ifndef SHMI_PEEK_H
#define SHMI_PEEK_H

#include "header.h"
#include "ipc.h"
#include "kind.h"

/*
 * The header of an open segment. Its kind, name and size have been checked
 * once; any process that has it open may have changed them since.
 */
static inline struct shmi_header *shmi_header_of(const struct shmipc_segment *s)
{
	return s->addr;
}

/*
 * Check the header of a segment that was found under its name.
 *   -ENOENT  it was unlinked meanwhile
 *   -EPROTO  it is not valid, with a message
 */
int shmi_segment_check(const struct shmipc_segment *seg,
		       struct shmipc_segment_facts *ret);

/*
 * A segment opened for reading its header. It allocates nothing, so a child
 * forked while another thread held the allocator's lock can use it. It must not
 * be moved while it is open.
 */
struct shmi_peek {
	struct shmipc_segment seg;
	_Alignas(max_align_t) char priv[SHMIPC_BACKEND_PRIVATE_MAX];
};

/* Set all fields that the core sets before the first operation but the name. */
void shmi_peek_prepare(struct shmi_peek *peek, const struct shmipc *ipc,
		       const struct shmipc_kind_info *kind);

/*
 * Open and check the header; on success end with shmi_peek_close().
 * flags: 0 or SHMIPC_SEGMENT_NOWAIT.
 */
int shmi_peek_open(struct shmi_peek *peek, const struct shmipc *ipc,
		   const struct shmipc_kind_info *kind, const char *name,
		   unsigned flags, struct shmipc_segment_facts *ret);
void shmi_peek_close(struct shmi_peek *peek);

/*
 * The id of an object with this name and birth. A random number in the header
 * would cost a system call; and no two objects of one name and creator are made
 * in the same nanosecond, unless the clock is set back.
 */
uint64_t shmi_object_id(const char *name, int64_t born, int32_t creator,
			uint64_t pid_space);

/*
 * Fill in shmipc_stat()'s result for a peeked segment with these facts. Fails
 * like segment_stat().
 */
int shmi_peek_describe(struct shmipc_segment *seg,
		       const struct shmipc_segment_facts *facts,
		       struct shmipc_info *ret);

#endif
