/* SPDX-License-Identifier: MIT */
/* SHMIPC_DEBUG=1: the library reports actions and failures on stderr. */
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"

/* Relaxed: nothing else depends on it. */
static atomic_bool wanted;

int shmi_debug_begin(void)
{
	/* NULL in a set-user-id program. */
	const char *given = secure_getenv("SHMIPC_DEBUG");
	bool on = given && strcmp(given, "1") == 0;

	if (given && *given && !on && strcmp(given, "0") != 0)
		return -EINVAL;
	atomic_store_explicit(&wanted, on, memory_order_relaxed);
	return 0;
}

bool shmi_debugging(void)
{
	return atomic_load_explicit(&wanted, memory_order_relaxed);
}

void shmi_debug(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	if (!shmi_debugging())
		return;
	n = snprintf(line, sizeof(line), "shmipc[%d]: ", (int)getpid());
	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	/* One write, without buffering: the program may be killed. */
	(void)!write(STDERR_FILENO, line, strlen(line));
}
