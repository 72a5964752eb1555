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

#include "backends/sysv/liveness.h"
#include "backends/sysv/sysv.h"
#include "core/header.h"

/* How old an unfinished segment of somebody else must be, in seconds. */
#define STRANGER_S 60

union semun_of_ours {
	int val;
	struct semid_ds *ds;
	struct seminfo *info;
};

struct collector {
	int remove;
	int (*found)(const struct shmipc_info *, void *);
	void *arg;
	bool over;

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
static bool may_give_up(const struct shmid_ds *ds)
{
	return may_remove(&ds->shm_perm) &&
	       (ds->shm_perm.cuid == geteuid() ||
		time(NULL) - ds->shm_ctime > STRANGER_S);
}

static void tell(struct collector *c, const struct shmipc_info *info)
{
	c->over = c->found(info, c->arg) != 0;
}

static struct shmipc_info describe(const struct slot *s)
{
	struct shmipc_info info = {
		.kind = SHMIPC_SHM,
		.mode = s->ds.shm_perm.mode & 0777,
		.uid = s->ds.shm_perm.uid,
		.gid = s->ds.shm_perm.gid,
		.creator = s->ds.shm_cpid,
		.created = (int64_t)s->ds.shm_ctime * 1000000000,
	};
	struct shmi_facts facts;

	if (!s->addr || slot_identify(s, &info.kind, info.name) == -EPROTO ||
	    !*info.name) {
		snprintf(info.name, sizeof(info.name), "segment %d", s->id);
		return info;
	}
	if (shmi_header_check(s->addr, s->length, info.kind, info.name,
			      &facts) == 0) {
		info.size = facts.size;
		info.created = facts.created;
		info.creator = facts.creator;
		info.transient = facts.transient;
	}
	return info;
}

/* Attach a segment of ours; its id stands still then. */
static int attach(int id, struct slot *ret)
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
static int judge(const struct slot *s)
{
	char name[SHMIPC_NAME_MAX + 1];
	enum shmipc_kind kind;
	int r = slot_identify(s, &kind, name);

	if (r == -EAGAIN || r == -EINPROGRESS)
		return s->ds.shm_nattch > 0 ? 0 : -EAGAIN;
	if (r == 0 && sysvkey_is_transient(s->ds.shm_segsz))
		r = liveness_users(s);
	return r == -ESTALE ? -ESTALE : 0;
}

/* Judged to be garbage, and attached: remove it if that is wanted, and tell. */
static void finish(struct collector *c, struct slot *s)
{
	struct shmipc_info info = describe(s);

	if (!c->remove)
		slot_leave(s);
	else if (slot_remove(s) < 0)
		return;
	tell(c, &info);
}

static void collect_segment(struct collector *c, int id)
{
	struct slot s;
	int r;

	if (attach(id, &s) < 0)
		return;
	r = judge(&s);
	if (r == -ESTALE && may_remove(&s.ds.shm_perm)) {
		finish(c, &s);
		return;
	}
	if (r == -EAGAIN && may_give_up(&s.ds))
		c->unfinished[c->count++] = id;
	slot_leave(&s);
}

/* Its creator, should he still live, finds out. */
static bool give_up(int id)
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
static void collect_unfinished(struct collector *c, int id)
{
	struct slot s;

	if (attach(id, &s) < 0)
		return;
	if (judge(&s) == -EAGAIN && (!c->remove || give_up(id)))
		finish(c, &s);
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
	char name[SHMIPC_NAME_MAX + 1];
	enum shmipc_kind kind;
	struct slot s;
	int r = attach(id, &s);

	if (r < 0)
		return !slot_is_gone(-r) && r != -ESRCH;
	r = slot_identify(&s, &kind, name);
	slot_leave(&s);
	return r == -EAGAIN || r == -EINPROGRESS;
}

/* An anchor that is not marked belongs to a segment that is not finished. */
static void collect_liveness(struct collector *c, int id,
			     const struct shmid_ds *ds)
{
	struct shmipc_info info;

	if (!may_give_up(ds) ||
	    is_unfinished(ds->shm_perm.__key & 0x7fffffff) ||
	    !is_untouched(id, ds) ||
	    (c->remove && shmctl(id, IPC_RMID, NULL) < 0))
		return;
	info = describe(&(struct slot){ .id = id, .ds = *ds });
	tell(c, &info);
}

static int collect_segments(struct collector *c)
{
	struct timespec idle = { .tv_nsec = SLOT_IDLE_MS * 1000000L };
	struct shmid_ds ds;
	int last = shmctl(0, SHM_INFO, &ds);

	if (last < 0)
		return -errno;
	c->unfinished = calloc((size_t)last + 1, sizeof(int));
	if (!c->unfinished)
		return -ENOMEM;
	for (int i = 0; i <= last && !c->over; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		if (id < 0)
			continue;
		if (sysvkey_is_ours(ds.shm_perm.__key, ds.shm_segsz))
			collect_segment(c, id);
		else if (liveness_is_unmarked(&ds))
			collect_liveness(c, id, &ds);
	}
	while (c->count && nanosleep(&idle, &idle) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < c->count && !c->over; i++)
		collect_unfinished(c, c->unfinished[i]);
	free(c->unfinished);
	return 0;
}

static bool is_marked(int set)
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

static bool is_garbage(int id, const struct semid_ds *set)
{
	return set->sem_perm.__key < 0 && set->sem_nsems == SLOT_SET_SIZE &&
	       may_remove(&set->sem_perm) && is_marked(id) &&
	       has_lost_its_segment(set);
}

static int collect_sets(struct collector *c)
{
	struct semid_ds ds;
	struct seminfo info;
	union semun_of_ours arg = { .info = &info };
	int last = semctl(0, 0, SEM_INFO, arg);

	if (last < 0)
		return -errno;
	arg.ds = &ds;
	for (int i = 0; i <= last && !c->over; i++) {
		struct shmipc_info what = { .kind = SHMIPC_SEM };
		int id = semctl(i, 0, SEM_STAT, arg);

		if (id < 0 || !is_garbage(id, &ds) ||
		    (c->remove && semctl(id, 0, IPC_RMID) < 0))
			continue;
		what.mode = ds.sem_perm.mode & 0777;
		what.uid = ds.sem_perm.uid;
		what.gid = ds.sem_perm.gid;
		what.created = (int64_t)ds.sem_ctime * 1000000000;
		snprintf(what.name, sizeof(what.name), "set %d", id);
		tell(c, &what);
	}
	return 0;
}

int sysv_gc(void *conn, int remove,
	    int (*found)(const struct shmipc_info *info, void *arg), void *arg)
{
	struct collector c = { .remove = remove, .found = found, .arg = arg };
	int r;

	(void)conn;
	r = collect_segments(&c);
	if (r < 0 || c.over)
		return r;
	return collect_sets(&c);
}
