/* SPDX-License-Identifier: MIT */
/*
 * posix: shm_open(3) memory and sem_open(3) semaphores.
 *
 * It is everywhere, and ls and rm work on it. In return it has one flat name
 * space for all users of the machine, a tmpfs that is often too small in
 * containers (64 MB), and nothing that keeps a peer with write permission from
 * truncating an object while we use it (SIGBUS). Any user can put a file where
 * the ksem of another user's next semaphore would go, since inode numbers can
 * be guessed: then another inode is taken. The directory is sticky: only its
 * owner and root can remove a name, even that of a transient object whose last
 * user was somebody else. glibc guards its list of semaphores with a lock that
 * fork(2) does not reset: a child forked while another thread was in
 * sem_open(3) must not open or close a semaphore.
 *
 * posix/file.h describes the files, fdmem/usemark.h transient segments.
 *
 * Death. Before the link the system frees the file. Between the link of a ksem
 * and that of its segment the ksem stays, and no segment of that number exists.
 * In unlink, after the name is gone, a dead header stays, whose inode still
 * tells the ksems.
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
#include "backends/posix/gc.h"
#include "backends/posix/ksem.h"
#include "backends/posix/posix.h"
#include "backends/posix/state.h"

/*
 * On overlayfs use marks do not work (fdmem/usemark.h), and other file systems
 * use the number of an inode again at once (posix/gc.c).
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

/* shm_open(3) with the codes of the contract. Returns a descriptor. */
static int posix_open_file(const struct shmipc_kind_info *kind,
			   const char *name, int access)
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

static int held_by_orphan(void)
{
	return shmipc_backend_error(-EACCES,
				    "the name is held by a transient object "
				    "that has no user any more, and only its "
				    "owner can remove it");
}

/* A transient segment has the name. Remove it if it is an orphan. */
static int clear_orphan(const struct shmipc_kind_info *kind, const char *name,
			int fd, bool writable)
{
	char path[POSIX_PATH_MAX];
	int r = usemark_look(fd);

	if (r == 0)
		return -EEXIST;
	if (r != -ESTALE)
		return r;
	if (!writable)
		return held_by_orphan();
	posix_segment_path(path, kind, name);
	r = posix_remove_orphan(kind, path, fd);
	if (r == -EACCES || r == -EPERM)
		return held_by_orphan();
	/* Another process removed it, and perhaps made another one. */
	if (r == -ENOENT)
		return -EAGAIN;
	return r < 0 ? r : 1;
}

/*
 * Remove an orphan that has the name. Returns 0 if nothing had the name, 1 if
 * an orphan had it.
 *   -EEXIST  something else has the name
 *   -EACCES  only another user can remove the orphan
 *   -EAGAIN  another process is removing it: start over
 */
static int clear_name(const struct shmipc_kind_info *kind, const char *name)
{
	int fd = posix_open_file(kind, name, O_RDWR), r;
	bool writable = fd != -EACCES;

	if (!writable)
		fd = posix_open_file(kind, name, O_RDONLY);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd == -EACCES || fd == -EPROTO ? -EEXIST : fd;
	r = fdmem_is_transient(fd, kind, name);
	if (r > 0)
		r = clear_orphan(kind, name, fd, writable);
	else if (r == 0 || r == -EPROTO)
		r = -EEXIST;
	close(fd);
	return r;
}

static int posix_make_segment(struct shmipc_segment *seg, size_t length,
			      mode_t mode, unsigned flags)
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
 * link(2) tells whether the name is taken. Looking before that pays only where
 * making the segment costs much more than a look. If it cannot be made, we look
 * after all: a taken name must be refused as such, and removing an orphan may
 * free what is missing.
 */
static int posix_segment_create(struct shmipc_segment *seg, size_t length,
				mode_t mode, unsigned flags)
{
	bool small = !seg->kind->ksems && length <= FDMEM_SMALL;
	int taken, r;

	taken = small ? 0 : clear_name(seg->kind, seg->name);
	if (taken < 0)
		return taken;
	r = posix_make_segment(seg, length, mode, flags);
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
 * A hostile reader may have put a use mark into a segment that was removed
 * already, and we have joined it.
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

	fd = posix_open_file(seg->kind, seg->name,
			     writable ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	r = fdmem_map(seg, fd, flags);
	if (r < 0) {
		close(fd);
		/* It has no user, or lost its last one while we joined. */
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

/* Leave a transient segment; its last user removes it. */
static void posix_close_transient(struct shmipc_segment *seg)
{
	int fd = posix_open_file(seg->kind, seg->name, O_RDWR);
	char path[POSIX_PATH_MAX];

	/* Compare before the unmap, after which its number may be reused. */
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
		posix_close_transient(seg);
	else
		fdmem_unmap(seg);
}

static int posix_segment_stat(struct shmipc_segment *seg,
			      struct shmipc_segment_stat *ret)
{
	return fdmem_stat(seg, ret);
}

/* Unlink while the use marks keep other processes from removing it. */
static int unlink_transient(const struct shmipc_kind_info *kind,
			    const char *path, int fd)
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

/* A file that we may not read is judged by its size alone. */
static int unlink_unread(const struct shmipc_kind_info *kind, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < SHMIPC_HEADER_SIZE)
		return -EPROTO;
	return st.st_mode & S_ISVTX ? -EACCES : posix_remove(kind, path, NULL);
}

static int posix_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
				const char *name)
{
	char path[POSIX_PATH_MAX];
	int fd, r;

	(void)conn;
	posix_segment_path(path, kind, name);
	fd = posix_open_file(kind, name, O_RDONLY);
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

/* Yield one file, if it can be opened. Returns what found() says. */
static int yield(struct shmipc_segment *seg,
		 int (*found)(struct shmipc_segment *seg, void *arg), void *arg)
{
	int over;

	if (posix_segment_open(seg, SHMIPC_SEGMENT_PEEK |
					    SHMIPC_SEGMENT_RDONLY |
					    SHMIPC_SEGMENT_NOWAIT) < 0)
		return 0;
	over = found(seg, arg);
	posix_segment_close(seg);
	memset(seg->priv, 0, sizeof(struct posix));
	return over;
}

static int posix_segment_list(struct shmipc_segment *seg,
			      int (*found)(struct shmipc_segment *seg,
					   void *arg),
			      void *arg)
{
	struct dirent *entry;
	int r = 0;
	DIR *dir;

	dir = opendir(POSIX_DIR);
	if (!dir)
		return -errno;
	while (errno = 0, (entry = readdir(dir))) {
		seg->kind = posix_kind_of(entry->d_name, &seg->name);
		if (seg->kind && yield(seg, found, arg))
			break;
	}
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
