/* SPDX-License-Identifier: MIT */
/* Anchors: who uses a transient segment? */
#include <config.h>

#include <limits.h>
#include <unistd.h>

#include "backends/sysv/liveness.h"

/*
 * An unusual size, so that no stranger's segment is taken for an anchor, and
 * without a tag (key.h).
 */
#define LIVENESS_SIZE 678

static bool is_liveness(const struct shmid_ds *ds)
{
	return ds->shm_segsz == LIVENESS_SIZE;
}

bool liveness_is_unmarked(const struct shmid_ds *ds)
{
	return is_liveness(ds) && ds->shm_perm.__key < 0;
}

void liveness_remove_unmarked(int segment_id)
{
	struct shmid_ds ds;
	int id = shmget(sysvkey_companion(segment_id), 0, 0);

	if (id >= 0 && shmctl(id, IPC_STAT, &ds) == 0 &&
	    liveness_is_unmarked(&ds) && ds.shm_nattch == 0)
		(void)shmctl(id, IPC_RMID, NULL);
}

static int make_liveness(int segment_id, mode_t mode)
{
	/* Only ever attached for reading, by who may read the segment. */
	int flags = IPC_CREAT | IPC_EXCL | 0600 | (int)(mode & 0444);
	int id = shmget(sysvkey_companion(segment_id), LIVENESS_SIZE, flags);

	if (id >= 0)
		return id;
	if (errno == EEXIST) {
		/* Of a segment that had this id before. */
		liveness_remove_unmarked(segment_id);
		return -EAGAIN;
	}
	if (errno == ENOSPC)
		return shmipc_backend_error(
			-ENOSPC, "kernel.shmmni or kernel.shmall has no room "
				 "for the second segment of a transient "
				 "object; raise it with sysctl");
	return -errno;
}

int liveness_create(int segment_id, void *segment, mode_t mode, void **ret)
{
	int id = make_liveness(segment_id, mode), r;
	struct shmid_ds ds;
	void *addr;

	if (id < 0)
		return id;
	addr = shmat(id, NULL, SHM_RDONLY);
	if (addr == (void *)-1) {
		r = slot_attach_error(errno);
		if (r == -ENOENT)
			return -EAGAIN; /* the segment was given up */
		(void)shmctl(id, IPC_RMID, NULL);
		return r;
	}
	/* While we slept it may have been removed and its id used again. */
	if (shmctl(id, IPC_STAT, &ds) < 0 || ds.shm_cpid != getpid() ||
	    ds.shm_perm.__key != sysvkey_companion(segment_id) ||
	    !is_liveness(&ds) || shmctl(id, IPC_RMID, NULL) < 0) {
		shmdt(addr);
		return -EAGAIN;
	}
	shmipc_segment_set_word(segment, (uint64_t)id);
	*ret = addr;
	return 0;
}

/* Is what the header notes an anchor of this segment, and its state? */
static int look_at_liveness(const struct slot *segment, int *id,
			    struct shmid_ds *ds)
{
	uint64_t note = shmipc_segment_word(segment->addr);

	if (note > INT_MAX)
		return -EPROTO;
	*id = (int)note;
	if (shmctl(*id, IPC_STAT, ds) < 0)
		return slot_is_gone(errno) ? -ESTALE : -EPROTO;
	if (!is_liveness(ds) || !(ds->shm_perm.mode & SHM_DEST) ||
	    ds->shm_cpid != segment->ds.shm_cpid ||
	    ds->shm_perm.cuid != segment->ds.shm_perm.cuid)
		return -EPROTO;
	return 0;
}

int liveness_attach(const struct slot *segment, void **ret)
{
	struct shmid_ds ds;
	int id, r;

	r = look_at_liveness(segment, &id, &ds);
	if (r < 0)
		return r;
	*ret = shmat(id, NULL, SHM_RDONLY);
	if (*ret == (void *)-1) {
		r = slot_attach_error(errno);
		return r == -ENOENT ? -ESTALE : r;
	}
	/* Now that it stands still: was it the one that we looked at? */
	r = look_at_liveness(segment, &id, &ds);
	if (r < 0)
		shmdt(*ret);
	return r;
}

int liveness_users(const struct slot *segment)
{
	struct shmid_ds ds;
	int id, r;

	r = look_at_liveness(segment, &id, &ds);
	if (r < 0)
		return r;
	return ds.shm_nattch < INT_MAX ? (int)ds.shm_nattch : INT_MAX;
}
