/* SPDX-License-Identifier: MIT */
/* The log of the broker. */
#include <config.h>

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "backends/memfd/broker/log.h"

/* Less than PIPE_BUF, so that a pipe with room takes a line in one piece. */
#define LINE_MAX_BYTES 512

static void write_line(const char *text)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_MAX_BYTES];
	int n = snprintf(line, sizeof(line), "shmipc-broker[%d]: %.400s\n",
			 (int)getpid(), text);

	/* A process that does not read it must not be able to stop us. */
	if (poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
		(void)!write(STDERR_FILENO, line, (size_t)n);
}

static void write_count(unsigned lines)
{
	char text[64];

	snprintf(text, sizeof(text), "%u more lines left out", lines);
	write_line(text);
}

/* May one more line be written in this second? */
static bool may_log(void)
{
	static unsigned lines, left_out;
	static time_t second;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != second) {
		if (left_out)
			write_count(left_out);
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

	if (!may_log())
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_line(text);
}
