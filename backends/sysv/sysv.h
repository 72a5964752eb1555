/* SPDX-License-Identifier: MIT */
/* A segment of sysv in this process, and the backend's table. */
#ifndef SHMI_SYSV_H
#define SHMI_SYSV_H

#include <stdbool.h>
#include <sys/shm.h>

#include <shmipc-backend.h>

struct sysv {
	int id;
	int number;  /* created: of its slot */
	int set;     /* of its ksems: a semaphore set's id */
	mode_t mode; /* created: the permission bits asked for */
	bool published;
	void *liveness;	    /* transient, and not peeked: liveness.h */
	struct shmid_ds ds; /* before this handle counted */
};

static inline struct sysv *sysv_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

extern const struct shmipc_backend shmi_backend_sysv;

#endif
