/* SPDX-License-Identifier: MIT */
/* The log of the broker: on stderr, which may be /dev/null. */
#ifndef SHMI_MEMFD_LOG_H
#define SHMI_MEMFD_LOG_H

/*
 * Write one line. It is dropped if stderr would block, or after LOG_BURST lines
 * in the same second: clients that cause lines may be hostile.
 */
#define LOG_BURST 20

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
