/* SPDX-License-Identifier: MIT */
/* The operations of the memfd backend that walk over all objects. */
#ifndef SHMI_MEMFD_LISTING_H
#define SHMI_MEMFD_LISTING_H

#include <shmipc-backend.h>

#include "backends/memfd/wire.h"

/*
 * Call yield() with each object of a kind: its name, and its descriptors if the
 * broker sent them along. Stops when that is not 0.
 */
int listing_walk(void *conn, const struct shmipc_kind_info *kind,
		 int (*yield)(const char *name, struct wire_fds *fds,
			      void *arg),
		 void *arg);

int memfd_lost(void *conn,
	       int (*found)(const struct shmipc_info *info, void *arg),
	       void *arg);
int memfd_gc(void *conn, struct shmipc_gc *gc);

#endif
