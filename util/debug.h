/* SPDX-License-Identifier: MIT */
/* SHMIPC_DEBUG=1: the library says on stderr what it does and why it fails. */
#ifndef SHMI_DEBUG_H
#define SHMI_DEBUG_H

#include <stdbool.h>

/*
 * Read the environment; once for each connection, by shmipc_open().
 *   -EINVAL  SHMIPC_DEBUG is neither 0 nor 1
 */
int shmi_debug_begin(void);

bool shmi_debugging(void);

/* One line, if that is wanted. Not from signal handlers. */
void shmi_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
