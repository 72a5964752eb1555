/* SPDX-License-Identifier: MIT */
/* The kernel semaphores of sysv. */
#ifndef SHMI_SYSV_KSEM_H
#define SHMI_SYSV_KSEM_H

#include <shmipc-backend.h>

int sysv_ksem_create(struct shmipc_segment *seg, mode_t mode);
int sysv_ksem_open(struct shmipc_segment *seg);
int sysv_ksem_wait(struct shmipc_segment *seg, unsigned index,
		   const struct timespec *deadline);
void sysv_ksem_post(struct shmipc_segment *seg, unsigned index);
void sysv_ksem_close(struct shmipc_segment *seg);

#endif
