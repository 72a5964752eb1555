/* SPDX-License-Identifier: MIT */
/*
 * sysv: shmget(2) memory and semget(2) semaphores.
 *
 * It needs no descriptors and no mount, has no limit of size but
 * kernel.shmall, and ipcs and ipcrm work on it. In return it has keys instead
 * of names, ids that the kernel reuses, few objects (kernel.shmmni,
 * kernel.sem), and segments that have a key before they have contents. A
 * sandbox or a phone may have no System V IPC at all.
 *
 *   segment   under one of SYSV_SLOTS keys (key.h), unfinished until its header
 *             says otherwise: SHMIPC_CAP_EARLY_NAME
 *   set       the ksems of a segment (ksem.h)
 *
 * One name, one segment. Every search goes through all slots, because the
 * unlink of another name can free a slot before the one that a name is in. So
 * two creators of one name may choose different slots. Therefore a creator
 * takes these steps:
 *
 *   [C1] See that no slot has the name, and make the segment in a free one.
 *        Making is exclusive: of two creators in one slot, one fails. A small
 *        segment is made in the first slot, and the search happens only if
 *        that fails.
 *   [C2] Write the name into the header.
 *   [C3] Look at the other slots. If one has the name and is complete, abandon
 *        our segment. If one has the name and is unfinished, make it dead, or
 *        if that is not allowed, abandon ours. If one may have the name and
 *        cannot be read, abandon ours. If one has no name yet and no process
 *        has it attached, make it dead or leave it alone.
 *   [C4] Commit. This fails if another process has made our segment dead.
 *
 * The search at C1 is not needed for correctness: it keeps a creator from
 * taking memory for a name that is taken, and from reporting a limit in place
 * of -EEXIST.
 *
 * A full fence stands between C2 and C3. So of two creators, at least one sees
 * the other's name at C3. Changes of state are compare-and-swaps, so either the
 * commit wins or the process that makes the segment dead, however slow one of
 * them is. This, and no guess about which process is alive, keeps two segments
 * of one name from being complete. Two creators that make each other's segment
 * dead both start over, after a random pause.
 *
 * A transient segment has a liveness segment beside it, which tells its users:
 * liveness.h.
 *
 * The kernel reuses ids (here after 4 million segments). So a process that acts
 * on what it saw in a segment keeps it attached from the look to the act.
 *
 * Death. A creator that is killed before C4 leaves an unfinished segment. A
 * process that finds one waits. If no other process has it attached for
 * SLOT_IDLE_MS, or after the peer timeout, it makes the segment dead and
 * removes it. (The timeout is needed because a process other than the creator
 * may have it attached: a child that was forked meanwhile, or another finder.)
 * A creator that was only slow notices at C4, or cannot attach the segment, and
 * starts over. If the finder is killed before IPC_RMID, the next finder removes
 * the dead segment. If a creator is killed after C4 and before it sets the
 * mode, the owner's own bits stay on. The set of an object that was unlinked in
 * use is removed when its last user closes the object. If that user exits
 * without a close or does not own the set, the set stays, its key names a
 * segment that is gone, and gc removes it. (One set stays for good: a creator
 * makes it after its segment was made dead and removed, and is killed before it
 * sets the mark.)
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/sysv/key.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/liveness.h"
#include "backends/sysv/slot.h"
#include "backends/sysv/sysv.h"
#include "backends/sysv/table.h"
#include "util/huge.h"
#include "util/limits.h"
#include "util/prefault.h"

/*
 * Up to this size a segment is made before the search for its name, since the
 * search takes about as long.
 */
#define SMALL ((size_t)64 << 10)

static int sysv_probe(void)
{
	struct shmid_ds ds;
	FILE *file;
	int forced = 0;

	if (shmctl(0, IPC_INFO, &ds) < 0)
		return shmipc_backend_error(
			-ENOSYS,
			"this system has no System V IPC, or a "
			"sandbox forbids it: %s",
			strerror(errno));
	file = fopen("/proc/sys/kernel/shm_rmid_forced", "re");
	if (file) {
		if (fscanf(file, "%d", &forced) != 1)
			forced = 0;
		fclose(file);
	}
	if (forced)
		return shmipc_backend_error(
			-ENOSYS, "kernel.shm_rmid_forced is set, so regions "
				 "would go with their last user");
	return 0;
}

/* What a failed shmget(2) means. It has three errors for limits. */
static int create_error(int err, size_t size)
{
	const char *why = "more would exceed kernel.shmall; raise it with "
			  "sysctl";
	struct shm_info used;
	struct shminfo limit;

	if (err == EEXIST)
		return -EAGAIN;
	if (err != EINVAL && err != ENOMEM && err != ENOSPC)
		return -err;
	if (err == EINVAL)
		why = "are more than kernel.shmmax allows; raise it with "
		      "sysctl";
	else if (err == ENOMEM)
		why = "are more than this machine has memory and swap";
	else if (shmctl(0, IPC_INFO, (struct shmid_ds *)&limit) >= 0 &&
		 shmctl(0, SHM_INFO, (struct shmid_ds *)&used) >= 0 &&
		 (unsigned long)used.used_ids >= limit.shmmni)
		return shmipc_backend_error(
			-ENOSPC,
			"all %lu segments of kernel.shmmni are in use; raise "
			"it with sysctl",
			(unsigned long)limit.shmmni);
	return shmipc_backend_error(-ENOSPC, "%zu bytes %s", size, why);
}

/*
 * Attach a segment that we have just made. Before the attach, another process
 * may have made it dead, and its id may mean another one. It is ours if we made
 * it under this key. After the attach its id cannot be reused.
 */
static int attach_created(struct shmipc_segment *seg, int id, key_t key,
			  const void *hint)
{
	struct slot slot = { .id = id, .addr = shmat(id, hint, 0) };
	int r;

	if (slot.addr == (void *)-1 && hint)
		slot.addr = shmat(id, NULL, 0); /* hint is not free any more */
	if (slot.addr == (void *)-1) {
		r = sysv_attach_error(errno);
		return r == -ENOENT ? -EAGAIN : r; /* made dead, and removed */
	}
	if (slot_stat(&slot) < 0 || slot.ds.shm_cpid != getpid() ||
	    slot.ds.shm_perm.__key != key) {
		shmdt(slot.addr);
		return -EAGAIN;
	}
	sysv_adopt(seg, &slot);
	return 0;
}

static void sysv_segment_close(struct shmipc_segment *seg)
{
	struct sysv *v = sysv_of(seg);

	if (v->liveness)
		shmdt(v->liveness);
	if (!v->published) {
		(void)shmipc_segment_abort(seg->addr);
		(void)slot_remove(&v->slot);
		return;
	}
	/* EPERM: only its owner can remove the orphan; nobody finds it. */
	if (v->liveness && liveness_users(&v->slot) == -ESTALE)
		(void)shmctl(v->slot.id, IPC_RMID, NULL);
	slot_leave_complete(&v->slot, seg->kind);
}

/*
 * Make a segment in this slot, and attach it.
 *   -EAGAIN  the slot is taken, or another process made the segment dead
 */
static int make_in_slot(struct shmipc_segment *seg, unsigned number,
			size_t length, mode_t mode, unsigned flags)
{
	size_t size = sysvkey_size(seg->kind->kind, seg->name, length,
				   flags & SHMIPC_SEGMENT_TRANSIENT);
	key_t key = sysvkey_segment(seg->kind->kind, seg->name, number);
	const void *hint = NULL;
	int id, r;

	/*
	 * The owner's own bits stay on until publish: even the creator needs
	 * them to attach it.
	 */
	id = shmget(key, size,
		    IPC_CREAT | IPC_EXCL | 0600 | (int)mode |
			    (flags & SHMIPC_SEGMENT_LAZY ? SHM_NORESERVE : 0));
	if (id < 0)
		return create_error(errno, size);
	if (flags & SHMIPC_SEGMENT_PREFAULT)
		hint = shmi_prefault_hint(sysvkey_mapped(size));
	r = attach_created(seg, id, key, hint);
	if (r < 0 && r != -EAGAIN)
		(void)shmctl(id, IPC_RMID, NULL); /* no memory to attach it */
	sysv_of(seg)->number = (int)number;
	sysv_of(seg)->mode = mode;
	return r;
}

/* See that no slot has the name. Returns the number of a free one. */
static int find_free_slot(enum shmipc_kind kind, const char *name)
{
	struct slot there;
	int number, r;

	r = slot_find(kind, name, SHMIPC_SEGMENT_RDONLY, &there, &number);
	if (r == 0)
		slot_leave(&there);
	if (r == 0 || r == -EACCES || r == -EPROTO)
		return -EEXIST;
	if (r != -ENOENT)
		return r;
	if (number < 0)
		return shmipc_backend_error(
			-ENOSPC, "all keys that this name can have are taken "
				 "by other names");
	return number;
}

/* System V only accounts for pages. This reserves them. */
static int reserve_pages(struct shmipc_segment *seg, bool prefault)
{
	int r = shmi_limits_check(seg->length);

	if (r == 0 && prefault)
		shmi_prefault_huge(seg->addr, seg->length);
	if (r == 0)
		r = shmi_prefault(seg->addr, seg->length, true);
	seg->populated = r == 0;
	return r;
}

static int sysv_segment_create(struct shmipc_segment *seg, size_t length,
			       mode_t mode, unsigned flags)
{
	int r = -EAGAIN;

	/* [C1] */
	if (length <= SMALL)
		r = make_in_slot(seg, 0, length, mode, flags);
	if (r < 0) {
		int number = find_free_slot(seg->kind->kind, seg->name);

		if (number < 0)
			return number;
		r = make_in_slot(seg, (unsigned)number, length, mode, flags);
	}
	if (r < 0)
		return r;
	if (!(flags & SHMIPC_SEGMENT_LAZY))
		r = reserve_pages(seg, flags & SHMIPC_SEGMENT_PREFAULT);
	if (r == 0 && flags & SHMIPC_SEGMENT_TRANSIENT)
		r = liveness_create(sysv_of(seg)->slot.id, seg->addr, mode,
				    &sysv_of(seg)->liveness);
	if (r < 0)
		sysv_segment_close(seg);
	return r;
}

/*
 * slot_look() for writing, so that what it attaches can be made dead. A segment
 * that we may only read often has another name, since keys collide. If not:
 *   -EACCES  it has the name, and is unfinished
 *   -ESRCH   it has no name yet: its creator will see ours at [C3]
 */
static int look_at_rival(const struct shmipc_segment *seg, unsigned number,
			 struct slot *ret)
{
	int r = slot_look(seg->kind->kind, seg->name, number, 0, ret);

	if (r != -EACCES)
		return r;
	r = slot_look(seg->kind->kind, seg->name, number, SHM_RDONLY, ret);
	if (r != -EINPROGRESS && r != -EAGAIN)
		return r;
	slot_leave(ret);
	return r == -EAGAIN ? -ESRCH : -EACCES;
}

/* [C3] for one slot. 0: it does not keep us from committing. */
static int check_rival(struct shmipc_segment *seg, unsigned number)
{
	struct slot other;
	int r = look_at_rival(seg, number, &other);

	switch (r) {
	case 0:
		slot_leave(&other);
		return -EEXIST;
	case -EINPROGRESS:
	case -EAGAIN:
		if ((r == -EINPROGRESS || other.ds.shm_nattch == 0) &&
		    shmipc_segment_abort(other.addr) == 0) {
			(void)slot_remove(&other);
			return 0;
		}
		slot_leave(&other);
		/* Without a name: its creator will see ours, or is dead. */
		return r == -EAGAIN ? 0 : -EEXIST;
	case -ESTALE: /* already dead: remove it */
		(void)slot_remove(&other);
		return 0;
	case -ENOENT:
	case -ESRCH:
		return 0;
	case -EACCES:
	case -EPROTO: /* perhaps the name, overwritten */
		return -EEXIST;
	default: /* what failed to be seen may be there */
		return r;
	}
}

static int sysv_segment_publish(struct shmipc_segment *seg)
{
	struct sysv *v = sysv_of(seg);
	int r;

	/* Between [C2] and [C3]. Its partner is the same fence of a rival. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < SYSV_SLOTS; i++) {
		r = (int)i == v->number ? 0 : check_rival(seg, i);
		if (r < 0)
			return r;
	}
	/* [C4] */
	r = shmipc_segment_commit(seg->addr);
	if (r < 0)
		return r;
	v->published = true;
	/* Only now: a segment that cannot be opened could not be made dead. */
	if ((v->mode & 0600) != 0600) {
		v->slot.ds.shm_perm.mode = (unsigned short)v->mode;
		(void)shmctl(v->slot.id, IPC_SET, &v->slot.ds);
	}
	return 0;
}

static int sysv_segment_open(struct shmipc_segment *seg, unsigned flags)
{
	struct slot slot;
	int r = slot_find(seg->kind->kind, seg->name, flags, &slot, NULL);

	if (r < 0)
		return r;
	if (!(flags & SHMIPC_SEGMENT_PEEK) &&
	    sysvkey_is_transient(slot.ds.shm_segsz)) {
		r = liveness_attach(&slot, &sysv_of(seg)->liveness);
		if (r < 0) {
			slot_leave(&slot);
			return r == -ESTALE ? -EAGAIN : r;
		}
	}
	sysv_adopt(seg, &slot);
	sysv_of(seg)->published = true;
	return 0;
}

static int sysv_segment_stat(struct shmipc_segment *seg,
			     struct shmipc_segment_stat *ret)
{
	const struct slot *slot = &sysv_of(seg)->slot;
	int users =
		sysv_of(seg)->listed ? sysv_of(seg)->users : slot_users(slot);

	if (users < 0)
		return users == -ESTALE ? -ENOENT : users;
	*ret = (struct shmipc_segment_stat){
		.mode = slot->ds.shm_perm.mode & 0777,
		.uid = slot->ds.shm_perm.uid,
		.gid = slot->ds.shm_perm.gid,
		.in_use = users > 0,
		.attached = (unsigned)users,
	};
	return 0;
}

/*
 * slot_look() at a segment that we may not read, but perhaps own: permit it,
 * and forbid it again if it has another name. Attached only for 0.
 */
static int look_as_owner(enum shmipc_kind kind, const char *name,
			 unsigned number, struct slot *ret)
{
	struct slot before;
	int r = slot_look(kind, name, number, 0, ret);

	if (r == -EACCES) {
		before = *ret;
		ret->ds.shm_perm.mode |= 0600;
		if (shmctl(ret->id, IPC_SET, &ret->ds) < 0)
			return -EACCES;
		r = slot_look(kind, name, number, 0, ret);
		if (!slot_is_attached(r))
			(void)shmctl(before.id, IPC_SET, &before.ds);
	}
	if (r < 0 && slot_is_attached(r))
		slot_leave(ret);
	return r;
}

static int find_as_owner(enum shmipc_kind kind, const char *name,
			 struct slot *ret)
{
	for (unsigned i = 0; i < SYSV_SLOTS; i++)
		if (look_as_owner(kind, name, i, ret) == 0)
			return 0;
	return -EACCES;
}

static int sysv_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
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

const struct shmipc_backend shmi_backend_sysv = {
	.abi = SHMIPC_BACKEND_ABI,
	.caps = SHMIPC_CAP_OTHER_USERS | SHMIPC_CAP_EARLY_NAME,
	.name = "sysv",
	.objects = "shmget(2), semget(2)",
	.segment_size = sizeof(struct sysv),
	.probe = sysv_probe,
	.segment_create = sysv_segment_create,
	.segment_publish = sysv_segment_publish,
	.segment_open = sysv_segment_open,
	.segment_close = sysv_segment_close,
	.segment_stat = sysv_segment_stat,
	.segment_unlink = sysv_segment_unlink,
	.segment_list = sysv_segment_list,
	.gc = sysv_gc,
	.ksem_create = sysv_ksem_create,
	.ksem_open = sysv_ksem_open,
	.ksem_wait = sysv_ksem_wait,
	.ksem_post = sysv_ksem_post,
	.ksem_close = sysv_ksem_close,
};
