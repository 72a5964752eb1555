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

/*
 * Attach a segment of the kernel's table for reading. The caller has to leave
 * it.
 *   -ESRCH  by key and size it is not ours, or not any more
 *   or the error of shmat(2)
 */
int slot_attach(int id, struct slot *ret);

/*
 * What is this attached segment, whatever its name? In the facts, kind is 0 and
 * name is "" if they are not written yet.
 *   0 -EINPROGRESS -EAGAIN  as slot_look()
 *   -ESTALE                 dead
 *   -EPROTO                 damaged, or it does not belong under its key
 */
int slot_identify(const struct slot *slot, struct shmipc_segment_facts *ret);

/* The same, and -ESTALE for an orphan too. Then the facts are complete. */
int slot_judge(const struct slot *slot, struct shmipc_segment_facts *ret);

/*
 * Detach. If the segment was unlinked, and no other process has it attached,
 * its set is of no use any more: remove that too.
 */
void slot_leave(struct slot *slot);

/* The same for a complete segment, which has no set if its kind needs none. */
void slot_leave_complete(struct slot *slot,
			 const struct shmipc_kind_info *kind);

/*
 * Make an attached, unfinished segment dead, in case its creator still lives.
 * It may be attached for reading only.
 */
bool slot_abort(const struct slot *slot);

/*
 * Take the key from a segment, and leave it. An unfinished liveness segment
 * goes too.
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
 *   -ENOMEM -EMFILE -ENOSYS -EIO  the system failed
 */
int slot_find(enum shmipc_kind kind, const char *name, unsigned flags,
	      struct slot *ret, int *free_slot);

#endif
