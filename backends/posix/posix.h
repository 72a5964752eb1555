/* SPDX-License-Identifier: MIT */
/* The table of the posix backend. */
#ifndef SHMI_POSIX_H
#define SHMI_POSIX_H

#include <shmipc-backend.h>

extern const struct shmipc_backend shmi_backend_posix;

#endif
