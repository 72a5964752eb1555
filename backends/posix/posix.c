/* SPDX-License-Identifier: MIT */
/*
 * posix: shm_open(3) memory and sem_open(3) semaphores.
 *
 * One flat name space for all users of the machine, a tmpfs that is often too
 * small in containers (64 MB), and nothing that keeps a peer who may write an
 * object from truncating it under our feet (SIGBUS). In return it is
 * everywhere, and ls and rm work on it. Anybody can put a file where the place
 * of somebody's next semaphore would go, since inode numbers can be guessed:
 * then another inode is taken. The directory is sticky: only its owner and
 * root can take a name away, also that of a transient object that others used
 * last. glibc guards its list of semaphores with a lock that fork(2) does not
 * reset: a child forked while another thread was in sem_open(3) must not open
 * or close one.
 *
 * The files are described in posix/file.h, transient segments in
 * fdmem/usemark.h.
 *
 * Death. Before the link the system frees the file. Between the link of a
 * place and that of its segment the place stays, and no segment of that number
 * exists. In unlink, after the name is gone, a dead header stays, whose inode
 * still tells the place.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"
#include "backends/posix/posix.h"
#include "core/backend.h"

/*
 * On overlayfs users cannot be told (fdmem/usemark.h), and on others the number
 * of an inode is used again at once (posix/gc.c).
 */
static bool is_tmpfs(void)
{
	struct statfs fs;

	return statfs(POSIX_DIR, &fs) < 0 ||
	       (unsigned long)fs.f_type == TMPFS_MAGIC ||
	       (unsigned long)fs.f_type == RAMFS_MAGIC;
}

static int posix_probe(void)
{
	int fd;

	if (!is_tmpfs())
		return shmipc_backend_error(-ENOSYS, POSIX_DIR
					    " is no tmpfs; mount one on it");
	fd = posix_make_file(0600);

	if (fd == -ENFILE || fd == -EMFILE || fd == -ENOSPC || fd == -EDQUOT)
		return 0; /* says nothing about the backend */
	if (fd < 0)
		return shmipc_backend_error(-ENOSYS,
					    POSIX_DIR " cannot be used: %s",
					    strerror(-fd));
	close(fd);
	if (access("/proc/thread-self/fd", X_OK) < 0)
		return shmipc_backend_error(-ENOSYS, "/proc is not mounted");
	return 0;
}

/* shm_open(3) with its errors in our words. Returns a descriptor. */
static int open_segment(enum shmipc_kind kind, const char *name, int access)
{
	char path[POSIX_PATH_MAX];
	int fd;

	posix_segment_path(path, kind, name);
	/* O_NONBLOCK: a fifo in its place must not make us wait. */
	fd = shm_open(path + strlen(POSIX_DIR), access | O_NONBLOCK, 0);
	if (fd >= 0)
		return fd;
	switch (errno) {
	case ELOOP: /* a symbolic link: not followed */
	case EISDIR:
	case EINVAL: /* a directory, in glibc */
	case ENXIO:  /* a fifo or socket */
		return -EPROTO;
	default:
		return -errno;
	}
}

static int held_by_an_orphan(void)
{
	return shmipc_backend_error(-EACCES,
				    "the name is held by a transient object "
				    "that nobody uses any more, and only its "
				    "owner can take it away");
}

/* A transient segment has the name: is it in the way? */
static int clear_transient(enum shmipc_kind kind, const char *name, int fd,
			   bool writable)
{
	char path[POSIX_PATH_MAX];
	int r = usemark_look(fd);

	if (r == 0)
		return -EEXIST;
	if (r != -ESTALE)
		return r;
	if (!writable)
		return held_by_an_orphan();
	posix_segment_path(path, kind, name);
	r = posix_remove_orphan(kind, path, fd);
	if (r == -EACCES || r == -EPERM)
		return held_by_an_orphan();
	/* Somebody else did it, and perhaps made another one. */
	if (r == -ENOENT)
		return -EAGAIN;
	return r < 0 ? r : 1;
}

/*
 * A transient segment without a user may have the name: take it away. Returns
 * 0 if nothing has it, 1 if now nothing has it.
 *   -EEXIST  what has the name is something else
 *   -EACCES  it is somebody else's
 *   -EAGAIN  others are at it: start over
 */
static int clear_name(enum shmipc_kind kind, const char *name)
{
	int fd = open_segment(kind, name, O_RDWR), r;
	bool writable = fd != -EACCES;

	if (!writable)
		fd = open_segment(kind, name, O_RDONLY);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd == -EACCES || fd == -EPROTO ? -EEXIST : fd;
	r = fdmem_is_transient(fd, kind, name);
	if (r > 0)
		r = clear_transient(kind, name, fd, writable);
	else if (r == 0 || r == -EPROTO)
		r = -EEXIST;
	close(fd);
	return r;
}

static int make_segment(struct shmipc_segment *seg, size_t length, mode_t mode,
			unsigned flags)
{
	int fd, r;

	fd = posix_make_file(mode);
	if (fd < 0)
		return fd;
	r = fdmem_reserve(fd, length, flags, POSIX_DIR);
	if (r == 0)
		r = fdmem_map_new(seg, fd, length, mode, flags);
	if (r < 0) {
		close(fd);
		return r;
	}
	posix_of(seg)->mem.fd = fd + 1;
	return 0;
}

/*
 * Whether the name is taken, link(2) tells. Looking before pays where what
 * would be made in vain costs much more than a look. If it cannot be made, we
 * look after all: a taken name is to be refused as such, and an orphan may have
 * what is missing.
 */
static int posix_segment_create(struct shmipc_segment *seg, size_t length,
				mode_t mode, unsigned flags)
{
	bool small = seg->kind == SHMIPC_SHM && length <= FDMEM_SMALL;
	int taken, r;

	taken = small ? 0 : clear_name(seg->kind, seg->name);
	if (taken < 0)
		return taken;
	r = make_segment(seg, length, mode, flags);
	if (r == 0 || !small)
		return r;
	taken = clear_name(seg->kind, seg->name);
	if (taken < 0)
		return taken;
	return taken ? -EAGAIN : r;
}

static int posix_segment_publish(struct shmipc_segment *seg)
{
	struct posix *p = posix_of(seg);
	char path[POSIX_PATH_MAX];
	int r;

	posix_segment_path(path, seg->kind, seg->name);
	r = posix_link_file(p->mem.fd - 1, path);
	if (r == -EEXIST) {
		r = clear_name(seg->kind, seg->name);
		if (r >= 0)
			r = posix_link_file(p->mem.fd - 1, path);
	}
	if (r < 0)
		return r;
	close(p->mem.fd - 1);
	p->mem.fd = 0;
	posix_ksem_published(seg);
	p->published = true;
	return 0;
}

/*
 * A reader with bad intentions may have put a mark into what was removed
 * already, and we have joined him.
 */
static bool has_its_name(const struct shmipc_segment *seg)
{
	char path[POSIX_PATH_MAX];
	struct stat st;

	posix_segment_path(path, seg->kind, seg->name);
	return lstat(path, &st) == 0 && st.st_ino == posix_of(seg)->mem.ino;
}

static int posix_segment_open(struct shmipc_segment *seg, unsigned flags)
{
	bool writable = !(flags & SHMIPC_SEGMENT_RDONLY);
	const struct fdmem *mem = &posix_of(seg)->mem;
	int fd, r;

	fd = open_segment(seg->kind, seg->name, writable ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	r = fdmem_map(seg, fd, flags);
	if (r < 0) {
		close(fd);
		/* It has no user, or lost its last while we were in it. */
		if (mem->transient && !(flags & SHMIPC_SEGMENT_PEEK))
			(void)clear_name(seg->kind, seg->name);
		return r == -ESTALE ? -ENOENT : r;
	}
	posix_of(seg)->published = true;
	if (mem->transient && !mem->peeked && !has_its_name(seg)) {
		fdmem_unmap(seg);
		return -EAGAIN;
	}
	return 0;
}

/* Were we the last user of a transient segment? */
static void close_transient(struct shmipc_segment *seg)
{
	int fd = open_segment(seg->kind, seg->name, O_RDWR);
	char path[POSIX_PATH_MAX];

	/* Before its number can become another one's. */
	if (fd >= 0 && !fdmem_is_file_of(seg, fd)) {
		close(fd);
		fd = -1;
	}
	fdmem_unmap(seg);
	if (fd < 0)
		return;
	posix_segment_path(path, seg->kind, seg->name);
	(void)posix_remove_orphan(seg->kind, path, fd);
	close(fd);
}

static void posix_segment_close(struct shmipc_segment *seg)
{
	const struct posix *p = posix_of(seg);

	if (p->mem.transient && p->published && !p->mem.peeked)
		close_transient(seg);
	else
		fdmem_unmap(seg);
}

static int posix_segment_stat(struct shmipc_segment *seg,
			      struct shmipc_segment_stat *ret)
{
	return fdmem_stat(seg, ret);
}

/* Unlink what nobody else can take the name from meanwhile. */
static int unlink_transient(enum shmipc_kind kind, const char *path, int fd)
{
	struct stat st;
	int r;

	r = usemark_look(fd);
	if (r < 0)
		return r == -ESTALE ? -ENOENT : r;
	r = fstat(fd, &st) < 0 ? -errno : usemark_enter(fd);
	if (r < 0)
		return r == -EAGAIN ? -ENOENT : r;
	r = posix_remove(kind, path, &st);
	usemark_leave(fd);
	return r;
}

/* What we may not read can be judged from outside only. */
static int unlink_unread(enum shmipc_kind kind, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < SHMIPC_HEADER_SIZE)
		return -EPROTO;
	return st.st_mode & S_ISVTX ? -EACCES : posix_remove(kind, path, NULL);
}

static int posix_segment_unlink(void *conn, enum shmipc_kind kind,
				const char *name)
{
	char path[POSIX_PATH_MAX];
	int fd, r;

	(void)conn;
	posix_segment_path(path, kind, name);
	fd = open_segment(kind, name, O_RDONLY);
	if (fd < 0)
		return fd == -EACCES ? unlink_unread(kind, path) : fd;
	r = fdmem_is_transient(fd, kind, name);
	if (r > 0)
		r = unlink_transient(kind, path, fd);
	else if (r == 0)
		r = posix_remove(kind, path, NULL);
	close(fd);
	return r;
}

static int posix_segment_list(void *conn, enum shmipc_kind kind,
			      int (*found)(const char *name, void *arg),
			      void *arg)
{
	const char *start = posix_prefix(kind);
	size_t length = strlen(start);
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	(void)conn;
	dir = opendir(POSIX_DIR);
	if (!dir)
		return -errno;
	while (errno = 0, (entry = readdir(dir)))
		if (!strncmp(entry->d_name, start, length) &&
		    found(entry->d_name + length, arg))
			break;
	if (!entry)
		r = -errno;
	closedir(dir);
	return r;
}

const struct shmipc_backend shmi_backend_posix = {
	.abi = SHMIPC_BACKEND_ABI,
	.caps = SHMIPC_CAP_OTHER_USERS,
	.name = "posix",
	.objects = "shm_open(3), sem_open(3)",
	.segment_size = sizeof(struct posix),
	.probe = posix_probe,
	.segment_create = posix_segment_create,
	.segment_publish = posix_segment_publish,
	.segment_open = posix_segment_open,
	.segment_close = posix_segment_close,
	.segment_stat = posix_segment_stat,
	.segment_unlink = posix_segment_unlink,
	.segment_list = posix_segment_list,
	.gc = posix_gc,
	.ksem_create = posix_ksem_create,
	.ksem_open = posix_ksem_open,
	.ksem_wait = posix_ksem_wait,
	.ksem_post = posix_ksem_post,
	.ksem_close = posix_ksem_close,
	.ksem_remove = posix_ksem_remove,
};
