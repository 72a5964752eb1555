/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#ifndef SHMI_MEMFD_LISTING_H
#define SHMI_MEMFD_LISTING_H

#include <stdbool.h>

#include <shmipc-backend.h>

#include "backends/memfd/wire.h"

int memfd_segment_list(void *conn, enum shmipc_kind kind,
		       int (*found)(const char *name, void *arg), void *arg);

/*
 * Does memfd_segment_list() have the memory of this segment, because it is just
 * telling this thread of it? Then it is in *ret, and the caller's.
 */
bool listing_has(const struct shmipc_segment *seg, struct wire_fds *ret);

int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg);

int memfd_gc(void *conn, int remove,
	     int (*found)(const struct shmipc_info *info, void *arg),
	     void *arg);

#endif
