/* SPDX-License-Identifier: MIT */
/*
 * The slots that a name can be in: looking, waiting, removing.
 *
 * An act that rests on what was seen in a segment happens while the segment is
 * still attached. After that its id could mean another one.
 */
#include <config.h>

#include <limits.h>
#include <sched.h>
#include <string.h>

#include "backends/sysv/key.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/liveness.h"
#include "backends/sysv/slot.h"
#include "util/clock.h"

/* How many times slot_users() counts. It takes the least. */
#define LOOKS 8

void slot_leave(struct slot *s)
{
	struct shmid_ds ds;

	shmdt(s->addr);
	if (shmctl(s->id, IPC_STAT, &ds) < 0 && sysv_is_gone(errno))
		ksem_remove_set(s->id);
}

void slot_leave_complete(struct slot *s, const struct shmipc_kind_info *kind)
{
	if (kind->ksems)
		slot_leave(s);
	else
		shmdt(s->addr);
}

static int remove_key(const struct slot *s)
{
	liveness_remove_by_key(s->id);
	return shmctl(s->id, IPC_RMID, NULL) < 0 ? -errno : 0;
}

int slot_remove(struct slot *s)
{
	int r = remove_key(s);

	slot_leave(s);
	return r;
}

bool slot_abort(const struct slot *s)
{
	void *writable = shmat(s->id, NULL, 0);
	bool dead;

	if (writable == (void *)-1)
		return false;
	dead = shmipc_segment_abort(writable) == 0;
	shmdt(writable);
	return dead;
}

int slot_stat(struct slot *s)
{
	if (shmctl(s->id, IPC_STAT, &s->ds) < 0)
		return -errno;
	s->ds.shm_nattch--;
	s->length = sysvkey_mapped(s->ds.shm_segsz);
	return 0;
}

int slot_attach(int id, struct slot *ret)
{
	struct slot s = { .id = id, .addr = shmat(id, NULL, SHM_RDONLY) };

	if (s.addr == (void *)-1)
		return -errno;
	if (slot_stat(&s) < 0 ||
	    !sysvkey_is_ours(s.ds.shm_perm.__key, s.ds.shm_segsz)) {
		/* If it was removed just now, we may be its last process. */
		slot_leave(&s);
		return -ESRCH;
	}
	*ret = s;
	return 0;
}

int slot_identify(const struct slot *s, struct shmipc_segment_facts *ret)
{
	struct shmipc_segment_facts facts = { .kind = 0 };
	int r = shmipc_segment_identify(s->addr, s->length, &facts);
	enum shmipc_kind kind = (enum shmipc_kind)facts.kind;

	/* Can this name be in a slot with this key and size? */
	if (r != -EPROTO && *facts.name &&
	    !(sysvkey_is_of(s->ds.shm_perm.__key, kind, facts.name) &&
	      sysvkey_fits(kind, facts.name, s->ds.shm_segsz)))
		return -EPROTO;
	if (r != -EPROTO)
		*ret = facts;
	return r;
}

/* A complete segment: does its tag agree with its header? Is it an orphan? */
static int check_transient(const struct slot *s, bool transient)
{
	int r = 0;

	if (sysvkey_is_transient(s->ds.shm_segsz) != transient)
		return -EPROTO;
	if (transient)
		r = liveness_users(s);
	return r < 0 ? r : 0;
}

int slot_judge(const struct slot *s, struct shmipc_segment_facts *ret)
{
	int r = slot_identify(s, ret);

	return r == 0 ? check_transient(s, ret->transient) : r;
}

int slot_users(const struct slot *slot)
{
	/* Processes that only look have it attached too, for microseconds. */
	unsigned long least = slot->ds.shm_nattch;
	struct shmid_ds ds;

	if (sysvkey_is_transient(slot->ds.shm_segsz))
		return liveness_users(slot);
	for (int i = 0; i < LOOKS && least > 0; i++) {
		if (i > 0)
			sched_yield();
		if (shmctl(slot->id, IPC_STAT, &ds) < 0)
			return sysv_is_gone(errno) ? -ENOENT : -errno;
		if (ds.shm_nattch - 1 < least)
			least = ds.shm_nattch - 1;
	}
	return least < INT_MAX ? (int)least : INT_MAX;
}

/*
 * We may not read this segment. Does its size say that it is another name?
 *
 * SHM_STAT_ANY needs no permission. It takes an index, which is the low bits of
 * the id: 15 of them, or 24 with the kernel's ipcmni_extend.
 */
static int look_unattached(enum shmipc_kind kind, const char *name,
			   struct slot *s)
{
	if (shmctl(s->id & 0x7fff, SHM_STAT_ANY, &s->ds) != s->id &&
	    shmctl(s->id & 0xffffff, SHM_STAT_ANY, &s->ds) != s->id)
		return -EACCES;
	return sysvkey_fits(kind, name, s->ds.shm_segsz) ? -EACCES : -ESRCH;
}

/*
 * What the failed look means. The codes that slot_look() gives a meaning, among
 * them those for "attached", must not come from the system.
 */
static int look_error(int err)
{
	int r = sysv_attach_error(err);

	switch (r) {
	case -ENOENT:
	case -ENOMEM:
	case -ENOSYS:
		return r;
	case -ENFILE:
		return -EMFILE;
	default:
		return shmipc_backend_error(-EIO, "looking for it failed: %s",
					    strerror(err));
	}
}

static int look_into_slot(enum shmipc_kind kind, const char *name,
			  struct slot *s)
{
	struct shmipc_segment_facts facts;
	int r = slot_stat(s);

	if (r < 0) /* EACCES: its creator has just taken the owner's bits */
		return r == -EACCES ? look_unattached(kind, name, s)
				    : look_error(-r);
	if (!sysvkey_fits(kind, name, s->ds.shm_segsz))
		return -ESRCH;
	r = shmipc_segment_look(s->addr, s->length, kind, name);
	if (r == 0)
		return check_transient(s, shmipc_segment_is_transient(s->addr));
	/* A name that cannot be here was written over another one. */
	if (r == -ESRCH && slot_identify(s, &facts) == -EPROTO)
		return -EPROTO;
	return r;
}

int slot_look(enum shmipc_kind kind, const char *name, unsigned number,
	      int access, struct slot *ret)
{
	struct slot s = { .addr = NULL };
	int r;

	s.id = shmget(sysvkey_segment(kind, name, number), 0, 0);
	if (s.id < 0)
		return look_error(errno);
	s.addr = shmat(s.id, NULL, access);
	if (s.addr == (void *)-1) {
		if (errno != EACCES)
			return look_error(errno);
		r = look_unattached(kind, name, &s);
		*ret = s;
		return r;
	}

	r = look_into_slot(kind, name, &s);
	*ret = s;
	if (!slot_is_attached(r))
		slot_leave(&s);
	return r;
}

/* A search for a name: its state, besides what is in the segments. */
struct search {
	enum shmipc_kind kind;
	const char *name;
	unsigned flags; /* SHMIPC_SEGMENT_* */

	/* From the last pass through the slots. */
	int free_slot; /* -1: none */
	int result;    /* if the name is not found: why */

	/* Waiting for an unfinished segment. */
	struct timespec peer_deadline;
	struct timespec idle_until;
	int idle_id; /* no other process has it attached; -1: none */
	unsigned attempt;
};

/* EPERM: the key is for another process to remove. */
static void abort_unfinished(const struct slot *s)
{
	if (slot_abort(s))
		(void)remove_key(s);
}

/*
 * An unfinished segment is in the way: wait a little, or make it dead.
 *   -EAGAIN     look again
 *   -ETIMEDOUT  the peer timeout has passed
 */
static int await_creator(struct search *search, const struct slot *s)
{
	if (search->flags & SHMIPC_SEGMENT_NOWAIT)
		return -ETIMEDOUT;
	if (search->attempt++ == 0) {
		search->peer_deadline = shmi_clock_in(SHMI_PEER_TIMEOUT_MS);
	} else if (shmi_clock_reached(&search->peer_deadline)) {
		abort_unfinished(s);
		return -ETIMEDOUT;
	}

	if (s->ds.shm_nattch > 0) {
		search->idle_id = -1;
	} else if (search->idle_id != s->id) {
		search->idle_id = s->id;
		search->idle_until = shmi_clock_in(SLOT_IDLE_MS);
	} else if (shmi_clock_reached(&search->idle_until)) {
		abort_unfinished(s);
	}
	return -EAGAIN;
}

/*
 * Look at one slot.
 *   0           found, and attached
 *   -ENOENT     not here, or not usable
 *   -EAGAIN     unfinished: go through the slots again
 *   -ETIMEDOUT  unfinished for too long
 */
static int search_slot(struct search *search, unsigned number, struct slot *ret)
{
	int access = search->flags & SHMIPC_SEGMENT_RDONLY ? SHM_RDONLY : 0;
	int r = slot_look(search->kind, search->name, number, access, ret);

	/* A dead one that we may not remove occupies the slot. */
	if (r == -ESTALE && search->flags & SHMIPC_SEGMENT_PEEK) {
		slot_leave(ret);
		r = -ESRCH;
	} else if (r == -ESTALE) {
		r = slot_remove(ret) < 0 ? -ESRCH : -ENOENT;
	}

	if (r == -EINPROGRESS || r == -EAGAIN) {
		r = await_creator(search, ret);
		slot_leave(ret);
		return r;
	}
	if (r == -ENOENT && search->free_slot < 0)
		search->free_slot = (int)number;
	if (r == -EPROTO || (r == -EACCES && search->result == -ENOENT))
		search->result = r;
	return r == -ESRCH || r == -EACCES || r == -EPROTO ? -ENOENT : r;
}

static int search_slots(struct search *search, struct slot *ret)
{
	search->free_slot = -1;
	search->result = -ENOENT;
	for (unsigned i = 0; i < SYSV_SLOTS; i++) {
		int r = search_slot(search, i, ret);

		if (r != -ENOENT)
			return r;
	}
	return search->result;
}

int slot_find(enum shmipc_kind kind, const char *name, unsigned flags,
	      struct slot *ret, int *free_slot)
{
	struct search search = {
		.kind = kind,
		.name = name,
		.flags = flags,
		.idle_id = -1,
	};
	int r;

	while ((r = search_slots(&search, ret)) == -EAGAIN)
		shmi_clock_back_off(search.attempt);
	if (free_slot)
		*free_slot = search.free_slot;
	return r;
}
