/* SPDX-License-Identifier: MIT */
/* What the broker says to people. */
#include <config.h>

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/memfd/log.h"

/* Less than PIPE_BUF: goes in one piece into a pipe that has room. */
#define LINE_MAX_BYTES 512

static void write_line(const char *fmt, va_list ap)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_MAX_BYTES];
	size_t n;

	n = (size_t)snprintf(line, sizeof(line),
			     "shmipc-broker[%d]: ", (int)getpid());
	(void)vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	n = strlen(line);
	line[n++] = '\n';
	/* Whoever reads it must not be able to stop us. */
	if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
		(void)!write(STDERR_FILENO, line, n);
}

static void write_count(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}

/* Is there room for another line in this second? */
static bool has_room(void)
{
	static unsigned lines, left_out;
	static time_t second;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != second) {
		if (left_out)
			write_count("%u more lines left out", left_out);
		second = now.tv_sec;
		lines = left_out = 0;
	}
	if (lines < LOG_BURST)
		return ++lines;
	left_out++;
	return false;
}

void log_line(const char *fmt, ...)
{
	va_list ap;

	if (!has_room())
		return;
	va_start(ap, fmt);
	write_line(fmt, ap);
	va_end(ap);
}
