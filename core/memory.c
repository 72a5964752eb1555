/* SPDX-License-Identifier: MIT */
/*
 * How much memory may there be at all: the machine's, and what the control
 * groups of this process allow, cgroups(7). Version 2 has one hierarchy, with
 * memory.max in each group; version 1 has one for memory, with
 * memory.limit_in_bytes. A group's ancestors count as well. In a container the
 * path in /proc/self/cgroup may be one of the host that leads nowhere here; then
 * the root of the mount is its group.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "memory.h"

/* Less than this is not worth the files that have to be read. */
#define WORTH_A_LOOK ((size_t)1 << 20)

/* The beginning of a file of the kernel's, as text; "" if there is none. */
static void read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, text, room - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

/* The limit in this file, or SIZE_MAX. */
static size_t limit_in(const char *path)
{
	char text[64];
	unsigned long long limit;

	read_file(path, text, sizeof(text));
	if (*text < '0' || *text > '9') /* "max", or nothing */
		return SIZE_MAX;
	limit = strtoull(text, NULL, 10);
	return limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
}

/* The least limit of a group and its ancestors; path is cut on the way. */
static size_t limit_of(const char *mount, char *path, const char *file)
{
	char full[PATH_MAX];
	size_t least = SIZE_MAX;

	for (;;) {
		char *slash = strrchr(path, '/');
		size_t limit;

		if (snprintf(full, sizeof(full), "%s%s/%s", mount, path, file) <
		    (int)sizeof(full)) {
			limit = limit_in(full);
			least = limit < least ? limit : least;
		}
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* Lines are "0::PATH" and, of version 1, "NUMBER:CONTROLLERS:PATH". */
static size_t group_limit(void)
{
	char text[4096], *rest = NULL;
	size_t least = SIZE_MAX;

	read_file("/proc/self/cgroup", text, sizeof(text));
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *path = strchr(line, '/');
		size_t limit = SIZE_MAX;

		if (!path)
			continue;
		if (!strncmp(line, "0::", 3))
			limit = limit_of("/sys/fs/cgroup", path, "memory.max");
		else if (strstr(line, ":memory:"))
			limit = limit_of("/sys/fs/cgroup/memory", path,
					 "memory.limit_in_bytes");
		least = limit < least ? limit : least;
	}
	return least;
}

int shmi_memory_check(size_t length)
{
	struct sysinfo info;
	size_t limit;

	if (sysinfo(&info) == 0 &&
	    length / info.mem_unit > info.totalram + info.totalswap)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than this machine has memory and "
			"swap",
			length);
	if (length < WORTH_A_LOOK)
		return 0;
	limit = group_limit();
	if (length > limit)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than the memory limit of this "
			"process's control group, %zu",
			length, limit);
	return 0;
}
