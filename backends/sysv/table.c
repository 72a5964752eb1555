/* SPDX-License-Identifier: MIT */
/*
 * System V's tables: lists our segments, and removes garbage, which means dead
 * and unfinished segments, orphans and liveness segments that still have their
 * key (liveness.h), and sets whose segment is gone.
 *
 * The creator of an unfinished segment may be alive, and not have it attached
 * yet. So gc looks at it twice, SLOT_IDLE_MS apart, and then makes it dead as
 * slot_find() does: a creator that was only slow notices, and starts over.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "backends/sysv/key.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/liveness.h"
#include "backends/sysv/slot.h"
#include "backends/sysv/table.h"

/* How old another user's unfinished segment must be, in seconds. */
#define STRANGER_S 60

/*
 * Look at a segment that is ours from outside, and give seg copies of all that
 * is needed of it. It is not attached any more then: found() may look at it by
 * its name, and must not count this look as a user.
 *   -ESRCH  it is not complete, or an orphan
 *   or as slot_attach() and slot_users()
 */
static int peek_by_id(struct shmipc_segment *seg, int id, void *header,
		      struct shmipc_segment_facts *facts)
{
	const struct shmipc_kind_info *kind = NULL;
	struct slot slot;
	int r = slot_attach(id, &slot);

	if (r < 0)
		return r;
	r = slot_judge(&slot, facts);
	if (r == 0)
		kind = shmipc_kind_find((enum shmipc_kind)facts->kind);
	r = kind ? slot_users(&slot) : -ESRCH;
	if (r >= 0) {
		memcpy(header, slot.addr, SHMIPC_HEADER_SIZE);
		sysv_adopt(seg, &slot);
		sysv_of(seg)->listed = true;
		sysv_of(seg)->users = r;
		seg->addr = header;
		seg->kind = kind;
		seg->name = facts->name;
	}
	if (kind)
		slot_leave_complete(&slot, kind);
	else
		slot_leave(&slot);
	return r;
}

int sysv_segment_list(struct shmipc_segment *seg,
		      int (*found)(struct shmipc_segment *seg, void *arg),
		      void *arg)
{
	struct shmipc_segment_facts facts;
	struct shmid_ds ds;
	int last, over = 0;
	void *header;

	last = shmctl(0, SHM_INFO, &ds);
	if (last < 0)
		return -errno;
	/* Neither on the stack, which may be small, nor by malloc(3). */
	header = mmap(NULL, SHMIPC_HEADER_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (header == MAP_FAILED)
		return errno == EAGAIN ? -ENOMEM : -errno;
	for (int i = 0; i <= last && !over; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		/* Do not attach another program's segment, even to look. */
		if (id < 0 ||
		    !sysvkey_is_ours(ds.shm_perm.__key, ds.shm_segsz) ||
		    peek_by_id(seg, id, header, &facts) < 0)
			continue;
		over = found(seg, arg);
		memset(seg->priv, 0, sizeof(struct sysv));
	}
	munmap(header, SHMIPC_HEADER_SIZE);
	return 0;
}

struct gc_run {
	struct shmipc_gc *gc;

	/* The ids of the segments that were unfinished at the first look. */
	int *unfinished;
	size_t count;
};

static bool may_remove(const struct ipc_perm *perm)
{
	uid_t uid = geteuid();

	return uid == 0 || uid == perm->uid || uid == perm->cuid;
}

/*
 * An unfinished segment says nothing about itself, and another program's may
 * have a key and a size like ours. So that of another user must also be old.
 */
static bool may_abort(const struct shmid_ds *ds)
{
	return may_remove(&ds->shm_perm) &&
	       (ds->shm_perm.cuid == geteuid() ||
		time(NULL) - ds->shm_ctime > STRANGER_S);
}

/* An attached segment, or with addr NULL one that tells nothing. */
static struct shmipc_info describe_slot(const struct slot *s)
{
	struct shmipc_info info = {
		.kind = shmipc_kind_at(0)->kind,
		.mode = s->ds.shm_perm.mode & 0777,
		.uid = s->ds.shm_perm.uid,
		.gid = s->ds.shm_perm.gid,
		.creator = s->ds.shm_cpid,
		.created = (int64_t)s->ds.shm_ctime * 1000000000,
	};
	struct shmipc_segment_facts facts;
	int r = s->addr ? slot_identify(s, &facts) : -EPROTO;

	snprintf(info.name, sizeof(info.name), "segment %d", s->id);
	if (r != -EPROTO && *facts.name) {
		info.kind = (enum shmipc_kind)facts.kind;
		strcpy(info.name, facts.name);
	}
	if (r == 0) {
		info.size = facts.size;
		info.created = facts.created;
		info.creator = facts.creator;
		info.transient = facts.transient;
	}
	return info;
}

/*
 * Judge a segment of ours.
 *   0        of use, or perhaps
 *   -EAGAIN  unfinished, and no process has it attached
 *   -ESTALE  of no use
 */
static int judge_segment(const struct slot *s)
{
	struct shmipc_segment_facts facts;
	int r = slot_judge(s, &facts);

	if (r == -EAGAIN || r == -EINPROGRESS)
		return s->ds.shm_nattch > 0 ? 0 : -EAGAIN;
	return r == -ESTALE ? r : 0;
}

/* Remove an attached segment, if that is wanted, and report it. */
static void finish_find(struct shmipc_gc *gc, struct slot *s)
{
	struct shmipc_info info = describe_slot(s);

	if (!gc->remove)
		slot_leave(s);
	else if (slot_remove(s) < 0)
		return;
	shmipc_gc_found(gc, &info);
}

static void gc_segment(struct gc_run *run, int id)
{
	struct slot s;
	int r;

	if (slot_attach(id, &s) < 0)
		return;
	r = judge_segment(&s);
	if (r == -ESTALE && may_remove(&s.ds.shm_perm)) {
		finish_find(run->gc, &s);
		return;
	}
	if (r == -EAGAIN && may_abort(&s.ds))
		run->unfinished[run->count++] = id;
	slot_leave(&s);
}

/* The second look at an unfinished segment. */
static void gc_unfinished(struct shmipc_gc *gc, int id)
{
	struct slot s;

	if (slot_attach(id, &s) < 0)
		return;
	if (judge_segment(&s) == -EAGAIN && (!gc->remove || slot_abort(&s)))
		finish_find(gc, &s);
	else
		slot_leave(&s);
}

/* Was it only made, and perhaps attached by its creator? */
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

/* Can this segment have a creator that is still filling it? */
static bool is_unfinished(int id)
{
	struct shmipc_segment_facts facts;
	struct slot s;
	int r = slot_attach(id, &s);

	if (r < 0)
		return !sysv_is_gone(-r) && r != -ESRCH;
	r = slot_identify(&s, &facts);
	slot_leave(&s);
	return r == -EAGAIN || r == -EINPROGRESS;
}

/* With a key, it belongs to a segment that is not finished. */
static void gc_liveness(struct shmipc_gc *gc, int id, const struct shmid_ds *ds)
{
	struct shmipc_info info;

	if (!may_abort(ds) ||
	    is_unfinished(sysvkey_segment_id(ds->shm_perm.__key)) ||
	    !is_untouched(id, ds) ||
	    (gc->remove && shmctl(id, IPC_RMID, NULL) < 0))
		return;
	info = describe_slot(&(struct slot){ .id = id, .ds = *ds });
	shmipc_gc_found(gc, &info);
}

static int gc_segments(struct shmipc_gc *gc)
{
	struct timespec idle = { .tv_nsec = SLOT_IDLE_MS * 1000000L };
	struct gc_run run = { .gc = gc };
	struct shmid_ds ds;
	int last = shmctl(0, SHM_INFO, &ds);

	if (last < 0)
		return -errno;
	run.unfinished = calloc((size_t)last + 1, sizeof(int));
	if (!run.unfinished)
		return -ENOMEM;
	for (int i = 0; i <= last && !gc->over; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		if (id < 0)
			continue;
		if (sysvkey_is_ours(ds.shm_perm.__key, ds.shm_segsz))
			gc_segment(&run, id);
		else if (liveness_has_key(&ds))
			gc_liveness(gc, id, &ds);
	}
	while (run.count && nanosleep(&idle, &idle) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < run.count && !gc->over; i++)
		gc_unfinished(gc, run.unfinished[i]);
	free(run.unfinished);
	return 0;
}

/* Is the segment gone, or its id reused? An unlinked one has no key. */
static bool has_lost_its_segment(const struct semid_ds *set)
{
	int id = sysvkey_segment_id(set->sem_perm.__key);
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds) < 0)
		return sysv_is_gone(errno);
	return !sysvkey_is_tagged(ds.shm_segsz);
}

static bool is_garbage_set(int id, const struct semid_ds *set)
{
	return set->sem_perm.__key < 0 && may_remove(&set->sem_perm) &&
	       ksem_set_is_marked(id, set) && has_lost_its_segment(set);
}

/* A set does not say what kind it belonged to. Take one that has such sets. */
static enum shmipc_kind kind_of_set(const struct semid_ds *set)
{
	const struct shmipc_kind_info *kind;

	for (unsigned i = 0; (kind = shmipc_kind_at(i)); i++)
		if (kind->ksems + 1 == set->sem_nsems)
			return kind->kind;
	return shmipc_kind_at(0)->kind;
}

static int gc_sets(struct shmipc_gc *gc)
{
	struct semid_ds ds;
	struct seminfo used;
	union sysv_semun arg = { .info = &used };
	int last = semctl(0, 0, SEM_INFO, arg);

	if (last < 0)
		return -errno;
	arg.ds = &ds;
	for (int i = 0; i <= last && !gc->over; i++) {
		struct shmipc_info info = { .size = 0 };
		int id = semctl(i, 0, SEM_STAT, arg);

		if (id < 0 || !is_garbage_set(id, &ds) ||
		    (gc->remove && semctl(id, 0, IPC_RMID) < 0))
			continue;
		info.kind = kind_of_set(&ds);
		info.mode = ds.sem_perm.mode & 0777;
		info.uid = ds.sem_perm.uid;
		info.gid = ds.sem_perm.gid;
		info.created = (int64_t)ds.sem_ctime * 1000000000;
		snprintf(info.name, sizeof(info.name), "set %d", id);
		shmipc_gc_found(gc, &info);
	}
	return 0;
}

int sysv_gc(void *conn, struct shmipc_gc *gc)
{
	int r;

	(void)conn;
	r = gc_segments(gc);
	if (r < 0 || gc->over)
		return r;
	return gc_sets(gc);
}
