/* SPDX-License-Identifier: MIT */
/* What the broker says to people: on stderr, which may be /dev/null. */
#ifndef SHMI_MEMFD_LOG_H
#define SHMI_MEMFD_LOG_H

/*
 * One line. Left out if nobody takes it at once, and after the first LOG_BURST
 * of a second: those who cause lines may be hostile.
 */
#define LOG_BURST 20

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
