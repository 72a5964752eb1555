/* SPDX-License-Identifier: MIT */
/*
 * Anchors: who uses a transient segment?
 *
 * An anchor is a second, tiny segment beside a transient one. Its users are
 * attached to it, and nobody else is. It is marked for removal as soon as its
 * creator is attached, so that the kernel destroys it with its last user,
 * however he goes; and until then Linux lets others attach it by its id
 * (shmctl(2), IPC_RMID). So attaching the anchor is one step with seeing that
 * somebody uses the segment. Once it is gone, the segment is an orphan.
 *
 *   key of an anchor   as that of a set (sysv/key.h), until it is marked
 *   id of an anchor    stands in the header of its segment: the note
 *
 * Who may write the header can write another id there, so it is believed only
 * if that is an anchor, marked, of the segment's creator. If there is nothing
 * of that id, the segment counts as an orphan: who may write an object can end
 * it.
 *
 * Death. A creator killed before the mark leaves the anchor under its key, and
 * the segment unfinished; whoever gives up the segment removes both.
 */
#ifndef SHMI_SYSV_LIVENESS_H
#define SHMI_SYSV_LIVENESS_H

#include "backends/sysv/attach.h"

/*
 * Make the anchor of an unfinished segment, which we are attached to, attach
 * it, and note it in the header. *ret is to be detached.
 *   -EAGAIN  something has its key, or took it from us: start over
 *   -ENOSPC  kernel.shmmni
 */
int liveness_create(int segment_id, void *segment, mode_t mode, void **ret);

/*
 * Become a user of a transient segment; *ret is to be detached.
 *   -ESTALE  it is an orphan
 *   -EPROTO  what is noted is no anchor of its
 */
int liveness_attach(const struct slot *segment, void **ret);

/*
 * How many are attached to it?
 *   -ESTALE -EPROTO  as liveness_attach()
 */
int liveness_users(const struct slot *segment);

/* Does this look like an anchor that is not marked, and so has a key? */
bool liveness_is_unmarked(const struct shmid_ds *ds);

/* Remove what a creator who died left under the key of an anchor. */
void liveness_remove_unmarked(int segment_id);

#endif
