/* SPDX-License-Identifier: MIT */
/* Listing the objects in System V's tables, and removing garbage. */
#ifndef SHMI_SYSV_TABLE_H
#define SHMI_SYSV_TABLE_H

#include <shmipc-backend.h>

int sysv_segment_list(struct shmipc_segment *seg,
		      int (*found)(struct shmipc_segment *seg, void *arg),
		      void *arg);
int sysv_gc(void *conn, struct shmipc_gc *gc);

#endif
