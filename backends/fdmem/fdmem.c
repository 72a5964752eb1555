/* SPDX-License-Identifier: MIT */
/* Shared memory behind a file descriptor: reserving it and mapping it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/fdmem/fdmem.h"
#include "backends/fdmem/usemark.h"
#include "util/huge.h"
#include "util/limits.h"

/* The bytes that one call allocates. */
#define PIECE ((size_t)64 << 20)

/*
 * Limits that the kernel reports with a signal (SIGXFSZ), or not at all: memory
 * outside a mount of limited size is handed out until the out-of-memory killer
 * runs.
 */
static int check_limits(size_t length, bool lazy)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && length > limit.rlim_cur)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than RLIMIT_FSIZE allows "
			"(%llu); raise it with ulimit -f",
			length, (unsigned long long)limit.rlim_cur);
	return lazy ? 0 : shmi_limits_check(length);
}

static int no_room(size_t length, const char *where)
{
	return shmipc_backend_error(
		-ENOSPC,
		"%s has no room for %zu bytes; make it larger or "
		"remove what is not needed",
		where, length);
}

/*
 * Calls fallocate(2), which also extends the file, again after a signal. Old
 * kernels undo an interrupted call, so with a timer a large file would never be
 * finished: we allocate it in pieces.
 */
static int allocate(int fd, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t n = length - at < PIECE ? length - at : PIECE;

		if (fallocate(fd, 0, (off_t)at, (off_t)n) == 0)
			at += n;
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

/* A lazy file gets only its header's page: that will be written. */
static int extend(int fd, size_t length, bool lazy)
{
	if (!lazy)
		return allocate(fd, length);
	if (ftruncate(fd, (off_t)length) < 0)
		return -1;
	return allocate(fd, SHMIPC_HEADER_SIZE);
}

/*
 * Uses a mapping of its own, because the final one belongs to another
 * description. Failures are ignored: fallocate(2) reports them.
 */
static void reserve_huge(int fd, size_t length)
{
	void *hint = shmi_prefault_hint(length), *addr;

	if (!hint || ftruncate(fd, (off_t)length) < 0)
		return;
	addr = mmap(hint, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED)
		return;
	shmi_prefault_huge(addr, length);
	munmap(addr, length);
}

int fdmem_reserve(int fd, size_t length, unsigned flags, const char *where)
{
	bool lazy = flags & SHMIPC_SEGMENT_LAZY;
	int r = check_limits(length, lazy);

	if (r < 0)
		return r;
	if (flags & SHMIPC_SEGMENT_PREFAULT)
		reserve_huge(fd, length);
	if (extend(fd, length, lazy) == 0)
		return 0;
	switch (errno) {
	case ENOSPC:
	case EFBIG:
	case EDQUOT:
	case ENOMEM:
		return no_room(length, where);
	case EOPNOTSUPP:
		return -EIO; /* not one of our file systems */
	default:
		return -errno;
	}
}

/*
 * thread-self: /proc/self/fd does not exist after the main thread's
 * pthread_exit().
 */
static int open_in_proc(const char *what, int fd, int access)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/thread-self/%s/%d", what, fd);
	fd = open(path, access | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return shmipc_backend_error(-EIO, "/proc is not mounted");
	return fd < 0 ? -errno : fd;
}

int fdmem_reopen(int fd, int access)
{
	return open_in_proc("fd", fd, access);
}

int fdmem_read_info(int fd, char ret[FDMEM_INFO])
{
	ssize_t n;
	int r = 0;

	fd = open_in_proc("fdinfo", fd, O_RDONLY);
	if (fd < 0)
		return fd;
	n = read(fd, ret, FDMEM_INFO - 1);
	if (n < 0)
		r = -errno;
	close(fd);
	ret[n < 0 ? 0 : n] = '\0';
	return r;
}

static struct fdmem *fdmem_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

/* flags: 0 or MAP_POPULATE */
static int map(struct shmipc_segment *seg, int fd, void *hint, size_t length,
	       bool writable, int flags)
{
	int protection = PROT_READ | (writable ? PROT_WRITE : 0);
	void *addr = mmap(hint, length, protection, MAP_SHARED | flags, fd, 0);

	if (addr == MAP_FAILED)
		return shmi_limits_mapping(errno);
	seg->addr = addr;
	seg->length = length;
	return 0;
}

static void note_file(struct shmipc_segment *seg, const struct stat *st)
{
	fdmem_of(seg)->dev = st->st_dev;
	fdmem_of(seg)->ino = st->st_ino;
	fdmem_of(seg)->transient = st->st_mode & S_ISVTX;
}

bool fdmem_is_file_of(const struct shmipc_segment *seg, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == fdmem_of(seg)->dev &&
	       st.st_ino == fdmem_of(seg)->ino;
}

/* The mode is often right already, and we need the inode anyhow. */
static int set_mode(int fd, mode_t mode, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return -errno;
	if ((st->st_mode & ~(mode_t)S_IFMT) == mode)
		return 0;
	st->st_mode = (st->st_mode & S_IFMT) | mode;
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

int fdmem_map_new(struct shmipc_segment *seg, int fd, size_t length,
		  mode_t mode, unsigned flags)
{
	bool at_once = length <= FDMEM_SMALL && !(flags & SHMIPC_SEGMENT_LAZY);
	void *hint = NULL;
	struct stat st;
	int r;

	r = set_mode(fd,
		     mode | (flags & SHMIPC_SEGMENT_TRANSIENT ? S_ISVTX : 0),
		     &st);
	if (r < 0)
		return r;
	note_file(seg, &st);
	r = usemark_set(fd);
	if (r < 0)
		return r;
	if (flags & SHMIPC_SEGMENT_PREFAULT)
		hint = shmi_prefault_hint(length);
	/* MAP_POPULATE fails silently, but the pages are reserved. */
	r = map(seg, fd, hint, length, true, at_once ? MAP_POPULATE : 0);
	if (r == 0 && fdmem_of(seg)->keeps)
		fdmem_of(seg)->fd = fd + 1;
	return r;
}

/*
 * Get an opened file's attributes, and check that it can be a segment.
 *   -EPROTO  it cannot
 */
static int look_outside(int fd, struct stat *ret)
{
	if (fstat(fd, ret) < 0)
		return -errno;
	if (!S_ISREG(ret->st_mode))
		return shmipc_backend_error(
			-EPROTO, "what is there is not a regular file; it was "
				 "left as it is");
	if (ret->st_size < SHMIPC_HEADER_SIZE ||
	    (uint64_t)ret->st_size > PTRDIFF_MAX)
		return shmipc_backend_error(
			-EPROTO, "what is there is too short to be ours; it "
				 "was left as it is");
	return 0;
}

/* name "": any name; the core checks kind and name later. */
static int look_inside(const void *header, size_t length,
		       const struct shmipc_kind_info *kind, const char *name)
{
	struct shmipc_segment_facts facts;

	if (*name)
		return shmipc_segment_look(header, length, kind->kind, name);
	return shmipc_segment_identify(header, length, &facts);
}

/*
 * Read length bytes of a header without mapping it, and check them: a
 * stranger's file may be of any size, and touching a hole in it when the mount
 * is full raises SIGBUS.
 */
static int read_header(int fd, const struct stat *st,
		       const struct shmipc_kind_info *kind, const char *name,
		       void *to, size_t length)
{
	bool transient = st->st_mode & S_ISVTX;

	if (pread(fd, to, length, 0) != (ssize_t)length ||
	    look_inside(to, (size_t)st->st_size, kind, name) != 0)
		return -EPROTO;
	if (shmipc_segment_is_transient(to) != transient)
		return shmipc_backend_error(
			-EPROTO, "its header and its file do not agree whether "
				 "it is transient; it was left as it is");
	return 0;
}

int fdmem_is_transient(int fd, const struct shmipc_kind_info *kind,
		       const char *name)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];
	struct stat st;
	int r;

	r = look_outside(fd, &st);
	if (r == 0)
		r = read_header(fd, &st, kind, name, header, sizeof(header));
	return r < 0 ? r : (st.st_mode & S_ISVTX) != 0;
}

/* A private copy of the header, in a page of its own. */
static int map_copy(struct shmipc_segment *seg, int fd, const struct stat *st)
{
	void *page = mmap(NULL, SHMIPC_HEADER_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (page == MAP_FAILED)
		return shmi_limits_mapping(errno);
	r = read_header(fd, st, seg->kind, seg->name, page, SHMIPC_HEADER_SIZE);
	if (r == 0 && fdmem_of(seg)->transient)
		r = usemark_look(fd);
	if (r < 0) {
		munmap(page, SHMIPC_HEADER_SIZE);
		return r;
	}
	seg->addr = page;
	seg->length = (size_t)st->st_size;
	fdmem_of(seg)->peeked = true;
	fdmem_of(seg)->fd = fd + 1;
	return 0;
}

static int map_all(struct shmipc_segment *seg, int fd, const struct stat *st,
		   bool writable)
{
	char *header = fdmem_of(seg)->header;
	int r;

	r = read_header(fd, st, seg->kind, seg->name, header,
			SHMIPC_HEADER_LOOK);
	if (r < 0)
		return r;
	if (!fdmem_of(seg)->marked)
		r = fdmem_of(seg)->transient ? usemark_join(fd)
					     : usemark_set(fd);
	if (r == 0)
		r = map(seg, fd, NULL, (size_t)st->st_size, writable, 0);
	if (r < 0)
		return r;
	seg->header = header;
	if (fdmem_of(seg)->keeps)
		fdmem_of(seg)->fd = fd + 1;
	else
		close(fd);
	return 0;
}

int fdmem_map(struct shmipc_segment *seg, int fd, unsigned flags)
{
	struct stat st;
	int r;

	r = look_outside(fd, &st);
	if (r < 0)
		return r;
	note_file(seg, &st);
	if (flags & SHMIPC_SEGMENT_PEEK)
		return map_copy(seg, fd, &st);
	return map_all(seg, fd, &st, !(flags & SHMIPC_SEGMENT_RDONLY));
}

/* ---- passing descriptors ------------------------------------------------ */

static int access_of(unsigned flags)
{
	return flags & SHMIPC_SEGMENT_RDONLY ? O_RDONLY : O_RDWR;
}

/* Another descriptor of the same description. */
static int share(int fd)
{
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int fdmem_export(const struct shmipc_segment *seg, unsigned flags)
{
	int kept = fdmem_of(seg)->fd - 1;
	int fd, r;

	/* Never export an unrelated, perhaps secret, file of the program. */
	if (!fdmem_is_file_of(seg, kept))
		return shmipc_backend_error(
			-EBADF, "the program has closed the descriptor that "
				"the library keeps for it");
	fd = fdmem_reopen(kept, access_of(flags));
	/* A descriptor kept for reading may be open for more: not that. */
	if (fd == -EACCES &&
	    (fcntl(kept, F_GETFL) & O_ACCMODE) == access_of(flags))
		return share(kept);
	if (fd < 0)
		return fd;
	r = usemark_set(fd);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* fcntl(2) does not report a description's own locks; fdinfo lists them. */
static int has_use_mark(int fd)
{
	char info[FDMEM_INFO];
	int r = fdmem_read_info(fd, info);

	return r < 0 ? r : strstr(info, "OFDLCK") != NULL;
}

/* Get a description to map: our own, or the imported one. */
static int open_import(struct shmipc_segment *seg, int fd, int access)
{
	int own = fdmem_reopen(fd, access);
	int r;

	if (own != -EACCES)
		return own;
	own = share(fd);
	if (own < 0)
		return own;
	r = has_use_mark(own);
	if (r < 0) {
		close(own);
		return r;
	}
	fdmem_of(seg)->marked = r;
	return own;
}

int fdmem_import(struct shmipc_segment *seg, int fd, unsigned flags)
{
	int access = fcntl(fd, F_GETFL);
	int own, r;

	if (access < 0)
		return -errno;
	access &= O_ACCMODE;
	if (access == O_WRONLY)
		return shmipc_backend_error(
			-EACCES, "the descriptor is open for writing only");
	if (access == O_RDONLY && access_of(flags) == O_RDWR)
		return shmipc_backend_error(
			-EACCES, "the descriptor is open for reading only; "
				 "SHMIPC_RDONLY would take it");
	fdmem_of(seg)->keeps = true;
	own = open_import(seg, fd, access_of(flags));
	if (own < 0)
		return own;
	r = fdmem_map(seg, own, flags);
	if (r < 0)
		close(own);
	return r;
}

/* Is this certainly a descriptor of another file? */
static bool is_of_another(const struct shmipc_segment *seg, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_dev != fdmem_of(seg)->dev ||
				       st.st_ino != fdmem_of(seg)->ino);
}

/*
 * The kept descriptor may be closed, and its number reused, if the program
 * closed all descriptors that it did not know, as daemons do.
 */
static void close_fd(struct shmipc_segment *seg)
{
	int fd = fdmem_of(seg)->fd - 1;

	fdmem_of(seg)->fd = 0;
	if (fd >= 0 && !(fdmem_of(seg)->keeps && is_of_another(seg, fd)))
		close(fd);
}

void fdmem_unmap(struct shmipc_segment *seg)
{
	close_fd(seg);
	munmap(seg->addr,
	       fdmem_of(seg)->peeked ? SHMIPC_HEADER_SIZE : seg->length);
}

int fdmem_stat(const struct shmipc_segment *seg,
	       struct shmipc_segment_stat *ret)
{
	struct shmipc_segment_stat result = { .attached = 0 };
	int fd = fdmem_of(seg)->fd - 1;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = usemark_count(fd, &result.attached);
	/* A process that removes it was counted, too. */
	if (r == 0 && fdmem_of(seg)->transient && usemark_look(fd) == -ESTALE)
		r = -ENOENT;
	if (r < 0)
		return r;
	result.mode = st.st_mode & 0777;
	result.uid = st.st_uid;
	result.gid = st.st_gid;
	result.in_use = result.attached > 0;
	*ret = result;
	return 0;
}
