/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#ifndef SHMI_MEMFD_LISTING_H
#define SHMI_MEMFD_LISTING_H

#include <shmipc-backend.h>

int memfd_segment_list(struct shmipc_segment *seg,
		       int (*found)(struct shmipc_segment *seg, void *arg),
		       void *arg);
int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg);
int memfd_gc(void *conn, struct shmipc_gc *gc);

#endif
