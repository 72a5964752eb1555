/* SPDX-License-Identifier: MIT */
/*
 * The slots that a name can be in, and how to find it there. The protocol is
 * described at the head of sysv.c.
 */
#ifndef SHMI_SYSV_SLOT_H
#define SHMI_SYSV_SLOT_H

#include "backends/sysv/state.h"

/* How long an unfinished segment must be unattached before it is made dead. */
#define SLOT_IDLE_MS 20

/*
 * Attach what is in a slot and look at it. access: 0 or SHM_RDONLY.
 *
 * Attached, and the caller has to leave it:
 *   0             complete, with this name
 *   -EINPROGRESS  unfinished, with this name
 *   -EAGAIN       unfinished, and its name is not written yet
 *   -ESTALE       dead, or an orphan
 * Not attached:
 *   -ENOENT       nothing
 *   -ESRCH        another program's segment, or another name
 *   -EACCES       perhaps this name, but we may not read it; ret->id and
 *                 ret->ds are set
 *   -EPROTO       damaged
 *   -ENOMEM -EMFILE -ENOSYS -EIO  the system failed
 */
int slot_look(enum shmipc_kind kind, const char *name, unsigned number,
	      int access, struct slot *ret);

/* Is the segment attached after slot_look() returned this? */
static inline bool slot_is_attached(int r)
{
	return r == 0 || r == -EINPROGRESS || r == -EAGAIN || r == -ESTALE;
}

/* Set ds and length of a slot with an attached id. */
int slot_stat(struct slot *slot);

/*
 * Attach a segment by its id, for reading. The caller has to leave it.
 *   -ESRCH  by key and size it is not ours, or not any more
 *   or the error of shmat(2)
 */
int slot_attach(int id, struct slot *ret);

/*
 * shmipc_segment_identify() for an attached segment.
 *   -EPROTO  damaged, or this name cannot be under this key
 */
int slot_identify(const struct slot *slot, struct shmipc_segment_facts *ret);

/* The same, and -ESTALE for an orphan too. Then the facts are complete. */
int slot_judge(const struct slot *slot, struct shmipc_segment_facts *ret);

/*
 * How many users has an attached, complete segment, without this attach?
 *   -ENOENT  it is gone; or as liveness_users()
 */
int slot_users(const struct slot *slot);

/*
 * Detach. If the segment was unlinked, and no other process has it attached,
 * its set is of no use any more: remove that too.
 */
void slot_leave(struct slot *slot);

/* The same for a complete segment, which has no set if its kind needs none. */
void slot_leave_complete(struct slot *slot,
			 const struct shmipc_kind_info *kind);

/* Make an unfinished segment dead. It may be attached for reading only. */
bool slot_abort(const struct slot *slot);

/*
 * Remove a segment and what its creator made beside it, and leave it.
 *   -EPERM  not the owner; the segment is left nevertheless
 */
int slot_remove(struct slot *slot);

/*
 * Find the complete segment of a name and attach it. Unless flags
 * (SHMIPC_SEGMENT_*) have NOWAIT, wait for an unfinished one; unless they have
 * PEEK, remove dead ones and orphans. *free_slot, if not NULL: a free one, or
 * -1.
 *   -ENOENT -EACCES -EPROTO
 *   -ETIMEDOUT  its creator did not finish, and it was made dead; or with
 *               NOWAIT it is not finished
 *   the others  as slot_look()
 */
int slot_find(enum shmipc_kind kind, const char *name, unsigned flags,
	      struct slot *ret, int *free_slot);

#endif
