/* SPDX-License-Identifier: MIT */
/* What this process has attached, and what its segments are to sysv. */
#ifndef SHMI_SYSV_STATE_H
#define SHMI_SYSV_STATE_H

#include <errno.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include <shmipc-backend.h>

#include "util/limits.h"

/* A System V segment. While it is attached, its id cannot be reused. */
struct slot {
	int id;
	void *addr;
	size_t length;
	struct shmid_ds ds; /* shm_nattch: without this attach */
};

/* The private part of a segment. */
struct sysv {
	struct slot slot;
	int number;  /* created: of its slot */
	int set;     /* the id of the semaphore set that holds its ksems */
	mode_t mode; /* created: the permission bits asked for */
	bool published;
	bool listed;	/* not attached: addr is a copy of the header */
	int users;	/* listed: as slot_users() says */
	void *liveness; /* transient, and not peeked: liveness.h */
};

static inline struct sysv *sysv_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

/* seg is now what this slot holds. */
static inline void sysv_adopt(struct shmipc_segment *seg,
			      const struct slot *slot)
{
	seg->addr = slot->addr;
	seg->length = slot->length;
	sysv_of(seg)->slot = *slot;
}

/* Did the kernel say that the id means nothing any more? */
static inline bool sysv_is_gone(int err)
{
	return err == EINVAL || err == EIDRM;
}

/* What a failed shmat(2) means; -ENOENT: the segment is gone. */
static inline int sysv_attach_error(int err)
{
	if (sysv_is_gone(err))
		return -ENOENT;
	return shmi_limits_mapping(err);
}

#endif
