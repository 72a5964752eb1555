/* SPDX-License-Identifier: MIT */
/*
 * The objects that a test leaves: asked from the library, and seen without it.
 *
 * Other programs use the machine too. So what is new must also stay, for a
 * while, before it is ours.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/stress/stress.h"

#define LOOKS 20

struct objects {
	size_t count;
	struct object {
		char name[280];
	} * list;
};

struct objects *at_start;

static void add(struct objects *to, const char *where, const char *name)
{
	struct object *more =
		realloc(to->list, (to->count + 1) * sizeof(*more));

	if (!more) {
		perror("stress: realloc");
		exit(1);
	}
	to->list = more;
	snprintf(more[to->count].name, sizeof(more->name), "%s/%s", where,
		 name);
	to->count++;
}

/* Files of a directory that have this word in their names. */
static void add_files(struct objects *to, const char *path, const char *word)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, word))
			add(to, path, entry->d_name);
	if (dir)
		closedir(dir);
}

/* Ids of System V objects; the second word of every line but the first. */
static void add_ids(struct objects *to, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[400], id[24];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*d %23s", id) == 1)
			add(to, path, id);
	if (file)
		fclose(file);
}

/* A memfd object is seen by nobody but the broker, which then does not end. */
struct objects *note_objects(void)
{
	const char *backend = shmipc_backend_name(ipc);
	struct objects *noted = calloc(1, sizeof(*noted));

	if (!noted) {
		perror("stress: calloc");
		exit(1);
	}
	if (!strcmp(backend, "posix")) {
		add_files(noted, "/dev/shm", "shmipc.");
	} else if (!strcmp(backend, "sysv")) {
		add_ids(noted, "/proc/sysvipc/shm");
		add_ids(noted, "/proc/sysvipc/sem");
	} else if (!strcmp(backend, "file")) {
		add_files(noted, getenv("SHMIPC_TEST_DIR"), ".");
	}
	return noted;
}

void forget_objects(struct objects *noted)
{
	free(noted->list);
	free(noted);
}

static bool is_in(const struct objects *set, const struct object *o)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->list[i].name, o->name))
			return true;
	return false;
}

/* Keep what is not known from before and is there still. */
static void keep_new(struct objects *left, const struct objects *before)
{
	struct objects *now = note_objects();
	size_t n = 0;

	for (size_t i = 0; i < left->count; i++)
		if (!is_in(before, &left->list[i]) &&
		    is_in(now, &left->list[i]))
			left->list[n++] = left->list[i];
	left->count = n;
	forget_objects(now);
}

unsigned long objects_left(const struct objects *before)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct objects *left = note_objects();
	unsigned long count;

	keep_new(left, before);
	for (int i = 1; i < LOOKS && left->count; i++) {
		nanosleep(&pause, NULL);
		keep_new(left, before);
	}
	count = left->count;
	for (size_t i = 0; i < count; i++)
		complain("%s is left", left->list[i].name);
	forget_objects(left);
	return count;
}

/* Is it one of ours? */
static int count_listed(const struct shmipc_info *info, void *arg)
{
	unsigned long *count = arg;

	for (int i = 0; i < NAMES; i++) {
		if (strcmp(info->name, names[i]))
			continue;
		complain("%s is in the list", info->name);
		++*count;
	}
	return 0;
}

static void remove_both(const char *name, int or)
{
	expect("unlink region", name, shmipc_shm_unlink(ipc, name), or, 0);
	expect("unlink semaphore", name, shmipc_sem_unlink(ipc, name), or, 0);
}

static void use_again(const char *name)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	unsigned flags = SHMIPC_CREATE | SHMIPC_EXCL;
	int r;

	remove_both(name, -ENOENT);
	r = shmipc_shm_open(ipc, &shm, name, 5000, flags, 0600);
	if (expect("create region", name, r, 0, 0) == 0)
		shmipc_shm_close(shm);
	r = shmipc_sem_open(ipc, &sem, name, 1, flags, 0600);
	if (expect("create semaphore", name, r, 0, 0) == 0)
		shmipc_sem_close(sem);
	remove_both(name, 0);
}

static int say_garbage(const struct shmipc_info *info, void *arg)
{
	(void)arg;
	complain("%s is garbage still", info->name);
	return 0;
}

unsigned long sweep(void)
{
	unsigned long left = 0;
	int r;

	for (int i = 0; i < NAMES; i++)
		use_again(names[i]);
	expect("collect", "garbage", shmipc_gc(ipc, 0, NULL, NULL), 0, 0);
	r = shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, say_garbage, NULL);
	if (expect("look for", "garbage", r, 0, 0) > 0)
		left += (unsigned long)r;
	r = shmipc_list(ipc, count_listed, &left);
	expect("list", "all", r, 0, 0);
	return left + objects_left(at_start);
}
