/* SPDX-License-Identifier: MIT */
/* Removing what killed processes left in System V's tables. */
#ifndef SHMI_SYSV_GC_H
#define SHMI_SYSV_GC_H

#include <shmipc-backend.h>

int sysv_gc(void *conn, struct shmipc_gc *gc);

#endif
