/* SPDX-License-Identifier: MIT */
/*
 * Liveness segments: which processes use a transient segment?
 *
 * A liveness segment is a second, tiny segment beside a transient one. The
 * users of the transient segment attach it, and no other process does. Its
 * creator removes it (IPC_RMID) as soon as it has attached it. The kernel then
 * destroys it when its last user exits or detaches, even after a crash. Until
 * then Linux lets other processes attach it by its id (shmctl(2), IPC_RMID). So
 * one attach both sees that the transient segment has a user and makes another
 * one. Once the liveness segment is gone, the transient one is an orphan.
 *
 *   its key   that of a companion (key.h), until it is removed
 *   its id    the backend word in the header of the transient segment
 *
 * A process that may write the header can write another id there. So an id is
 * believed only if it is that of a removed liveness segment made by the creator
 * of the transient segment. If nothing has this id, the transient segment
 * counts as an orphan: a process that may write an object can end it.
 *
 * Death. A creator that is killed before it removes the liveness segment leaves
 * it under its key, and leaves the transient segment unfinished. The process
 * that makes the transient segment dead removes both.
 */
#ifndef SHMI_SYSV_LIVENESS_H
#define SHMI_SYSV_LIVENESS_H

#include "backends/sysv/state.h"

/*
 * Make the liveness segment of an unfinished segment that we have attached.
 * Attach it, and set the backend word. The caller detaches *ret.
 *   -EAGAIN  something has its key, or took it from us: start over
 *   -ENOSPC  the limit kernel.shmmni or kernel.shmall
 */
int liveness_create(int segment_id, void *segment, mode_t mode, void **ret);

/*
 * Become a user of a transient segment. The caller detaches *ret.
 *   -ESTALE  it is an orphan
 *   -EPROTO  the backend word leads to something else
 */
int liveness_attach(const struct slot *segment, void **ret);

/*
 * How many users has a transient segment?
 *   -ESTALE -EPROTO  as liveness_attach()
 */
int liveness_users(const struct slot *segment);

/* Does this look like a liveness segment that still has its key? */
bool liveness_has_key(const struct shmid_ds *ds);

/* Remove what a dead creator left under the key of a liveness segment. */
void liveness_remove_by_key(int segment_id);

#endif
