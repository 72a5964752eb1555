/* SPDX-License-Identifier: MIT */
/* The sysv backend. */
#ifndef SHMI_SYSV_H
#define SHMI_SYSV_H

#include <shmipc-backend.h>

extern const struct shmipc_backend shmi_backend_sysv;

#endif
