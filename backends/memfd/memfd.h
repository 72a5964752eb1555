/* SPDX-License-Identifier: MIT */
/* The table of the memfd backend. */
#ifndef SHMI_MEMFD_H
#define SHMI_MEMFD_H

#include <shmipc-backend.h>

extern const struct shmipc_backend shmi_backend_memfd;

#endif
