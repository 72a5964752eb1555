/* SPDX-License-Identifier: MIT */
/* The garbage of sysv: the operation collect(). */
#ifndef SHMI_SYSV_COLLECT_H
#define SHMI_SYSV_COLLECT_H

#include <shmipc-backend.h>

int sysv_collect(void *conn, int remove,
		 int (*found)(const struct shmipc_info *info, void *arg),
		 void *arg);

#endif
