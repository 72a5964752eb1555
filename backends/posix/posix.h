/* SPDX-License-Identifier: MIT */
/* A posix segment, and the operations that have files of their own. */
#ifndef SHMI_POSIX_H
#define SHMI_POSIX_H

#include <semaphore.h>

#include "backends/fdmem/fdmem.h"

struct posix {
	struct fdmem mem; /* first: fdmem.h */
	bool published;
	sem_t *ksem;   /* from sem_open() */
	int ksem_file; /* +1: created and not published; with a mark */
};

static inline struct posix *posix_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

/* Its segment has its name: the place needs its creator no more. */
void posix_ksem_published(struct shmipc_segment *seg);

int posix_gc(void *conn, int remove,
	     int (*found)(const struct shmipc_info *info, void *arg),
	     void *arg);

int posix_ksem_create(struct shmipc_segment *seg, mode_t mode);
int posix_ksem_open(struct shmipc_segment *seg);
int posix_ksem_wait(struct shmipc_segment *seg,
		    const struct timespec *deadline);
void posix_ksem_post(struct shmipc_segment *seg);
void posix_ksem_close(struct shmipc_segment *seg);
void posix_ksem_remove(struct shmipc_segment *seg);

#endif
