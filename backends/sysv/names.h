/* SPDX-License-Identifier: MIT */
/* Unlinking and listing names of sysv. */
#ifndef SHMI_SYSV_NAMES_H
#define SHMI_SYSV_NAMES_H

#include <shmipc-backend.h>

int sysv_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
			const char *name);
int sysv_segment_list(struct shmipc_segment *seg,
		      int (*found)(struct shmipc_segment *seg, void *arg),
		      void *arg);

#endif
