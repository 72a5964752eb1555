/* SPDX-License-Identifier: MIT */
/*
 * A fourth backend, written from <shmipc-backend.h> alone: plain files in the
 * directory $SHMIPC_TEST_DIR, and pipes to sleep on. It shows that the table
 * is all that a backend is; the conformance suite runs on it as on the others.
 *
 * Its directory stands for a mount of any kind, so it uses no O_TMPFILE: files
 * are made under a name of their own and brought into sight with link(2).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/backend_file.h"

#define USERS ((off_t)1 << 60)

const char *file_directory(void)
{
	const char *dir = getenv("SHMIPC_TEST_DIR");

	return dir ? dir : "/nonexistent";
}

static void path_of(char path[FILE_PATH_MAX],
		    const struct shmipc_kind_info *kind, const char *name)
{
	snprintf(path, FILE_PATH_MAX, "%s/%s.%s", file_directory(), kind->name,
		 name);
}

/* A path that nobody else uses. */
static int own_path(char path[FILE_PATH_MAX], const char *word)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	snprintf(path, FILE_PATH_MAX, "%s/%s.%016" PRIx64, file_directory(),
		 word, random);
	return 0;
}

static int file_probe(void)
{
	if (access(file_directory(), W_OK | X_OK) == 0)
		return 0;
	return shmipc_backend_error(-ENOSYS, "SHMIPC_TEST_DIR: %s",
				    strerror(errno));
}

static unsigned count_users(int fd, off_t start, off_t end)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_start = start,
			      .l_len = end - start };

	if (start == end)
		return 0;
	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		return 1; /* to be on the safe side */
	if (lock.l_type == F_UNLCK)
		return 0;
	return 1 + count_users(fd, start, lock.l_start) +
	       count_users(fd, lock.l_start + 1, end);
}

static unsigned users_of(int fd)
{
	return count_users(fd, USERS, USERS << 1);
}

/* Count the caller in. The lock lasts as long as a mapping of its file. */
static int join(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_len = 1 };
	uint64_t at;

	if (getrandom(&at, sizeof(at), 0) != sizeof(at))
		return -errno;
	lock.l_start = USERS + (off_t)(at >> 5);
	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int map_file(struct shmipc_segment *seg, int fd, size_t length,
		    int protection)
{
	seg->addr = mmap(NULL, length, protection, MAP_SHARED, fd, 0);
	if (seg->addr == MAP_FAILED)
		return -errno;
	seg->length = length;
	return 0;
}

static int file_segment_create(struct shmipc_segment *seg, size_t length,
			       mode_t mode, unsigned flags)
{
	char *made = file_of(seg)->made;
	struct stat st;
	int fd, r;

	if (length >> 20 >> 20) /* of a terabyte and more */
		return shmipc_backend_error(-ENOSPC, "%s is not that large",
					    file_directory());
	r = own_path(made, "new");
	if (r < 0)
		return r;
	fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = flags & SHMIPC_SEGMENT_LAZY
		    ? (ftruncate(fd, (off_t)length) < 0 ? -errno : 0)
		    : -posix_fallocate(fd, 0, (off_t)length);
	if (r == 0 && (fchmod(fd, mode) < 0 || fstat(fd, &st) < 0))
		r = -errno;
	if (r == 0)
		r = join(fd);
	if (r == 0)
		r = map_file(seg, fd, length, PROT_READ | PROT_WRITE);
	if (r < 0) {
		close(fd);
		unlink(made);
		return r;
	}
	file_of(seg)->fd = fd + 1;
	file_of(seg)->ino = st.st_ino;
	file_of(seg)->transient = flags & SHMIPC_SEGMENT_TRANSIENT;
	return 0;
}

/* Out of sight first: what is looked at must be what is unlinked. */
static int remove_file(const struct shmipc_kind_info *kind, const char *path)
{
	char dead[FILE_PATH_MAX];
	struct stat st;
	int r;

	r = own_path(dead, "dead");
	if (r < 0)
		return r;
	if (rename(path, dead) < 0)
		return errno == EPERM ? -EACCES : -errno;
	if (kind->ksems && stat(dead, &st) == 0)
		file_remove_pipes(st.st_ino);
	(void)unlink(dead); /* the name is gone, and that was asked */
	return 0;
}

/*
 * A transient file without a user is gone. A process that looks for that, and
 * joins or removes it then, holds flock(2) on it meanwhile, as does a process
 * that unlinks it; so the path still leads to it, if it did before.
 */
static bool is_gone(int fd, const void *header)
{
	return shmipc_segment_is_transient(header) && users_of(fd) == 0;
}

static bool leads_to(const char *path, int fd)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 &&
	       here.st_ino == there.st_ino;
}

static void remove_gone(const struct shmipc_kind_info *kind, const char *path,
			int fd)
{
	if (leads_to(path, fd))
		(void)remove_file(kind, path);
}

/* Remove what has this name, if it is gone. */
static void clear_path(const struct shmipc_kind_info *kind, const char *name)
{
	_Alignas(8) char header[SHMIPC_HEADER_LOOK];
	char path[FILE_PATH_MAX];
	int fd;

	path_of(path, kind, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pread(fd, header, sizeof(header), 0) == sizeof(header) &&
	    shmipc_segment_look(header, SIZE_MAX, kind->kind, name) == 0 &&
	    flock(fd, LOCK_EX) == 0) {
		if (is_gone(fd, header))
			remove_gone(kind, path, fd);
		flock(fd, LOCK_UN);
	}
	close(fd);
}

static int file_segment_publish(struct shmipc_segment *seg)
{
	char path[FILE_PATH_MAX];

	path_of(path, seg->kind, seg->name);
	clear_path(seg->kind, seg->name);
	if (link(file_of(seg)->made, path) < 0)
		/* ENOENT: it was collected before it was locked. */
		return errno == ENOENT ? -EAGAIN : -errno;
	unlink(file_of(seg)->made);
	file_of(seg)->made[0] = '\0';
	file_drop(&file_of(seg)->fd);
	return 0;
}

/* Become a user of a mapped file. In a transient one, there must be others. */
static int join_mapped(struct shmipc_segment *seg, int fd, const char *path)
{
	bool peek = file_of(seg)->peeked;
	int r;

	if (shmipc_segment_look(seg->addr, seg->length, seg->kind->kind,
				seg->name))
		return 0; /* the core says what is wrong */
	file_of(seg)->transient = shmipc_segment_is_transient(seg->addr);
	if (!file_of(seg)->transient)
		return peek ? 0 : join(fd);
	if (flock(fd, LOCK_EX) < 0)
		return -errno;
	if (users_of(fd) == 0) {
		if (!peek)
			remove_gone(seg->kind, path, fd);
		r = -ENOENT;
	} else {
		r = peek ? 0 : join(fd);
	}
	flock(fd, LOCK_UN);
	return r;
}

static int file_segment_open(struct shmipc_segment *seg, unsigned flags)
{
	bool writable = !(flags & SHMIPC_SEGMENT_RDONLY);
	bool peek = flags & SHMIPC_SEGMENT_PEEK;
	char path[FILE_PATH_MAX];
	struct stat st;
	int fd, r;

	path_of(path, seg->kind, seg->name);
	fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && st.st_size < SHMIPC_HEADER_SIZE)
		r = -EPROTO;
	if (r == 0)
		r = map_file(seg, fd, (size_t)st.st_size,
			     PROT_READ | (writable ? PROT_WRITE : 0));
	file_of(seg)->peeked = peek;
	if (r == 0) {
		r = join_mapped(seg, fd, path);
		if (r < 0)
			munmap(seg->addr, seg->length);
	}
	if (r < 0 || !peek)
		close(fd);
	else
		file_of(seg)->fd = fd + 1;
	file_of(seg)->ino = st.st_ino;
	return r;
}

static void file_segment_close(struct shmipc_segment *seg)
{
	bool published = !file_of(seg)->made[0];

	if (!published)
		unlink(file_of(seg)->made);
	file_drop(&file_of(seg)->fd);
	munmap(seg->addr, seg->length);
	if (published && file_of(seg)->transient && !file_of(seg)->peeked)
		clear_path(seg->kind, seg->name);
}

static int file_segment_stat(struct shmipc_segment *seg,
			     struct shmipc_segment_stat *ret)
{
	struct stat st;

	if (fstat(file_of(seg)->fd - 1, &st) < 0)
		return -errno;
	ret->mode = st.st_mode & 0777;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->attached = users_of(file_of(seg)->fd - 1);
	ret->in_use = ret->attached > 0;
	return 0;
}

/* Unlink what can be read, with flock(2) on it. */
static int unlink_locked(const struct shmipc_kind_info *kind, const char *name,
			 const char *path, int fd)
{
	_Alignas(8) char header[SHMIPC_HEADER_LOOK];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
	    shmipc_segment_look(header, (size_t)st.st_size, kind->kind, name) !=
		    0)
		return -EPROTO;
	if (is_gone(fd, header) || !leads_to(path, fd))
		return -ENOENT;
	return remove_file(kind, path);
}

static int file_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
			       const char *name)
{
	char path[FILE_PATH_MAX];
	int fd, r;

	(void)conn;
	path_of(path, kind, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? remove_file(kind, path) : -errno;
	if (flock(fd, LOCK_EX) < 0) {
		r = -errno;
	} else {
		r = unlink_locked(kind, name, path, fd);
		flock(fd, LOCK_UN);
	}
	close(fd);
	return r;
}

static int yield(struct shmipc_segment *seg, const char *name,
		 int (*found)(struct shmipc_segment *, void *), void *arg)
{
	int over;

	seg->name = name;
	if (file_segment_open(seg,
			      SHMIPC_SEGMENT_PEEK | SHMIPC_SEGMENT_RDONLY) < 0)
		return 0;
	over = found(seg, arg);
	file_segment_close(seg);
	memset(seg->priv, 0, sizeof(struct file));
	return over;
}

/* The name of an object of this kind in that of a file, or NULL. */
static const char *name_in(const char *file,
			   const struct shmipc_kind_info *kind)
{
	size_t length = strlen(kind->name);

	return !strncmp(file, kind->name, length) && file[length] == '.' &&
			       shmipc_name_is_valid(file + length + 1)
		       ? file + length + 1
		       : NULL;
}

static const struct shmipc_kind_info *kind_of(const char *file)
{
	const struct shmipc_kind_info *kind;

	for (unsigned i = 0; (kind = shmipc_kind_at(i)); i++)
		if (name_in(file, kind))
			return kind;
	return NULL;
}

static int file_segment_list(struct shmipc_segment *seg,
			     int (*found)(struct shmipc_segment *, void *),
			     void *arg)
{
	struct dirent *entry;
	DIR *dir;

	dir = opendir(file_directory());
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		seg->kind = kind_of(entry->d_name);
		if (seg->kind &&
		    yield(seg, name_in(entry->d_name, seg->kind), found, arg))
			break;
	}
	closedir(dir);
	return 0;
}

static bool inode_is_there(uint64_t ino)
{
	DIR *dir = opendir(file_directory());
	struct dirent *entry;
	bool there = false;

	if (!dir)
		return true; /* to be on the safe side */
	while (errno = 0, !there && (entry = readdir(dir)))
		there = entry->d_ino == ino &&
			strncmp(entry->d_name, "pipe.", 5) != 0;
	there |= errno != 0;
	closedir(dir);
	return there;
}

static bool is_unlocked(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool unlocked = fd >= 0 && users_of(fd) == 0;

	if (fd >= 0)
		close(fd);
	return unlocked;
}

static bool is_transient_and_gone(const char *path)
{
	_Alignas(8) char header[SHMIPC_HEADER_LOOK];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool gone = fd >= 0 &&
		    pread(fd, header, sizeof(header), 0) == sizeof(header) &&
		    is_gone(fd, header);

	if (fd >= 0)
		close(fd);
	return gone;
}

/* Orphans, and what creators and unlinkers left that died half way. */
static bool is_garbage(const char *file, const char *path)
{
	if (!strncmp(file, "new.", 4))
		return is_unlocked(path);
	if (!strncmp(file, "pipe.", 5))
		return !inode_is_there(strtoull(file + 5, NULL, 10));
	if (kind_of(file))
		return is_transient_and_gone(path);
	return !strncmp(file, "dead.", 5);
}

static void gc_file(struct shmipc_gc *gc, const char *file)
{
	const struct shmipc_kind_info *kind = kind_of(file);
	struct shmipc_info info = { .kind = SHMIPC_SEM };
	char path[FILE_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", file_directory(), file);
	if (lstat(path, &st) < 0 || !is_garbage(file, path))
		return;
	if (kind) {
		info.kind = kind->kind;
		file = name_in(file, kind);
	}
	if (gc->remove) {
		if (kind)
			clear_path(kind, file);
		else if (unlink(path) < 0)
			return;
		file_remove_pipes(st.st_ino);
	}
	info.uid = st.st_uid;
	snprintf(info.name, sizeof(info.name), "%.*s", SHMIPC_NAME_MAX, file);
	shmipc_gc_found(gc, &info);
}

static int file_gc(void *conn, struct shmipc_gc *gc)
{
	struct dirent *entry;
	DIR *dir;

	(void)conn;
	dir = opendir(file_directory());
	if (!dir)
		return -errno;
	while (!gc->over && (entry = readdir(dir)))
		gc_file(gc, entry->d_name);
	closedir(dir);
	return 0;
}

const struct shmipc_backend file_backend = {
	.abi = SHMIPC_BACKEND_ABI,
	.caps = SHMIPC_CAP_OTHER_USERS,
	.name = "file",
	.objects = "open(2), mkfifo(3)",
	.segment_size = sizeof(struct file),
	.probe = file_probe,
	.segment_create = file_segment_create,
	.segment_publish = file_segment_publish,
	.segment_open = file_segment_open,
	.segment_close = file_segment_close,
	.segment_stat = file_segment_stat,
	.segment_unlink = file_segment_unlink,
	.segment_list = file_segment_list,
	.gc = file_gc,
	.ksem_create = file_ksem_create,
	.ksem_open = file_ksem_open,
	.ksem_wait = file_ksem_wait,
	.ksem_post = file_ksem_post,
	.ksem_close = file_ksem_close,
	.ksem_remove = file_ksem_remove,
};
