/* SPDX-License-Identifier: MIT */
/* The kernel semaphores of posix. */
#ifndef SHMI_POSIX_KSEM_H
#define SHMI_POSIX_KSEM_H

#include <shmipc-backend.h>

/* The segment has its name: its ksems need their creator no more. */
void posix_ksem_published(struct shmipc_segment *seg);

int posix_ksem_create(struct shmipc_segment *seg, mode_t mode);
int posix_ksem_open(struct shmipc_segment *seg);
int posix_ksem_wait(struct shmipc_segment *seg, unsigned index,
		    const struct timespec *deadline);
void posix_ksem_post(struct shmipc_segment *seg, unsigned index);
void posix_ksem_close(struct shmipc_segment *seg);
void posix_ksem_remove(struct shmipc_segment *seg);

#endif
