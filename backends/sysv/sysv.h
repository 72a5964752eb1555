/* SPDX-License-Identifier: MIT */
/* A sysv segment, and the operations that have files of their own. */
#ifndef SHMI_SYSV_H
#define SHMI_SYSV_H

#include <stdbool.h>
#include <sys/shm.h>

#include <shmipc-backend.h>

struct sysv {
	int id;
	int number;  /* created: of its slot */
	int set;     /* the place: a semaphore set's id */
	mode_t mode; /* created: the permission bits asked for */
	bool published;
	void *liveness;	    /* transient, and not peeked: anchor.h */
	struct shmid_ds ds; /* before we counted */
};

static inline struct sysv *sysv_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

int sysv_ksem_create(struct shmipc_segment *seg, mode_t mode);
int sysv_ksem_open(struct shmipc_segment *seg);
int sysv_ksem_wait(struct shmipc_segment *seg, const struct timespec *deadline);
void sysv_ksem_post(struct shmipc_segment *seg);
void sysv_ksem_close(struct shmipc_segment *seg);

int sysv_gc(void *conn, int remove,
	    int (*found)(const struct shmipc_info *info, void *arg), void *arg);

#endif
