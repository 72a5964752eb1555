/* SPDX-License-Identifier: MIT */
/* Removing what killed processes left in /dev/shm. */
#ifndef SHMI_POSIX_GC_H
#define SHMI_POSIX_GC_H

#include <shmipc-backend.h>

int posix_gc(void *conn, struct shmipc_gc *gc);

#endif
