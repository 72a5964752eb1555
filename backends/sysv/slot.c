/* SPDX-License-Identifier: MIT */
/*
 * The slots that a name can stand in: looking, waiting, clearing away.
 *
 * Everything that is done to a segment because of what was seen in it is done
 * while it is attached: its id could mean another one afterwards.
 */
#include <config.h>

#include <string.h>
#include <sys/sem.h>
#include <unistd.h>

#include "backends/sysv/liveness.h"
#include "backends/sysv/slot.h"
#include "util/clock.h"

void slot_leave(struct slot *s)
{
	struct semid_ds set_ds;
	struct shmid_ds ds;
	int set;

	shmdt(s->addr);
	if (shmctl(s->id, IPC_STAT, &ds) == 0 || !slot_is_gone(errno))
		return;
	set = semget(sysvkey_companion(s->id), SLOT_SET_SIZE, 0);
	if (set >= 0 && semctl(set, 0, IPC_STAT, &set_ds) == 0 &&
	    set_ds.sem_nsems == SLOT_SET_SIZE)
		(void)semctl(set, 0, IPC_RMID); /* EPERM: its owner's to do */
}

int slot_remove(struct slot *s)
{
	int r;

	liveness_remove_unmarked(s->id);
	r = shmctl(s->id, IPC_RMID, NULL) < 0 ? -errno : 0;
	slot_leave(s);
	return r;
}

/*
 * A segment we may not read: is it another name, as far as its size tells?
 *
 * SHM_STAT_ANY asks for no permission. It takes an index: the low bits of the
 * id, 15 of them, or 24 with the kernel's ipcmni_extend.
 */
static int look_unattached(enum shmipc_kind kind, const char *name,
			   struct slot *s)
{
	if (shmctl(s->id & 0x7fff, SHM_STAT_ANY, &s->ds) != s->id &&
	    shmctl(s->id & 0xffffff, SHM_STAT_ANY, &s->ds) != s->id)
		return -EACCES;
	return sysvkey_fits(kind, name, s->ds.shm_segsz) ? -EACCES : -ESRCH;
}

int slot_identify(const struct slot *s, struct shmipc_segment_facts *ret)
{
	struct shmipc_segment_facts facts = { .kind = 0 };
	int r = shmipc_segment_identify(s->addr, s->length, &facts);
	enum shmipc_kind kind = (enum shmipc_kind)facts.kind;

	if (r != -EPROTO && *facts.name &&
	    !(sysvkey_is_of(s->ds.shm_perm.__key, kind, facts.name) &&
	      sysvkey_fits(kind, facts.name, s->ds.shm_segsz)))
		return -EPROTO;
	if (r != -EPROTO)
		*ret = facts;
	return r;
}

/*
 * A header with another name: can that name stand in a slot with this key and
 * this size? If not, the name was written over.
 */
static bool belongs_here(const struct slot *s)
{
	struct shmipc_segment_facts facts;

	return slot_identify(s, &facts) != -EPROTO;
}

/*
 * A look that failed. The words that have a meaning of ours, among them those
 * for "attached", must not come from the system.
 */
static int look_error(int err)
{
	switch (err) {
	case ENOENT:
	case ENOMEM:
		return -err;
	case EAGAIN: /* more would be locked than RLIMIT_MEMLOCK allows */
		return -ENOMEM;
	case ENFILE:
		return -EMFILE;
	case ENOSYS:
		return -ENOSYS;
	default:
		return shmipc_backend_error(-EIO, "looking for it failed: %s",
					    strerror(err));
	}
}

static int look_into_slot(enum shmipc_kind kind, const char *name,
			  struct slot *s)
{
	int r;

	if (shmctl(s->id, IPC_STAT, &s->ds) < 0) {
		/* Its creator just took the owner's own bits away. */
		if (errno == EACCES)
			return look_unattached(kind, name, s);
		return look_error(slot_is_gone(errno) ? ENOENT : errno);
	}
	s->ds.shm_nattch--;
	s->length = sysvkey_mapped(s->ds.shm_segsz);
	if (!sysvkey_fits(kind, name, s->ds.shm_segsz))
		return -ESRCH;
	r = shmipc_segment_look(s->addr, s->length, kind, name);
	if (r == 0) {
		bool transient = sysvkey_is_transient(s->ds.shm_segsz);

		if (shmipc_segment_is_transient(s->addr) != transient)
			return -EPROTO;
		if (transient)
			r = liveness_users(s);
		/* An orphan is as good as given up. */
		return r < 0 ? r : 0;
	}
	return r == -ESRCH && !belongs_here(s) ? -EPROTO : r;
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
			return look_error(slot_is_gone(errno) ? ENOENT : errno);
		r = look_unattached(kind, name, &s);
		*ret = s;
		return r;
	}

	r = look_into_slot(kind, name, &s);
	switch (r) {
	case 0:
	case -EINPROGRESS:
	case -EAGAIN:
	case -ESTALE:
		*ret = s;
		return r;
	default:
		*ret = s;
		slot_leave(&s);
		return r;
	}
}

/* A search for a name: what is known besides the segment itself. */
struct search {
	enum shmipc_kind kind;
	const char *name;
	unsigned flags; /* SHMIPC_SEGMENT_* */

	/* The last round through the slots. */
	int free_slot; /* -1: none */
	bool denied;   /* one that may be it may not be read */
	bool damaged;

	/* Waiting for an unfinished one. */
	struct timespec peer_deadline;
	struct timespec idle_until;
	int idle_id; /* nobody else was attached to it; -1: none */
	unsigned attempt;
};

/* Make an unfinished segment dead, instead of its creator. */
static void abort_unfinished(const struct slot *unfinished)
{
	struct slot s = *unfinished;

	/* Its mapping may be read-only. The id stands still meanwhile. */
	s.addr = shmat(s.id, NULL, 0);
	if (s.addr == (void *)-1)
		return;
	if (shmipc_segment_abort(s.addr) == 0)
		(void)slot_remove(&s); /* EPERM: somebody else's turn */
	else
		slot_leave(&s);
}

/*
 * An unfinished segment is in the way: wait a little, or end it.
 *   -EAGAIN     look again
 *   -ETIMEDOUT  patience is over
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
 *   0           this is it; attached
 *   -ENOENT     not here, or nothing that can be used
 *   -EAGAIN     unfinished; go through the slots again
 *   -ETIMEDOUT  unfinished for too long
 */
static int search_slot(struct search *search, unsigned number, struct slot *ret)
{
	int access = search->flags & SHMIPC_SEGMENT_RDONLY ? SHM_RDONLY : 0;
	int r = slot_look(search->kind, search->name, number, access, ret);

	/* Finish what somebody began; if we may not, the slot is taken. */
	if (r == -ESTALE && search->flags & SHMIPC_SEGMENT_PEEK) {
		slot_leave(ret);
		r = -ESRCH;
	} else if (r == -ESTALE) {
		r = slot_remove(ret) < 0 ? -ESRCH : -ENOENT;
	}

	switch (r) {
	case -ENOENT:
		if (search->free_slot < 0)
			search->free_slot = (int)number;
		return -ENOENT;
	case -ESRCH:
		return -ENOENT;
	case -EACCES:
		search->denied = true;
		return -ENOENT;
	case -EPROTO:
		search->damaged = true;
		return -ENOENT;
	case -EINPROGRESS:
	case -EAGAIN:
		r = await_creator(search, ret);
		slot_leave(ret);
		return r;
	default:
		return r;
	}
}

static int search_slots(struct search *search, struct slot *ret)
{
	search->free_slot = -1;
	search->denied = false;
	search->damaged = false;

	for (unsigned i = 0; i < SYSV_SLOTS; i++) {
		int r = search_slot(search, i, ret);

		if (r != -ENOENT)
			return r;
	}
	if (search->damaged)
		return -EPROTO;
	return search->denied ? -EACCES : -ENOENT;
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
