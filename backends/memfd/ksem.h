/* SPDX-License-Identifier: MIT */
/* The kernel semaphores of memfd: an eventfd(2) each. */
#ifndef SHMI_MEMFD_KSEM_H
#define SHMI_MEMFD_KSEM_H

#include <shmipc-backend.h>

int memfd_ksem_create(struct shmipc_segment *seg, mode_t mode);
int memfd_ksem_open(struct shmipc_segment *seg);
int memfd_ksem_wait(struct shmipc_segment *seg, unsigned index,
		    const struct timespec *deadline);
void memfd_ksem_post(struct shmipc_segment *seg, unsigned index);
void memfd_ksem_close(struct shmipc_segment *seg);

/*
 * The same descriptors for the program, and from it: segment_export() and
 * segment_import(), behind the descriptor of the memory. What a failed export
 * has put into fds is the caller's to close.
 */
int memfd_ksem_export(struct shmipc_segment *seg, int fds[SHMIPC_SEGMENT_FDS]);
int memfd_ksem_import(struct shmipc_segment *seg,
		      const int fds[SHMIPC_SEGMENT_FDS]);

#endif
