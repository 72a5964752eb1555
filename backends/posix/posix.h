/* SPDX-License-Identifier: MIT */
/* A posix segment, and the operations on its place (posix/place.c). */
#ifndef SHMI_POSIX_H
#define SHMI_POSIX_H

#include <semaphore.h>

#include "backends/fdmem.h"

struct posix {
	struct fdmem mem; /* first: fdmem.h */
	bool published;
	sem_t *place; /* from sem_open() */
};

static inline struct posix *posix_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

int posix_place_create(struct shmipc_segment *seg, mode_t mode);
int posix_place_open(struct shmipc_segment *seg);
int posix_place_wait(struct shmipc_segment *seg,
		     const struct timespec *deadline);
void posix_place_post(struct shmipc_segment *seg);
void posix_place_close(struct shmipc_segment *seg);
void posix_place_remove(struct shmipc_segment *seg);

#endif
