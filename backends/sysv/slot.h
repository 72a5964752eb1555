/* SPDX-License-Identifier: MIT */
/*
 * The slots that a name can stand in, and finding it there. The protocol that
 * this belongs to is at the head of sysv.c.
 */
#ifndef SHMI_SYSV_SLOT_H
#define SHMI_SYSV_SLOT_H

#include "backends/sysv/attach.h"

/* How long nobody must be attached to an unfinished segment before it is dead. */
#define SLOT_IDLE_MS 20

/*
 * Attach what stands in a slot and look at it. access: 0 or SHM_RDONLY.
 *
 * Attached, and the caller's to leave:
 *   0             complete, and the name
 *   -EINPROGRESS  unfinished, and the name
 *   -EAGAIN       unfinished, and it is not written what it will be
 *   -ESTALE       dead, or an orphan
 * Not attached:
 *   -ENOENT       nothing there
 *   -ESRCH        a stranger, or another name
 *   -EACCES       perhaps the name, but it may not be read; ret->id and
 *                 ret->ds are set
 *   -EPROTO       damaged
 *   -ENOMEM -EMFILE -ENOSYS -EIO  the system failed
 */
int slot_look(enum shmipc_kind kind, const char *name, unsigned number,
	      int access, struct slot *ret);

/*
 * What an attached segment is, whatever its name; kind 0 and "" in the facts if
 * that is not written yet.
 *   0 -EINPROGRESS -EAGAIN -ESTALE  as slot_look()
 *   -EPROTO                         it does not belong under its key
 */
int slot_identify(const struct slot *slot, struct shmipc_segment_facts *ret);

/*
 * Detach. If the segment was unlinked and we were the last to have it, even if
 * only to look at it, its set has no use any more: remove that too.
 */
void slot_leave(struct slot *slot);

/*
 * Take the key from a segment and leave it; an unfinished anchor goes too.
 *   -EPERM  not the owner; left all the same
 */
int slot_remove(struct slot *slot);

/*
 * Find the complete segment of a name and attach it; wait for one in the
 * making, and clear away what a dead creator left, unless flags
 * (SHMIPC_SEGMENT_*) have NOWAIT or PEEK. *free_slot, if wanted: one
 * that is free, or -1.
 *   -ENOENT -EACCES -EPROTO
 *   -ETIMEDOUT  its creator did not finish, and it was given up; or has not,
 *               and we do not wait
 */
int slot_find(enum shmipc_kind kind, const char *name, unsigned flags,
	      struct slot *ret, int *free_slot);

#endif
