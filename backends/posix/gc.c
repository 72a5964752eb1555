/* SPDX-License-Identifier: MIT */
/*
 * What is certainly of no use any more in /dev/shm: orphans (fdmem/usemark.h),
 * dead headers, and places without a segment.
 *
 * A place without a segment is also what a live creator has for a moment. He
 * has a mark in it (place.c) until the segment has its name, so:
 *
 *   [K1] note the places without a mark
 *   [K2] then note the inodes of all headers
 *   [K3] remove those places whose inode is not among them
 *
 * Who was no live creator at K1 either is none any more and his segment has
 * its name, so K2 sees it, or he is dead. Inode numbers come from a counter: a
 * number is not used again between K1 and K3.
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
#include "backends/posix/posix.h"
#include "core/header.h"
#include "core/name.h"

/* A walk, and who is told. */
struct collector {
	int remove;
	int (*found)(const struct shmipc_info *, void *);
	void *arg;
	bool over;
};

/* Numbers of inodes, of files of one kind. */
struct inodes {
	uint64_t *of;
	size_t count, room;
};

static int note(struct inodes *list, uint64_t ino)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		uint64_t *more = reallocarray(list->of, room, sizeof(ino));

		if (!more)
			return -ENOMEM;
		list->of = more;
		list->room = room;
	}
	list->of[list->count++] = ino;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* facts: from its header, or NULL. */
static void tell(struct collector *c, enum shmipc_kind kind, const char *name,
		 const struct stat *st, const struct shmi_facts *facts)
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
	snprintf(info.name, sizeof(info.name), "%s", name);
	c->over = c->found(&info, c->arg) != 0;
}

/* The directory is sticky. */
static bool may_remove(const struct stat *st)
{
	return st->st_uid == geteuid() || geteuid() == 0;
}

/*
 * Open what may be garbage of ours. Returns a descriptor.
 *   -ENOENT  it is gone, or not ours to remove
 *   -EMFILE -ENOMEM
 */
static int open_to_look(const char *path, int access, struct stat *st)
{
	int fd = open(path, access | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM
			       ? -errno
			       : -ENOENT;
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || !may_remove(st)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int collect_orphan(struct collector *c, enum shmipc_kind kind,
			  const char *name)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_SIZE];
	char path[POSIX_PATH_MAX];
	struct shmi_facts facts;
	struct stat st;
	int fd;

	if (strlen(name) > SHMIPC_NAME_MAX)
		return 0;
	posix_segment_path(path, kind, name);
	/* For writing: a transient segment's owner may. */
	fd = open_to_look(path, O_RDWR, &st);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fdmem_is_transient(fd, kind, name) > 0 &&
	    usemark_look(fd) == -ESTALE &&
	    pread(fd, header, sizeof(header), 0) == sizeof(header) &&
	    shmi_header_check(header, (size_t)st.st_size, kind, name, &facts) ==
		    0 &&
	    (!c->remove || posix_remove_orphan(kind, path, fd) == 0))
		tell(c, kind, name, &st, &facts);
	close(fd);
	return 0;
}

static bool is_header(int fd, const struct stat *st)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_SIZE];
	char name[SHMIPC_NAME_MAX + 1];

	return pread(fd, header, sizeof(header), 0) == sizeof(header) &&
	       shmipc_segment_name(header, (size_t)st->st_size, SHMIPC_SEM,
				   name) == 0;
}

/* Whoever took it out of sight is dead, or about to do just this. */
static int collect_dead(struct collector *c, const char *file)
{
	char path[POSIX_PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), POSIX_DIR "/%s", file) >=
	    (int)sizeof(path))
		return 0;
	fd = open_to_look(path, O_RDONLY, &st);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (is_header(fd, &st)) {
		/* With another name it is not on its way out. */
		if (c->remove && st.st_nlink == 1)
			posix_remove_ksem(st.st_ino);
		if (c->remove)
			(void)unlink(path);
		tell(c, SHMIPC_SEM, file, &st, NULL);
	}
	close(fd);
	return 0;
}

/* [K1] Has this place no creator who lives? 0 or 1. */
static int is_left_alone(uint64_t ino)
{
	char path[POSIX_PATH_MAX];
	struct stat st;
	int fd, alone;

	posix_ksem_path(path, ino);
	fd = open_to_look(path, O_RDONLY, &st);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	alone = st.st_size == (off_t)sizeof(sem_t) &&
		usemark_look(fd) == -ESTALE;
	close(fd);
	return alone;
}

static void collect_ksem(struct collector *c, uint64_t ino)
{
	char path[POSIX_PATH_MAX];
	struct stat st;

	posix_ksem_path(path, ino);
	if (lstat(path, &st) < 0)
		return;
	if (c->remove && unlink(path) < 0)
		return;
	tell(c, SHMIPC_SEM, path + sizeof(POSIX_DIR "/") - 1, &st, NULL);
}

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* Call act() for each file of ours. */
static int walk(int (*act)(const struct dirent *entry, void *arg), void *arg)
{
	DIR *dir = opendir(POSIX_DIR);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	/* Half a directory must not pass for a whole one: K2 rests on it. */
	while (errno = 0, r == 0 && (entry = readdir(dir)))
		if (strstr(entry->d_name, "shmipc."))
			r = act(entry, arg);
	if (r == 0)
		r = -errno;
	closedir(dir);
	return r;
}

static int collect_file(const struct dirent *entry, void *arg)
{
	struct collector *c = arg;
	int r = 0;

	for (size_t i = 0; i < SHMI_KINDS && r == 0 && !c->over; i++) {
		const char *prefix = posix_prefix(shmi_kinds[i]);

		if (starts_with(entry->d_name, prefix))
			r = collect_orphan(c, shmi_kinds[i],
					   entry->d_name + strlen(prefix));
	}
	if (starts_with(entry->d_name, POSIX_DEAD))
		r = collect_dead(c, entry->d_name);
	return r < 0 ? r : c->over;
}

static int note_ksem(const struct dirent *entry, void *arg)
{
	const char *start = POSIX_SEM POSIX_KSEM;
	char file[POSIX_PATH_MAX];
	uint64_t ino;
	int r;

	if (!starts_with(entry->d_name, start))
		return 0;
	ino = strtoull(entry->d_name + strlen(start), NULL, 16);
	posix_ksem_path(file, ino);
	/* Not one of ours, unless we would write it the same way. */
	if (strcmp(file + sizeof(POSIX_DIR "/") - 1, entry->d_name) != 0)
		return 0;
	r = is_left_alone(ino);
	return r > 0 ? note(arg, ino) : r;
}

static int note_header(const struct dirent *entry, void *arg)
{
	if (starts_with(entry->d_name, posix_prefix(SHMIPC_SEM)) ||
	    starts_with(entry->d_name, POSIX_DEAD))
		return note(arg, entry->d_ino);
	return 0;
}

static int collect_ksems(struct collector *c)
{
	struct inodes ksems = { .of = NULL }, headers = { .of = NULL };
	int r;

	r = walk(note_ksem, &ksems);
	if (r == 0)
		r = walk(note_header, &headers);
	if (r == 0 && headers.count)
		qsort(headers.of, headers.count, sizeof(uint64_t), compare);
	for (size_t i = 0; r == 0 && i < ksems.count && !c->over; i++)
		if (!headers.count ||
		    !bsearch(&ksems.of[i], headers.of, headers.count,
			     sizeof(uint64_t), compare))
			collect_ksem(c, ksems.of[i]);
	free(headers.of);
	free(ksems.of);
	return r;
}

int posix_gc(void *conn, int remove,
	     int (*found)(const struct shmipc_info *info, void *arg), void *arg)
{
	struct collector c = { .remove = remove, .found = found, .arg = arg };
	int r;

	(void)conn;
	r = walk(collect_file, &c);
	if (r < 0 || c.over)
		return r < 0 ? r : 0;
	return collect_ksems(&c);
}
