/* SPDX-License-Identifier: MIT */
/*
 * The slots that a name can stand in, and finding it there. The protocol that
 * this belongs to is at the head of sysv.c.
 */
#ifndef SHMI_SYSV_SLOT_H
#define SHMI_SYSV_SLOT_H

#include <errno.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "backends/sysv/key.h"

/* How long an unfinished segment must be nobody's before it is given up. */
#define SLOT_IDLE_MS 20

/* An unusual number, so that no stranger's set is taken for ours. */
#define SLOT_SET_SIZE 7

/* The value of its last semaphore, to tell it from a stranger's. */
#define SLOT_SET_MARK 0x5c5

/* A segment, attached, so that its id stays what it is. */
struct slot {
	int id;
	void *addr;
	size_t length;
	struct shmid_ds ds; /* shm_nattch: without us */
};

/*
 * Attach what stands in a slot and look at it. access: 0 or SHM_RDONLY.
 *
 * Attached, and the caller's to leave:
 *   0             complete, and the name
 *   -EINPROGRESS  unfinished, and the name
 *   -EAGAIN       unfinished, and it is not written what it will be
 *   -ESTALE       given up, or transient and without a user
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
 * Whatever an attached segment is: its kind and its name ("": it has none yet).
 *   0 -EINPROGRESS -EAGAIN -ESTALE  as slot_look(), whatever its name
 *   -EPROTO                         it does not belong under its key
 */
int slot_identify(const struct slot *slot, enum shmipc_kind *kind,
		  char name[SHMIPC_NAME_MAX + 1]);

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

/* Did the kernel say that the id means nothing any more? */
static inline bool slot_is_gone(int err)
{
	return err == EINVAL || err == EIDRM;
}

/* What a failed shmat(2) means; -ENOENT: the segment is gone. */
static inline int slot_attach_error(int err)
{
	if (slot_is_gone(err))
		return -ENOENT;
	/* More would be locked than RLIMIT_MEMLOCK allows. */
	return err == EAGAIN ? -ENOMEM : -err;
}

#endif
