/* SPDX-License-Identifier: MIT */
/*
 * sysv: shmget(2) memory and semget(2) semaphores.
 *
 * No descriptors, no mount and no size but kernel.shmall; ipcs and ipcrm work
 * on it. But keys instead of names, ids that outlive nothing and are used
 * again, few objects (kernel.shmmni, kernel.sem), and a segment has its key
 * before it has its contents. A sandbox or a phone may have none of it.
 *
 *   segment   under one of SYSV_SLOTS keys (sysv/key.h), unfinished until its
 *             header says otherwise: SHMIPC_CAP_EARLY_NAME
 *   set       SLOT_SET_SIZE semaphores, of which the first is used, and the
 *             last says that it is ours: the place of the semaphore whose
 *             segment's id is in its key
 *
 * One name, one segment. All slots are looked at, always, since an unlinked
 * stranger can leave a hole before a name. So two creators of one name may
 * choose different slots, and each does this:
 *
 *   [C1] see that no slot has the name; make the segment in a free one
 *        (exclusively: of two in one slot, one fails). A small one is made in
 *        the first slot, and only if that fails is it looked for
 *   [C2] write the name into the header
 *   [C3] look at the other slots. The name again: if complete, give up ours.
 *        If unfinished, give up theirs, or if that is not allowed, ours. If
 *        it may not be read, give up ours. No name yet, and nobody attached:
 *        give that up, too, or leave it alone
 *   [C4] commit. Fails if somebody gave it up.
 *
 * Nothing rests on the look at C1 but that no memory is taken for a name that
 * is taken, and that limits are told last.
 *
 * Between C2 and C3 stands a full fence: of two creators, at least one sees
 * the other's name at C3. State changes are compare-and-swaps, so that one
 * of commit and give-up wins, whoever is slow; that, and not any guess about
 * who is alive, keeps two segments of one name from being complete. Two that
 * give each other up both start over, after a random pause.
 *
 * A transient segment has an anchor beside it, by which its users are known:
 * sysv/liveness.h.
 *
 * Ids are used again (after 4 million segments here), so whoever acts on what
 * he saw in a segment stays attached from the look to the act.
 *
 * Death. A creator killed before C4 leaves an unfinished segment. Whoever
 * finds one waits; if nobody else is attached for SLOT_IDLE_MS, or when
 * patience is over, he gives it up and removes it. (Somebody may be attached
 * and not be the creator: a child forked meanwhile, or a finder. Hence the
 * second.) A creator who was only slow finds out at C4, or cannot attach, and
 * starts over. Killed between give-up and IPC_RMID: the next finder removes
 * it. Killed after C4 and before the mode is set: the owner's own bits stay
 * on. A set of a semaphore that was unlinked in use is removed by the close of
 * its last user. If he ends without one, or is not its owner, the set stays,
 * and its key names a segment that is gone: gc. (Twice unlucky: a creator who
 * makes the set when his segment was given up already, and is killed before he
 * marks it, leaves one that nobody dares to remove.)
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "backends/sysv/gc.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/liveness.h"
#include "backends/sysv/slot.h"
#include "backends/sysv/sysv.h"
#include "util/huge.h"
#include "util/limits.h"
#include "util/prefault.h"

/*
 * Up to this size a segment is made before its name is looked for in all slots,
 * which takes as long as a good part of making it.
 */
#define SMALL ((size_t)64 << 10)

/* How often segment_stat() counts. */
#define LOOKS 8

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

/* shmget(2) has three errors for "a limit"; which one was it? */
static int create_error(int err, size_t size)
{
	struct shm_info used;
	struct shminfo limit;

	switch (err) {
	case EEXIST:
		return -EAGAIN;
	case EINVAL:
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than kernel.shmmax "
			"allows; raise it with sysctl",
			size);
	case ENOMEM:
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than this machine has "
			"memory and swap",
			size);
	case ENOSPC:
		break;
	default:
		return -err;
	}
	if (shmctl(0, IPC_INFO, (struct shmid_ds *)&limit) >= 0 &&
	    shmctl(0, SHM_INFO, (struct shmid_ds *)&used) >= 0 &&
	    (unsigned long)used.used_ids >= limit.shmmni)
		return shmipc_backend_error(
			-ENOSPC,
			"all %lu segments of kernel.shmmni are in "
			"use; raise it with sysctl",
			(unsigned long)limit.shmmni);
	return shmipc_backend_error(
		-ENOSPC,
		"%zu bytes more would exceed kernel.shmall; raise it "
		"with sysctl",
		size);
}

/*
 * Attach the segment that we just made. While we slept it may have been given
 * up and its id may mean another one: it is ours if we made it under this
 * key. Afterwards the id stands still.
 */
static int attach_created(struct shmipc_segment *seg, int id, key_t key,
			  const void *hint)
{
	struct shmid_ds ds;
	void *addr = shmat(id, hint, 0);
	int r;

	if (addr == (void *)-1 && hint)
		addr = shmat(id, NULL, 0); /* it is not free any more */
	if (addr == (void *)-1) {
		r = slot_attach_error(errno);
		return r == -ENOENT ? -EAGAIN : r; /* it was given up */
	}
	if (shmctl(id, IPC_STAT, &ds) < 0 || ds.shm_cpid != getpid() ||
	    ds.shm_perm.__key != key) {
		shmdt(addr);
		return -EAGAIN;
	}
	seg->addr = addr;
	seg->length = sysvkey_mapped(ds.shm_segsz);
	sysv_of(seg)->id = id;
	sysv_of(seg)->ds = ds;
	return 0;
}

/* Leave a complete segment; without ksems it has no set to look after. */
static void leave_complete(struct slot *slot,
			   const struct shmipc_kind_info *kind)
{
	if (kind->ksems)
		slot_leave(slot);
	else
		shmdt(slot->addr);
}

static void sysv_segment_close(struct shmipc_segment *seg)
{
	struct slot slot = {
		.id = sysv_of(seg)->id,
		.addr = seg->addr,
		.ds = sysv_of(seg)->ds,
	};

	if (sysv_of(seg)->liveness)
		shmdt(sysv_of(seg)->liveness);
	if (!sysv_of(seg)->published) {
		(void)shmipc_segment_abort(seg->addr);
		(void)slot_remove(&slot);
		return;
	}
	/* EPERM: its owner's to do; nobody finds it. */
	if (sysv_of(seg)->liveness && liveness_users(&slot) == -ESTALE)
		(void)shmctl(slot.id, IPC_RMID, NULL);
	leave_complete(&slot, seg->kind);
}

/*
 * Make a segment in this slot, and attach it.
 *   -EAGAIN  the slot is taken, or we were given up
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
	 * The owner's own bits stay on until publish: without them not even
	 * the creator could attach.
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

/* System V accounts for pages; this is what reserves them. */
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
		r = liveness_create(sysv_of(seg)->id, seg->addr, mode,
				    &sysv_of(seg)->liveness);
	if (r < 0)
		sysv_segment_close(seg);
	return r;
}

/*
 * slot_look(), such that what it attached may be given up. What may only be
 * read is often another name, since keys collide. Else it is
 *   -EACCES  the name, unfinished
 *   -ESRCH   without a name: who writes one later will see ours at [C3]
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

/* [C3] for one slot: 0 if it does not keep us from committing. */
static int check_rival(struct shmipc_segment *seg, unsigned number)
{
	struct slot other;
	int r = look_at_rival(seg, number, &other);

	switch (r) {
	case 0:
		slot_leave(&other);
		return -EEXIST;
	case -EINPROGRESS:
		if (shmipc_segment_abort(other.addr) == 0) {
			(void)slot_remove(&other);
			return 0;
		}
		slot_leave(&other);
		return -EEXIST;
	case -EAGAIN:
		/* It has yet to write its name, and will see ours; or died. */
		if (other.ds.shm_nattch == 0 &&
		    shmipc_segment_abort(other.addr) == 0)
			(void)slot_remove(&other);
		else
			slot_leave(&other);
		return 0;
	case -ESTALE: /* given up already: finish that */
		(void)slot_remove(&other);
		return 0;
	case -ENOENT:
	case -ESRCH:
		return 0;
	case -EACCES:
	case -EPROTO: /* it may be the name, written over */
		return -EEXIST;
	default: /* not seen is not "not there" */
		return r;
	}
}

static int set_segment_mode(int id, mode_t mode)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds) < 0)
		return -errno;
	ds.shm_perm.mode = (unsigned short)mode;
	return shmctl(id, IPC_SET, &ds) < 0 ? -errno : 0;
}

static int sysv_segment_publish(struct shmipc_segment *seg)
{
	struct sysv *v = sysv_of(seg);
	int r;

	/* Between [C2] and [C3]; the partner is this fence in another one. */
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
	/* Not before: nobody could give up what its mode keeps closed. */
	if ((v->mode & 0600) != 0600)
		(void)set_segment_mode(v->id, v->mode);
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
	seg->addr = slot.addr;
	seg->length = slot.length;
	sysv_of(seg)->id = slot.id;
	sysv_of(seg)->ds = slot.ds;
	sysv_of(seg)->published = true;
	return 0;
}

/*
 * Who is attached, but us? Others who only look are, too, for some
 * microseconds: look several times and take the least.
 */
static int count_attached(const struct shmipc_segment *seg)
{
	const struct slot slot = { .addr = seg->addr, .ds = sysv_of(seg)->ds };
	unsigned long least = slot.ds.shm_nattch;
	struct shmid_ds ds;

	if (sysvkey_is_transient(slot.ds.shm_segsz))
		return liveness_users(&slot);
	for (int i = 0; i < LOOKS && least > 0; i++) {
		if (i > 0)
			sched_yield();
		if (shmctl(sysv_of(seg)->id, IPC_STAT, &ds) < 0)
			return slot_is_gone(errno) ? -ENOENT : -errno;
		if (ds.shm_nattch - 1 < least)
			least = ds.shm_nattch - 1;
	}
	return least < INT_MAX ? (int)least : INT_MAX;
}

static int sysv_segment_stat(struct shmipc_segment *seg,
			     struct shmipc_segment_stat *ret)
{
	const struct shmid_ds *ds = &sysv_of(seg)->ds;
	int users = count_attached(seg);

	if (users < 0)
		return users == -ESTALE ? -ENOENT : users;
	*ret = (struct shmipc_segment_stat){
		.mode = ds->shm_perm.mode & 0777,
		.uid = ds->shm_perm.uid,
		.gid = ds->shm_perm.gid,
		.in_use = users > 0,
		.attached = (unsigned)users,
	};
	return 0;
}

/*
 * A segment that may be this name, and that we may not read, but perhaps own.
 * Give ourselves the permission and look; take it back if it was another one.
 */
static int look_as_owner(enum shmipc_kind kind, const char *name,
			 unsigned number, struct slot *ret)
{
	mode_t mode;
	int r;

	r = slot_look(kind, name, number, 0, ret);
	if (r != -EACCES)
		return r;
	mode = ret->ds.shm_perm.mode & 0777;
	ret->ds.shm_perm.mode |= 0600;
	if (shmctl(ret->id, IPC_SET, &ret->ds) < 0)
		return -EACCES;
	r = slot_look(kind, name, number, 0, ret);
	if (r < 0 && r != -EINPROGRESS && r != -EAGAIN && r != -ESTALE)
		(void)set_segment_mode(ret->id, mode);
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

static int sysv_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
			       const char *name)
{
	struct slot slot;
	int r, first;

	(void)conn;
	r = slot_find(kind->kind, name, 0, &slot, NULL);
	if (r == -EACCES)
		r = find_as_owner(kind->kind, name, &slot);
	if (r < 0)
		return r;
	/*
	 * IPC_RMID succeeds for everybody who is still attached to a removed
	 * segment, so the header says who was first.
	 */
	if (shmctl(slot.id, IPC_RMID, NULL) < 0) {
		r = slot_is_gone(errno) ? -ENOENT : -errno;
		slot_leave(&slot);
		return r;
	}
	first = shmipc_segment_end(slot.addr);
	leave_complete(&slot, kind);
	return first;
}

/*
 * Attach a segment that looks like ours from outside, if it is a complete one
 * of seg->kind, and no orphan. Sets seg->name to what is in name.
 *   -ESRCH  it is not
 */
static int peek_at(struct shmipc_segment *seg, int id,
		   char name[SHMIPC_NAME_MAX + 1])
{
	struct slot s = { .id = id, .addr = shmat(id, NULL, SHM_RDONLY) };
	struct shmipc_segment_facts facts = { .kind = 0 };
	int r = -ESRCH;

	if (s.addr == (void *)-1)
		return -errno;
	if (shmctl(id, IPC_STAT, &s.ds) == 0 &&
	    sysvkey_is_ours(s.ds.shm_perm.__key, s.ds.shm_segsz)) {
		s.ds.shm_nattch--;
		s.length = sysvkey_mapped(s.ds.shm_segsz);
		r = slot_identify(&s, &facts);
	}
	if (r == 0 && sysvkey_is_transient(s.ds.shm_segsz))
		r = liveness_users(&s) < 0 ? -ESRCH : 0;
	if (r < 0 || facts.kind != (uint32_t)seg->kind->kind) {
		slot_leave(&s);
		return -ESRCH;
	}
	strcpy(name, facts.name);
	seg->name = name;
	seg->addr = s.addr;
	seg->length = s.length;
	sysv_of(seg)->id = id;
	sysv_of(seg)->ds = s.ds;
	sysv_of(seg)->published = true;
	return 0;
}

static int sysv_segment_list(struct shmipc_segment *seg,
			     int (*found)(struct shmipc_segment *seg,
					  void *arg),
			     void *arg)
{
	char name[SHMIPC_NAME_MAX + 1];
	struct shmid_ds ds;
	int last, over = 0;

	last = shmctl(0, SHM_INFO, &ds);
	if (last < 0)
		return -errno;
	for (int i = 0; i <= last && !over; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		/* A stranger's segment is not attached, not even to look. */
		if (id < 0 ||
		    !sysvkey_is_ours(ds.shm_perm.__key, ds.shm_segsz) ||
		    peek_at(seg, id, name) < 0)
			continue;
		over = found(seg, arg);
		sysv_segment_close(seg);
		memset(seg->priv, 0, sizeof(struct sysv));
	}
	return 0;
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
