/* SPDX-License-Identifier: MIT */
/* A segment of posix in this process. */
#ifndef SHMI_POSIX_STATE_H
#define SHMI_POSIX_STATE_H

#include <semaphore.h>

#include "backends/fdmem/fdmem.h"

struct posix {
	struct fdmem mem; /* first: fdmem.h */
	bool published;
	sem_t *ksems[SHMIPC_KSEMS_MAX]; /* from sem_open(3), or NULL */
	/* +1: created and not published; each carries a use mark (gc.c). */
	int ksem_files[SHMIPC_KSEMS_MAX];
};

static inline struct posix *posix_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

#endif
