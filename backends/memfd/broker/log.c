/* SPDX-License-Identifier: MIT */
/* What the broker says to people. */
#include <config.h>

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "backends/memfd/broker/log.h"

/* Less than PIPE_BUF: goes in one piece into a pipe that has room. */
#define LINE_MAX_BYTES 512

static void put(const char *text)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_MAX_BYTES];
	int n = snprintf(line, sizeof(line), "shmipc-broker[%d]: %.400s\n",
			 (int)getpid(), text);

	/* Whoever reads it must not be able to stop us. */
	if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
		(void)!write(STDERR_FILENO, line, (size_t)n);
}

static void put_count(unsigned lines)
{
	char text[64];

	snprintf(text, sizeof(text), "%u more lines left out", lines);
	put(text);
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
			put_count(left_out);
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
	char text[LINE_MAX_BYTES];
	va_list ap;

	if (!has_room())
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(text);
}
