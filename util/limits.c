/* SPDX-License-Identifier: MIT */
/*
 * The memory limits: the machine's memory, and what the control groups of this
 * process leave, cgroups(7). A group's ancestors count as well. In a container
 * the path in /proc/self/cgroup may be the host's and not exist here; then the
 * root of the mount is the process's group.
 *
 * This check reserves nothing: others may take the memory before we do.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <shmipc-backend.h>

#include "util/limits.h"

/* Any machine has less than this; reading files would not pay. */
#define WORTH_A_LOOK ((size_t)1 << 20)

/*
 * The number in this file; SIZE_MAX: "max", or no such file. Files are read
 * line by line, since a small thread has no room for a whole one on its stack.
 */
static size_t number_in(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long number = SIZE_MAX;
	char line[64];

	if (!file)
		return SIZE_MAX;
	if (fgets(line, sizeof(line), file) && *line >= '0' && *line <= '9')
		number = strtoull(line, NULL, 10);
	fclose(file);
	return number < SIZE_MAX ? (size_t)number : SIZE_MAX;
}

/* The sum of memory.stat's values for these two words; 0 if it has neither. */
static size_t cache_in(const char *path, const char *const words[2])
{
	FILE *file = fopen(path, "re");
	char line[128];
	size_t sum = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		for (int i = 0; i < 2; i++) {
			size_t n = strlen(words[i]);

			if (!strncmp(line, words[i], n) && line[n] == ' ')
				sum += (size_t)strtoull(line + n, NULL, 10);
		}
	fclose(file);
	return sum;
}

/* The file names of a cgroups version. */
struct version {
	const char *mount, *limit, *usage;
	const char *cache[2]; /* in memory.stat: reclaimable */
};

static const struct version versions[] = {
	{ "/sys/fs/cgroup/memory",
	  "memory.limit_in_bytes",
	  "memory.usage_in_bytes",
	  { "total_inactive_file", "total_active_file" } },
	{ "/sys/fs/cgroup",
	  "memory.max",
	  "memory.current",
	  { "inactive_file", "active_file" } },
};

/* Longer paths than that count as a group without a limit. */
#define GROUP_PATH_MAX 1024

static bool path_of(char path[GROUP_PATH_MAX], const struct version *v,
		    const char *group, const char *file)
{
	return snprintf(path, GROUP_PATH_MAX, "%s%s/%s", v->mount, group,
			file) < GROUP_PATH_MAX;
}

/* The memory that a group's limit leaves, or SIZE_MAX without a limit. */
static size_t left_in(const struct version *v, const char *group)
{
	char path[GROUP_PATH_MAX];
	size_t limit, usage, cache;

	if (!path_of(path, v, group, v->limit))
		return SIZE_MAX;
	limit = number_in(path);
	if (limit == SIZE_MAX || !path_of(path, v, group, v->usage))
		return limit;
	usage = number_in(path);
	if (usage == SIZE_MAX || !path_of(path, v, group, "memory.stat"))
		return limit;
	cache = cache_in(path, v->cache);
	usage -= cache < usage ? cache : usage;
	return limit - (usage < limit ? usage : limit);
}

/* The least that a group or an ancestor has left; group is shortened. */
static size_t left_up_from(const struct version *v, char *group)
{
	size_t least = SIZE_MAX;

	for (;;) {
		char *slash = strrchr(group, '/');
		size_t left = left_in(v, group);

		least = left < least ? left : least;
		if (!slash)
			return least;
		*slash = '\0';
	}
}

/* Lines are "0::PATH" and, of version 1, "NUMBER:CONTROLLERS:PATH". */
static size_t left_by_line(char *line)
{
	char *group = strchr(line, '/');

	if (!group)
		return SIZE_MAX;
	group[strcspn(group, "\n")] = '\0';
	if (!strncmp(line, "0::", 3))
		return left_up_from(&versions[1], group);
	if (strstr(line, ":memory:"))
		return left_up_from(&versions[0], group);
	return SIZE_MAX;
}

static size_t groups_left(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	size_t least = SIZE_MAX;
	char line[GROUP_PATH_MAX];

	if (!file)
		return SIZE_MAX;
	while (fgets(line, sizeof(line), file)) {
		size_t left = left_by_line(line);

		least = left < least ? left : least;
	}
	fclose(file);
	return least;
}

int shmi_limits_check(size_t length)
{
	struct sysinfo info;
	size_t left;

	if (length < WORTH_A_LOOK)
		return 0;
	if (sysinfo(&info) == 0 &&
	    length / info.mem_unit > info.totalram + info.totalswap)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than this machine has memory and "
			"swap",
			length);
	left = groups_left();
	if (length > left)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than the memory limit of this "
			"process's control group leaves, %zu",
			length, left);
	return 0;
}

/* EAGAIN: the process locks its memory, and this would be too much. */
int shmi_limits_mapping(int err)
{
	struct rlimit limit;

	if (err == EAGAIN)
		return shmipc_backend_error(
			-ENOMEM, "the program locks its memory, mlockall(2), "
				 "and RLIMIT_MEMLOCK does not allow that much");
	if (err == ENOMEM && getrlimit(RLIMIT_AS, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY)
		return shmipc_backend_error(
			-ENOMEM,
			"no memory or address space left; RLIMIT_AS allows "
			"%llu bytes",
			(unsigned long long)limit.rlim_cur);
	return -err;
}

/* Count in one line of /proc/buddyinfo, with a number for each order. */
static size_t blocks_in(const char *numbers, unsigned order)
{
	size_t sum = 0;
	char *end;

	for (unsigned i = 0;; i++, numbers = end) {
		size_t n = strtoul(numbers, &end, 10);

		if (end == numbers)
			return sum;
		if (i >= order)
			sum += n << (i - order);
	}
}

/* See proc_buddyinfo(5). Zone DMA is kept for drivers. */
size_t shmi_limits_free_blocks(unsigned order)
{
	FILE *file = fopen("/proc/buddyinfo", "re");
	char line[512];
	size_t sum = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		char zone[16];
		int n;

		if (sscanf(line, "Node %*d, zone %15s%n", zone, &n) == 1 &&
		    strcmp(zone, "DMA") != 0)
			sum += blocks_in(line + n, order);
	}
	fclose(file);
	return sum;
}
