/* SPDX-License-Identifier: MIT */
/*
 * Removes garbage from /dev/shm: orphans (fdmem/usemark.h), dead headers, and
 * ksems without a segment.
 *
 * A live creator also has a ksem without a segment, for a moment. It has a use
 * mark in it (ksem.c) until the segment has its name. Therefore:
 *
 *   [K1] list the ksems without a mark
 *   [K2] then list the inodes of all headers
 *   [K3] remove those ksems whose inode is not among them
 *
 * A ksem without a mark at K1 has no live creator that still has to publish:
 * either its segment has its name, and K2 sees it, or its creator is dead.
 * Inode numbers come from a counter: a number is not used again between K1 and
 * K3.
 *
 * Death. Each removal is one unlink(2); the next gc continues from there.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"
#include "backends/posix/gc.h"
#include "backends/posix/state.h"

/* The name of a ksem consists of these. */
struct ksem_id {
	uint64_t ino;
	unsigned index;
};

/* A list of ksems, or of headers with index 0. */
struct ksem_ids {
	struct ksem_id *of;
	size_t count, room;
};

static int add_id(struct ksem_ids *list, uint64_t ino, unsigned index)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct ksem_id *more =
			reallocarray(list->of, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->of = more;
		list->room = room;
	}
	list->of[list->count++] = (struct ksem_id){ ino, index };
	return 0;
}

static int compare_inodes(const void *left, const void *right)
{
	const struct ksem_id *a = left, *b = right;

	return (a->ino > b->ino) - (a->ino < b->ino);
}

/* facts: from its header, or NULL. */
static void report_file(struct shmipc_gc *gc, enum shmipc_kind kind,
			const char *name, const struct stat *st,
			const struct shmipc_segment_facts *facts)
{
	struct shmipc_info info = {
		.kind = kind,
		.mode = st->st_mode & 0777,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};

	if (facts) {
		info.size = facts->size;
		info.created = facts->created;
		info.creator = facts->creator;
		info.transient = facts->transient;
	}
	snprintf(info.name, sizeof(info.name), "%.*s", SHMIPC_NAME_MAX, name);
	shmipc_gc_found(gc, &info);
}

/* The directory is sticky. */
static bool may_unlink(const struct stat *st)
{
	return st->st_uid == geteuid() || geteuid() == 0;
}

/*
 * Open a file that may be garbage of ours. Returns a descriptor.
 *   -ENOENT  it is gone, or we may not remove it
 *   -EMFILE -ENOMEM
 */
static int open_to_look(const char *path, int access, struct stat *st)
{
	int fd = open(path, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM
			       ? -errno
			       : -ENOENT;
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || !may_unlink(st)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int gc_orphan(struct shmipc_gc *gc, const struct shmipc_kind_info *kind,
		     const char *name)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];
	struct shmipc_segment_facts facts;
	char path[POSIX_PATH_MAX];
	struct stat st = { 0 };
	int fd;

	if (!shmipc_name_is_valid(name))
		return 0;
	posix_segment_path(path, kind, name);
	/* For writing: the owner of a transient segment may. */
	fd = open_to_look(path, O_RDWR, &st);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fdmem_is_transient(fd, kind, name) > 0 &&
	    usemark_look(fd) == -ESTALE &&
	    pread(fd, header, sizeof(header), 0) == sizeof(header) &&
	    shmipc_segment_identify(header, (size_t)st.st_size, &facts) == 0 &&
	    (!gc->remove || posix_remove_orphan(kind, path, fd) == 0))
		report_file(gc, kind->kind, name, &st, &facts);
	close(fd);
	return 0;
}

/* The kind of a header of ours that has ksems, or NULL. */
static const struct shmipc_kind_info *kind_of_header(int fd,
						     const struct stat *st)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];
	const struct shmipc_kind_info *kind;
	struct shmipc_segment_facts facts;

	if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
	    shmipc_segment_identify(header, (size_t)st->st_size, &facts) != 0)
		return NULL;
	kind = shmipc_kind_find((enum shmipc_kind)facts.kind);
	return kind && kind->ksems ? kind : NULL;
}

/* The process that renamed it is dead, or about to do just this. */
static int gc_dead(struct shmipc_gc *gc, const char *file)
{
	const struct shmipc_kind_info *kind;
	char path[POSIX_PATH_MAX];
	struct stat st = { 0 };
	int fd;

	if (snprintf(path, sizeof(path), POSIX_DIR "/%s", file) >=
	    (int)sizeof(path))
		return 0;
	fd = open_to_look(path, O_RDONLY, &st);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	kind = kind_of_header(fd, &st);
	if (kind) {
		/* A file with another link is not being removed. */
		for (unsigned i = 0; i < kind->ksems; i++)
			if (gc->remove && st.st_nlink == 1)
				posix_remove_ksem(st.st_ino, i);
		if (gc->remove)
			(void)unlink(path);
		report_file(gc, kind->kind, file, &st, NULL);
	}
	close(fd);
	return 0;
}

/* [K1] Has this ksem no live creator? 0 or 1. */
static int is_left_alone(const char *path)
{
	struct stat st = { 0 };
	int fd, alone;

	fd = open_to_look(path, O_RDONLY, &st);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	alone = st.st_size == (off_t)sizeof(sem_t) &&
		usemark_look(fd) == -ESTALE;
	close(fd);
	return alone;
}

/* A ksem does not tell the kind of its segment: the first that has such. */
static const struct shmipc_kind_info *kind_with_ksem(unsigned index)
{
	const struct shmipc_kind_info *kind;
	unsigned i = 0;

	while ((kind = shmipc_kind_at(i)) && kind->ksems <= index)
		i++;
	return kind;
}

/* [K3] */
static void gc_ksem(struct shmipc_gc *gc, const struct ksem_id *ksem)
{
	const struct shmipc_kind_info *kind = kind_with_ksem(ksem->index);
	char path[POSIX_PATH_MAX];
	struct stat st = { 0 };

	posix_ksem_path(path, ksem->ino, ksem->index);
	if (!kind || lstat(path, &st) < 0)
		return;
	if (gc->remove && unlink(path) < 0)
		return;
	report_file(gc, kind->kind, path + sizeof(POSIX_DIR "/") - 1, &st,
		    NULL);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Call act() for each file of ours. */
static int for_each_file(int (*act)(const struct dirent *entry, void *arg),
			 void *arg)
{
	DIR *dir = opendir(POSIX_DIR);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	/* K2 needs the whole directory: an error must not pass for its end. */
	while (errno = 0, r == 0 && (entry = readdir(dir)))
		if (strstr(entry->d_name, "shmipc."))
			r = act(entry, arg);
	if (r == 0)
		r = -errno;
	closedir(dir);
	return r;
}

static int gc_file(const struct dirent *entry, void *arg)
{
	const struct shmipc_kind_info *kind;
	struct shmipc_gc *gc = arg;
	const char *name;
	int r = 0;

	kind = posix_kind_of(entry->d_name, &name);
	if (kind)
		r = gc_orphan(gc, kind, name);
	if (starts_with(entry->d_name, POSIX_DEAD))
		r = gc_dead(gc, entry->d_name);
	return r < 0 ? r : gc->over;
}

/* [K1] */
static int list_ksem(const struct dirent *entry, void *arg)
{
	const char *start = POSIX_SEM POSIX_KSEM;
	char path[POSIX_PATH_MAX], *end;
	unsigned long index;
	uint64_t ino;
	int r;

	if (!starts_with(entry->d_name, start))
		return 0;
	ino = strtoull(entry->d_name + strlen(start), &end, 16);
	index = *end == '.' ? strtoul(end + 1, NULL, 10) : SHMIPC_KSEMS_MAX;
	if (index >= SHMIPC_KSEMS_MAX)
		return 0;
	posix_ksem_path(path, ino, (unsigned)index);
	/* It is ours only if we would write its name the same way. */
	if (strcmp(path + sizeof(POSIX_DIR "/") - 1, entry->d_name) != 0)
		return 0;
	r = is_left_alone(path);
	return r > 0 ? add_id(arg, ino, (unsigned)index) : r;
}

/* [K2] */
static int list_header(const struct dirent *entry, void *arg)
{
	if (!starts_with(entry->d_name, "shmipc.") ||
	    starts_with(entry->d_name, POSIX_SEM POSIX_KSEM))
		return 0;
	return add_id(arg, entry->d_ino, 0);
}

static int gc_ksems(struct shmipc_gc *gc)
{
	struct ksem_ids ksems = { .of = NULL }, headers = { .of = NULL };
	int r;

	r = for_each_file(list_ksem, &ksems);
	if (r == 0)
		r = for_each_file(list_header, &headers);
	if (r == 0 && headers.count)
		qsort(headers.of, headers.count, sizeof(*headers.of),
		      compare_inodes);
	for (size_t i = 0; r == 0 && i < ksems.count && !gc->over; i++)
		if (!headers.count ||
		    !bsearch(&ksems.of[i], headers.of, headers.count,
			     sizeof(*headers.of), compare_inodes))
			gc_ksem(gc, &ksems.of[i]);
	free(headers.of);
	free(ksems.of);
	return r;
}

int posix_gc(void *conn, struct shmipc_gc *gc)
{
	int r;

	(void)conn;
	r = for_each_file(gc_file, gc);
	if (r < 0 || gc->over)
		return r < 0 ? r : 0;
	return gc_ksems(gc);
}
