/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/unshare.h"

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* One id can be mapped without privileges, and that is our own. */
static bool map_id(const char *path, unsigned inside, unsigned outside)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1", inside, outside);
	return write_file(path, map);
}

static bool unshare_as(int flags, unsigned inside_uid, unsigned inside_gid)
{
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(flags) == 0)
		return true;
	if (unshare(CLONE_NEWUSER | flags) < 0)
		return false;
	/* Else groups could not be mapped: user_namespaces(7). */
	return write_file("/proc/self/setgroups", "deny") &&
	       map_id("/proc/self/uid_map", inside_uid, uid) &&
	       map_id("/proc/self/gid_map", inside_gid, gid);
}

bool unshare_self(int flags)
{
	return unshare_as(flags, geteuid(), getegid());
}

bool unshare_as_root(int flags)
{
	return unshare_as(flags, 0, 0);
}
