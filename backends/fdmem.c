/* SPDX-License-Identifier: MIT */
/* Shared memory behind a file descriptor: reserve, map, count the users. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "fdmem.h"

/* User locks stand at offsets from here, which no file reaches. */
#define USERS_START ((off_t)1 << 60)
#define USERS_END   ((off_t)1 << 61)

/*
 * How often count_users() asks. Locks come in no order that helps: counting n
 * of them takes about n * log(n) questions, and n * n if somebody wants it to.
 * Beyond that, attached is too low.
 */
#define QUESTIONS_MAX 20000

/*
 * Limits that the kernel would report with a signal (SIGXFSZ), or not at all:
 * memory that is not on a mount of limited size is handed out until the
 * out-of-memory killer comes. The second check is the one that the kernel
 * makes itself for System V segments (vm.overcommit_memory=0).
 */
static int check_limits(size_t length, bool lazy)
{
	struct rlimit limit;
	struct sysinfo info;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY && length > limit.rlim_cur)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than RLIMIT_FSIZE allows "
			"(%llu); raise it with ulimit -f",
			length, (unsigned long long)limit.rlim_cur);
	if (!lazy && sysinfo(&info) == 0 &&
	    length / info.mem_unit > info.totalram + info.totalswap)
		return shmipc_backend_error(
			-ENOSPC,
			"%zu bytes are more than this machine has "
			"memory and swap",
			length);
	return 0;
}

static int no_room(size_t length, const char *where)
{
	return shmipc_backend_error(
		-ENOSPC,
		"%s has no room for %zu bytes; make it larger or "
		"remove what is not needed",
		where, length);
}

/* fallocate(2), over again after a signal: old kernels stop half way. */
static int allocate(int fd, size_t length)
{
	int r;

	do
		r = fallocate(fd, 0, 0, (off_t)length);
	while (r < 0 && errno == EINTR);
	return r;
}

int fdmem_reserve(int fd, size_t length, bool lazy, const char *where)
{
	size_t now = lazy && length > SHMIPC_HEADER_SIZE ? SHMIPC_HEADER_SIZE
							 : length;
	int r = check_limits(length, lazy);

	if (r < 0)
		return r;
	/* The header's page in any case: we are going to write there. */
	if (ftruncate(fd, (off_t)length) == 0 && allocate(fd, now) == 0)
		return 0;
	switch (errno) {
	case ENOSPC:
	case EFBIG:
	case EDQUOT:
	case ENOMEM:
		return no_room(length, where);
	case EOPNOTSUPP:
		return -EIO; /* no file system of ours */
	default:
		return -errno;
	}
}

int fdmem_reopen(int fd, int access)
{
	char path[64];

	/*
	 * thread-self: after the main thread's pthread_exit() there is no
	 * /proc/self/fd any more.
	 */
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	fd = open(path, access | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Take a lock of our own, on a byte that most likely nobody else has. */
static int become_user(int fd)
{
	struct flock lock = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_len = 1,
	};
	uint64_t at;

	/* Two users on one byte count as one; with 2^60 bytes nobody cares. */
	if (getrandom(&at, sizeof(at), 0) != sizeof(at))
		return -errno;
	lock.l_start = USERS_START + (off_t)(at & ((UINT64_C(1) << 60) - 1));
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return shmipc_backend_error(-EIO, "somebody has locked its "
						  "file for writing");
	return -errno;
}

static int map(struct shmipc_segment *seg, int fd, size_t length, bool writable)
{
	int protection = PROT_READ | (writable ? PROT_WRITE : 0);
	void *addr = mmap(NULL, length, protection, MAP_SHARED, fd, 0);

	if (addr == MAP_FAILED)
		/* EAGAIN: more would be locked than RLIMIT_MEMLOCK allows. */
		return errno == EAGAIN ? -ENOMEM : -errno;
	seg->addr = addr;
	seg->length = length;
	return 0;
}

int fdmem_map_new(struct shmipc_segment *seg, int fd, size_t length)
{
	int r = become_user(fd);

	return r < 0 ? r : map(seg, fd, length, true);
}

/*
 * The length of an opened file, and whether it can be a segment.
 *   -EPROTO  it cannot
 */
static int length_of(int fd, size_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return shmipc_backend_error(
			-EPROTO, "what has this name is not a regular file; "
				 "it was left as it is");
	if (st.st_size < SHMIPC_HEADER_SIZE ||
	    (uint64_t)st.st_size > PTRDIFF_MAX)
		return shmipc_backend_error(
			-EPROTO, "what has this name is too short to be ours; "
				 "it was left as it is");
	*ret = (size_t)st.st_size;
	return 0;
}

/*
 * Read a header without mapping it, and judge it: a stranger's file may be of
 * any size, and touching a hole in it when the mount is full raises SIGBUS.
 */
static int read_header(const struct shmipc_segment *seg, int fd, size_t length,
		       void *to)
{
	if (pread(fd, to, SHMIPC_HEADER_SIZE, 0) != SHMIPC_HEADER_SIZE)
		return -EPROTO;
	return shmipc_segment_look(to, length, seg->kind, seg->name) == 0
		       ? 0
		       : -EPROTO;
}

/* A private copy of the header, in a page of its own. */
static int map_copy(struct shmipc_segment *seg, int fd, size_t length)
{
	void *page = mmap(NULL, SHMIPC_HEADER_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (page == MAP_FAILED)
		return errno == EAGAIN ? -ENOMEM : -errno;
	r = read_header(seg, fd, length, page);
	if (r < 0) {
		munmap(page, SHMIPC_HEADER_SIZE);
		return r;
	}
	seg->addr = page;
	seg->length = length;
	return 0;
}

int fdmem_map(struct shmipc_segment *seg, int fd, unsigned flags)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_SIZE];
	size_t length = 0;
	int r;

	r = length_of(fd, &length);
	if (r < 0)
		return r;
	if (flags & SHMIPC_SEGMENT_PEEK)
		return map_copy(seg, fd, length);
	r = read_header(seg, fd, length, header);
	if (r == 0)
		r = become_user(fd);
	if (r < 0)
		return r;
	return map(seg, fd, length, !(flags & SHMIPC_SEGMENT_RDONLY));
}

void fdmem_unmap(struct shmipc_segment *seg, bool peeked)
{
	munmap(seg->addr, peeked ? SHMIPC_HEADER_SIZE : seg->length);
}

/*
 * The lowest lock from start to end (not included), as [*from, *to). Returns
 * whether there is one. The kernel names one at a time, any of them: ask again
 * left of it until there is none.
 *
 * Anybody who may read the file may lock what he likes in it. So no lock is
 * believed to be one of ours, and *questions bounds how often we ask.
 */
static int lowest_lock(int fd, off_t start, off_t end, unsigned *questions,
		       off_t *from, off_t *to)
{
	int found = 0;

	while (*questions && start < end) {
		struct flock lock = {
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = start,
			.l_len = end - start,
		};

		--*questions;
		if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
			return -errno;
		if (lock.l_type == F_UNLCK)
			break;
		found = 1;
		*from = lock.l_start > start ? lock.l_start : start;
		/* A length of 0 is up to the end of all files: fcntl(2). */
		*to = lock.l_len && lock.l_start + lock.l_len < USERS_END
			      ? lock.l_start + lock.l_len
			      : USERS_END;
		end = *from;
	}
	return found;
}

static int count_users(int fd, unsigned *ret)
{
	unsigned questions = QUESTIONS_MAX, count = 0;
	off_t at = USERS_START, from = at, to = at;
	int r;

	while ((r = lowest_lock(fd, at, USERS_END, &questions, &from, &to)) >
	       0) {
		count++;
		at = to;
	}
	*ret = count;
	return r;
}

int fdmem_stat(int fd, struct shmipc_segment_stat *ret)
{
	struct shmipc_segment_stat result = { .attached = 0 };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = count_users(fd, &result.attached);
	if (r < 0)
		return r;
	result.mode = st.st_mode & 0777;
	result.uid = st.st_uid;
	result.gid = st.st_gid;
	result.in_use = result.attached > 0;
	*ret = result;
	return 0;
}
