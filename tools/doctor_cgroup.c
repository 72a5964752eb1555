/* SPDX-License-Identifier: MIT */
/*
 * doctor: check of memory limits. The pages of shared memory are charged to the
 * control group of the process that touched them first. A process that exceeds
 * the limit is killed without a warning. The limits of parent groups apply too:
 * cgroups(7).
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/doctor.h"

#define MIB	 (UINT64_C(1) << 20)
#define NO_LIMIT (UINT64_C(1) << 60) /* what version 1 shows is near 2^63 */

/* The two versions differ only in names. */
static const struct version {
	const char *type; /* of the file system */
	const char *limit, *usage;
	const char *cache; /* in memory.stat: memory that can be reclaimed */
} versions[] = {
	{ "cgroup", "memory.limit_in_bytes", "memory.usage_in_bytes",
	  "total_inactive_file" },
	{ "cgroup2", "memory.max", "memory.current", "inactive_file" },
};

struct group {
	const struct version *version;
	char mounted[PATH_MAX]; /* the mount point of the tree */
	char path[PATH_MAX];	/* the group's directory, at or below it */
};

struct room {
	uint64_t limit, left;
	char where[PATH_MAX];
};

/* Is a word in a comma-separated list? */
static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (list) {
		if (!strncmp(list, word, length) &&
		    (list[length] == ',' || !list[length]))
			return true;
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	return false;
}

/*
 * Find the line for memory in /proc/self/cgroup: "4:memory:/a/b", or "0::/a/b"
 * if no tree of version 1 has the memory controller.
 */
static const struct version *find_group(char path[PATH_MAX])
{
	const struct version *found = NULL;
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX + 200];

	while (file && fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':'), *at;

		if (!controllers)
			continue;
		at = strchr(++controllers, ':');
		if (!at)
			continue;
		*at++ = '\0';
		at[strcspn(at, "\n")] = '\0';
		if (!has_word(controllers, "memory") && (found || *controllers))
			continue;
		found = &versions[!*controllers];
		snprintf(path, PATH_MAX, "%.*s", PATH_MAX - 1, at);
	}
	if (file)
		fclose(file);
	return found;
}

/* Fields of a line of mountinfo, before and after the " - ". */
struct mount {
	char root[PATH_MAX], point[PATH_MAX];
	char type[64], options[1024];
};

static bool parse_mount(const char *line, struct mount *ret)
{
	const char *rest = strstr(line, " - ");

	return rest &&
	       sscanf(line, "%*s %*s %*s %4095s %4095s", ret->root,
		      ret->point) == 2 &&
	       sscanf(rest, " - %63s %*s %1023s", ret->type, ret->options) == 2;
}

/* The mount may show only a part of the tree, even without our group. */
static void place(struct group *group, const struct mount *mount,
		  const char *path)
{
	size_t length = strcmp(mount->root, "/") ? strlen(mount->root) : 0;

	snprintf(group->mounted, PATH_MAX, "%s", mount->point);
	if (strncmp(path, mount->root, length) != 0 || strstr(path, ".."))
		path = "";
	else
		path += length;
	if (snprintf(group->path, PATH_MAX, "%s%s", mount->point, path) >=
		    PATH_MAX ||
	    access(group->path, X_OK) < 0)
		strcpy(group->path, group->mounted);
}

static bool find_mount(struct group *group, const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[3 * PATH_MAX];
	struct mount mount;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		found = parse_mount(line, &mount) &&
			!strcmp(mount.type, group->version->type) &&
			(group->version == &versions[1] ||
			 has_word(mount.options, "memory"));
		if (found)
			place(group, &mount, path);
	}
	if (file)
		fclose(file);
	return found;
}

/* Read a file of the group that has one number. */
static int read_file(const struct group *group, const char *name, uint64_t *ret)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", group->path, name);
	return doctor_read_number(path, ret);
}

static uint64_t read_cache(const struct group *group)
{
	char path[PATH_MAX + 64], text[8192];
	const char *line = text;

	snprintf(path, sizeof(path), "%s/memory.stat", group->path);
	if (doctor_read(path, text, sizeof(text)) < 0)
		return 0;
	while (line) {
		size_t length = strlen(group->version->cache);

		line += *line == '\n';
		if (!strncmp(line, group->version->cache, length) &&
		    line[length] == ' ')
			return strtoumax(line + length, NULL, 10);
		line = strchr(line, '\n');
	}
	return 0;
}

/* Take this group's limit if it leaves less room than those so far. */
static void measure(const struct group *group, struct room *room)
{
	uint64_t limit, usage, cache, left;

	if (read_file(group, group->version->limit, &limit) < 0 ||
	    limit >= NO_LIMIT ||
	    read_file(group, group->version->usage, &usage) < 0)
		return;
	cache = read_cache(group);
	usage -= cache < usage ? cache : usage;
	left = usage < limit ? limit - usage : 0;
	if (left >= room->left)
		return;
	room->limit = limit;
	room->left = left;
	snprintf(room->where, sizeof(room->where), "%s", group->path);
}

/* Walk from the group up to the mount point. */
static struct room tightest(struct group *group)
{
	struct room room = { .left = UINT64_MAX };

	for (;;) {
		measure(group, &room);
		if (strlen(group->path) <= strlen(group->mounted))
			return room;
		*strrchr(group->path, '/') = '\0';
	}
}

#define LEFT_NONE MIB
#define LEFT_FEW  (64 * MIB)

static void judge(struct doctor *d, const struct room *room)
{
	char limit[16], left[16];
	enum state state = room->left < LEFT_NONE  ? STATE_BAD
			   : room->left < LEFT_FEW ? STATE_WARN
						   : STATE_OK;

	tool_format_size(limit, room->limit);
	tool_format_size(left, room->left);
	doctor_found(d, state, "%s, %s left (%.200s)", limit, left,
		     room->where);
	if (state != STATE_OK)
		doctor_remedy(d, "raise the limit of the container or service "
				 "(MemoryMax=, --memory): a process that "
				 "exceeds it is killed");
}

void check_cgroup(struct doctor *d)
{
	char path[PATH_MAX];
	struct group group = { .version = find_group(path) };
	struct room room = { .left = UINT64_MAX };

	if (group.version && find_mount(&group, path))
		room = tightest(&group);
	if (room.left == UINT64_MAX)
		doctor_found(d, STATE_OK, "no control group limits memory");
	else
		judge(d, &room);
}
