/* SPDX-License-Identifier: MIT */
/* Unlinking and listing names of sysv. */
#include <config.h>

#include <string.h>

#include "backends/sysv/key.h"
#include "backends/sysv/names.h"
#include "backends/sysv/slot.h"

/*
 * slot_look() for writing at a segment that we may not read, but perhaps own.
 * Give ourselves the permission, and take it back if it has another name.
 */
static int look_as_owner(enum shmipc_kind kind, const char *name,
			 unsigned number, struct slot *ret)
{
	struct slot before;
	int r;

	r = slot_look(kind, name, number, 0, ret);
	if (r != -EACCES)
		return r;
	before = *ret;
	ret->ds.shm_perm.mode |= 0600;
	if (shmctl(ret->id, IPC_SET, &ret->ds) < 0)
		return -EACCES;
	r = slot_look(kind, name, number, 0, ret);
	if (r < 0 && r != -EINPROGRESS && r != -EAGAIN && r != -ESTALE)
		(void)shmctl(before.id, IPC_SET, &before.ds);
	return r;
}

static int find_as_owner(enum shmipc_kind kind, const char *name,
			 struct slot *ret)
{
	for (unsigned i = 0; i < SYSV_SLOTS; i++) {
		switch (look_as_owner(kind, name, i, ret)) {
		case 0:
			return 0;
		case -EINPROGRESS:
		case -EAGAIN:
		case -ESTALE:
			slot_leave(ret);
		}
	}
	return -EACCES;
}

int sysv_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
			const char *name)
{
	struct slot slot;
	int r;

	(void)conn;
	r = slot_find(kind->kind, name, 0, &slot, NULL);
	if (r == -EACCES)
		r = find_as_owner(kind->kind, name, &slot);
	if (r < 0)
		return r;
	if (shmctl(slot.id, IPC_RMID, NULL) < 0) {
		r = sysv_is_gone(errno) ? -ENOENT : -errno;
		slot_leave(&slot);
		return r;
	}
	/*
	 * IPC_RMID succeeds for every process that still has the segment
	 * attached. The header says which was the first.
	 */
	r = shmipc_segment_end(slot.addr);
	slot_leave_complete(&slot, kind);
	return r;
}

/*
 * Peek at a segment that looks like ours from outside. *facts are to live as
 * long as seg is in use: its name is there.
 *   -ESRCH  it is no complete one of seg->kind, or an orphan
 *   or the error of shmat(2)
 */
static int peek_by_id(struct shmipc_segment *seg, int id,
		      struct shmipc_segment_facts *facts)
{
	struct slot slot;
	int r = slot_attach(id, &slot);

	if (r < 0)
		return r;
	if (slot_judge(&slot, facts) < 0 ||
	    shmipc_segment_look(slot.addr, slot.length, seg->kind->kind,
				facts->name) < 0) {
		slot_leave(&slot);
		return -ESRCH;
	}
	seg->name = facts->name;
	sysv_adopt(seg, &slot);
	return 0;
}

int sysv_segment_list(struct shmipc_segment *seg,
		      int (*found)(struct shmipc_segment *seg, void *arg),
		      void *arg)
{
	struct shmipc_segment_facts facts;
	struct shmid_ds ds;
	int last, over = 0;

	last = shmctl(0, SHM_INFO, &ds);
	if (last < 0)
		return -errno;
	for (int i = 0; i <= last && !over; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		/* Do not attach another program's segment, even to look. */
		if (id < 0 ||
		    !sysvkey_is_ours(ds.shm_perm.__key, ds.shm_segsz) ||
		    peek_by_id(seg, id, &facts) < 0)
			continue;
		over = found(seg, arg);
		slot_leave_complete(&sysv_of(seg)->slot, seg->kind);
		memset(seg->priv, 0, sizeof(struct sysv));
	}
	return 0;
}
