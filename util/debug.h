/* SPDX-License-Identifier: MIT */
/* SHMIPC_DEBUG=1: the library reports actions and failures on stderr. */
#ifndef SHMI_DEBUG_H
#define SHMI_DEBUG_H

#include <stdbool.h>

/*
 * Read the environment, once for each connection, in shmipc_open().
 *   -EINVAL  SHMIPC_DEBUG is neither 0 nor 1
 */
int shmi_debug_begin(void);

bool shmi_debugging(void);

/* Print one line if debugging is on. Not async-signal-safe. */
void shmi_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
