/* SPDX-License-Identifier: MIT */
/* Liveness segments: which processes use a transient segment? */
#include <config.h>

#include <limits.h>
#include <unistd.h>

#include "backends/sysv/key.h"
#include "backends/sysv/liveness.h"

/*
 * An unusual size, so that we do not take the segment of another program for a
 * liveness segment. It is a size without a tag (key.h).
 */
#define LIVENESS_SIZE 678

static bool is_liveness(const struct shmid_ds *ds)
{
	return ds->shm_segsz == LIVENESS_SIZE;
}

bool liveness_has_key(const struct shmid_ds *ds)
{
	return is_liveness(ds) && ds->shm_perm.__key < 0;
}

void liveness_remove_by_key(int segment_id)
{
	struct shmid_ds ds;
	int id = shmget(sysvkey_companion(segment_id), 0, 0);

	if (id >= 0 && shmctl(id, IPC_STAT, &ds) == 0 &&
	    liveness_has_key(&ds) && ds.shm_nattch == 0)
		(void)shmctl(id, IPC_RMID, NULL);
}

static int make_liveness(int segment_id, mode_t mode)
{
	/* Processes that may read the segment attach this for reading only. */
	int flags = IPC_CREAT | IPC_EXCL | 0600 | (int)(mode & 0444);
	int id = shmget(sysvkey_companion(segment_id), LIVENESS_SIZE, flags);

	if (id >= 0)
		return id;
	if (errno == EEXIST) {
		/* It belonged to an earlier segment of this id. */
		liveness_remove_by_key(segment_id);
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
		r = sysv_attach_error(errno);
		if (r == -ENOENT)
			return -EAGAIN; /* another process made us dead */
		(void)shmctl(id, IPC_RMID, NULL);
		return r;
	}
	/* It may have been removed, and its id reused, before the attach. */
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

/* The liveness segment that the backend word leads to, if it is one. */
static int look_at_liveness(const struct slot *segment, int *id,
			    struct shmid_ds *ds)
{
	uint64_t word = shmipc_segment_word(segment->addr);

	if (word > INT_MAX)
		return -EPROTO;
	*id = (int)word;
	if (shmctl(*id, IPC_STAT, ds) < 0)
		return sysv_is_gone(errno) ? -ESTALE : -EPROTO;
	if (!is_liveness(ds) || !(ds->shm_perm.mode & SHM_DEST) ||
	    ds->shm_cpid != segment->ds.shm_cpid ||
	    ds->shm_perm.cuid != segment->ds.shm_perm.cuid)
		return -EPROTO;
	return 0;
}

int liveness_attach(const struct slot *segment, void **ret)
{
	struct shmid_ds ds;
	void *addr;
	int id, r;

	r = look_at_liveness(segment, &id, &ds);
	if (r < 0)
		return r;
	addr = shmat(id, NULL, SHM_RDONLY);
	if (addr == (void *)-1) {
		r = sysv_attach_error(errno);
		return r == -ENOENT ? -ESTALE : r;
	}
	/* Its id cannot be reused now. Is it still the one we looked at? */
	r = look_at_liveness(segment, &id, &ds);
	if (r < 0)
		shmdt(addr);
	else
		*ret = addr;
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
