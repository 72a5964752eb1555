/* SPDX-License-Identifier: MIT */
/*
 * What is certainly of no use any more in System V's tables: segments that
 * were given up or never finished, orphans (anchor.h), anchors that were never
 * marked, and sets whose segment is gone.
 *
 * An unfinished segment may have a creator who lives and is not attached yet.
 * So it is looked at twice, SLOT_IDLE_MS apart, and given up as any finder
 * does: a creator who was only slow finds out, and starts over.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#include "backends/sysv/gc.h"
#include "backends/sysv/liveness.h"
#include "backends/sysv/slot.h"

/* How old an unfinished segment of somebody else must be, in seconds. */
#define STRANGER_S 60

union semun_of_ours {
	int val;
	struct semid_ds *ds;
	struct seminfo *info;
};

struct gc_run {
	struct shmipc_gc *gc;

	/* Segments that were unfinished at the first look: their ids. */
	int *unfinished;
	size_t count;
};

static bool may_remove(const struct ipc_perm *perm)
{
	uid_t uid = geteuid();

	return uid == 0 || uid == perm->uid || uid == perm->cuid;
}

/*
 * An unfinished segment says nothing about itself, and key and size of a
 * stranger's could be like ours. That of another user has to be old, too.
 */
static bool may_abort(const struct shmid_ds *ds)
{
	return may_remove(&ds->shm_perm) &&
	       (ds->shm_perm.cuid == geteuid() ||
		time(NULL) - ds->shm_ctime > STRANGER_S);
}

static struct shmipc_info describe_slot(const struct slot *s)
{
	struct shmipc_info info = {
		.mode = s->ds.shm_perm.mode & 0777,
		.uid = s->ds.shm_perm.uid,
		.gid = s->ds.shm_perm.gid,
		.creator = s->ds.shm_cpid,
		.created = (int64_t)s->ds.shm_ctime * 1000000000,
	};
	struct shmipc_segment_facts facts = { .kind = 0 };
	int r = s->addr ? slot_identify(s, &facts) : -EPROTO;

	info.kind = *facts.name ? (enum shmipc_kind)facts.kind
				: shmipc_kind_at(0)->kind;
	if (*facts.name)
		strcpy(info.name, facts.name);
	else
		snprintf(info.name, sizeof(info.name), "segment %d", s->id);
	if (r == 0) {
		info.size = facts.size;
		info.created = facts.created;
		info.creator = facts.creator;
		info.transient = facts.transient;
	}
	return info;
}

/* Attach a segment of ours; its id stands still then. */
static int attach_ours(int id, struct slot *ret)
{
	*ret = (struct slot){ .id = id, .addr = shmat(id, NULL, SHM_RDONLY) };
	if (ret->addr == (void *)-1)
		return -errno;
	if (shmctl(id, IPC_STAT, &ret->ds) == 0 &&
	    sysvkey_is_ours(ret->ds.shm_perm.__key, ret->ds.shm_segsz)) {
		ret->ds.shm_nattch--;
		ret->length = sysvkey_mapped(ret->ds.shm_segsz);
		return 0;
	}
	slot_leave(ret); /* perhaps it just went, and we were the last */
	return -ESRCH;
}

/*
 * What is this segment of ours?
 *   0        alive, or perhaps
 *   -EAGAIN  unfinished, and nobody is attached to it
 *   -ESTALE  garbage
 */
static int judge_slot(const struct slot *s)
{
	struct shmipc_segment_facts facts;
	int r = slot_identify(s, &facts);

	if (r == -EAGAIN || r == -EINPROGRESS)
		return s->ds.shm_nattch > 0 ? 0 : -EAGAIN;
	if (r == 0 && sysvkey_is_transient(s->ds.shm_segsz))
		r = liveness_users(s);
	return r == -ESTALE ? -ESTALE : 0;
}

/* Judged to be garbage, and attached: remove it if that is wanted, and tell. */
static void finish_find(struct gc_run *c, struct slot *s)
{
	struct shmipc_info info = describe_slot(s);

	if (!c->gc->remove)
		slot_leave(s);
	else if (slot_remove(s) < 0)
		return;
	shmipc_gc_found(c->gc, &info);
}

static void gc_segment(struct gc_run *c, int id)
{
	struct slot s;
	int r;

	if (attach_ours(id, &s) < 0)
		return;
	r = judge_slot(&s);
	if (r == -ESTALE && may_remove(&s.ds.shm_perm)) {
		finish_find(c, &s);
		return;
	}
	if (r == -EAGAIN && may_abort(&s.ds))
		c->unfinished[c->count++] = id;
	slot_leave(&s);
}

/* Its creator, should he still live, finds out. */
static bool abort_by_id(int id)
{
	void *writable = shmat(id, NULL, 0);
	bool done;

	if (writable == (void *)-1)
		return false;
	done = shmipc_segment_abort(writable) == 0;
	shmdt(writable);
	return done;
}

/* The second look at what was unfinished and nobody's. */
static void gc_unfinished(struct gc_run *c, int id)
{
	struct slot s;

	if (attach_ours(id, &s) < 0)
		return;
	if (judge_slot(&s) == -EAGAIN && (!c->gc->remove || abort_by_id(id)))
		finish_find(c, &s);
	else
		slot_leave(&s);
}

/* Was it made, and perhaps attached by its creator, and nothing else? */
static bool is_untouched(int id, const struct shmid_ds *ds)
{
	const char *bytes;
	bool zero = true;

	if (ds->shm_nattch > 0 ||
	    (ds->shm_lpid != 0 && ds->shm_lpid != ds->shm_cpid))
		return false;
	bytes = shmat(id, NULL, SHM_RDONLY);
	if (bytes == (const char *)-1)
		return false;
	for (size_t i = 0; i < ds->shm_segsz && zero; i++)
		zero = bytes[i] == 0;
	shmdt(bytes);
	return zero;
}

/* Has this segment a creator who may still be at it? */
static bool is_unfinished(int id)
{
	struct shmipc_segment_facts facts;
	struct slot s;
	int r = attach_ours(id, &s);

	if (r < 0)
		return !slot_is_gone(-r) && r != -ESRCH;
	r = slot_identify(&s, &facts);
	slot_leave(&s);
	return r == -EAGAIN || r == -EINPROGRESS;
}

/* An anchor that is not marked belongs to a segment that is not finished. */
static void gc_liveness(struct gc_run *c, int id, const struct shmid_ds *ds)
{
	struct shmipc_info info;

	if (!may_abort(ds) || is_unfinished(ds->shm_perm.__key & 0x7fffffff) ||
	    !is_untouched(id, ds) ||
	    (c->gc->remove && shmctl(id, IPC_RMID, NULL) < 0))
		return;
	info = describe_slot(&(struct slot){ .id = id, .ds = *ds });
	shmipc_gc_found(c->gc, &info);
}

static int gc_segments(struct gc_run *c)
{
	struct timespec idle = { .tv_nsec = SLOT_IDLE_MS * 1000000L };
	struct shmid_ds ds;
	int last = shmctl(0, SHM_INFO, &ds);

	if (last < 0)
		return -errno;
	c->unfinished = calloc((size_t)last + 1, sizeof(int));
	if (!c->unfinished)
		return -ENOMEM;
	for (int i = 0; i <= last && !c->gc->over; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		if (id < 0)
			continue;
		if (sysvkey_is_ours(ds.shm_perm.__key, ds.shm_segsz))
			gc_segment(c, id);
		else if (liveness_is_unmarked(&ds))
			gc_liveness(c, id, &ds);
	}
	while (c->count && nanosleep(&idle, &idle) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < c->count && !c->gc->over; i++)
		gc_unfinished(c, c->unfinished[i]);
	free(c->unfinished);
	return 0;
}

static bool is_marked_set(int set)
{
	return semctl(set, SLOT_SET_SIZE - 1, GETVAL) == SLOT_SET_MARK;
}

/* Is the segment gone, or another one by now? Unlinked, it has no key. */
static bool has_lost_its_segment(const struct semid_ds *set)
{
	struct shmid_ds ds;

	if (shmctl(set->sem_perm.__key & 0x7fffffff, IPC_STAT, &ds) < 0)
		return slot_is_gone(errno);
	return !sysvkey_is_tagged(ds.shm_segsz);
}

static bool is_garbage_set(int id, const struct semid_ds *set)
{
	return set->sem_perm.__key < 0 && set->sem_nsems == SLOT_SET_SIZE &&
	       may_remove(&set->sem_perm) && is_marked_set(id) &&
	       has_lost_its_segment(set);
}

/* A set does not tell the kind of its segment: the first that has ksems. */
static enum shmipc_kind kind_of_sets(void)
{
	const struct shmipc_kind_info *kind;
	unsigned i = 0;

	while ((kind = shmipc_kind_at(i)) && !kind->ksems)
		i++;
	return kind ? kind->kind : 0;
}

static int gc_sets(struct gc_run *c)
{
	struct semid_ds ds;
	struct seminfo info;
	union semun_of_ours arg = { .info = &info };
	int last = semctl(0, 0, SEM_INFO, arg);

	if (last < 0)
		return -errno;
	arg.ds = &ds;
	for (int i = 0; i <= last && !c->gc->over; i++) {
		struct shmipc_info what = { .kind = kind_of_sets() };
		int id = semctl(i, 0, SEM_STAT, arg);

		if (id < 0 || !is_garbage_set(id, &ds) ||
		    (c->gc->remove && semctl(id, 0, IPC_RMID) < 0))
			continue;
		what.mode = ds.sem_perm.mode & 0777;
		what.uid = ds.sem_perm.uid;
		what.gid = ds.sem_perm.gid;
		what.created = (int64_t)ds.sem_ctime * 1000000000;
		snprintf(what.name, sizeof(what.name), "set %d", id);
		shmipc_gc_found(c->gc, &what);
	}
	return 0;
}

int sysv_gc(void *conn, struct shmipc_gc *gc)
{
	struct gc_run c = { .gc = gc };
	int r;

	(void)conn;
	r = gc_segments(&c);
	if (r < 0 || gc->over)
		return r;
	return gc_sets(&c);
}
