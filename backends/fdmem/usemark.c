/* SPDX-License-Identifier: MIT */
/* The users of a file: use marks, counting, and joining. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/usemark.h"
#include "util/random.h"

/* Use marks are locks at offsets from here, which no file reaches. */
#define USEMARK_START ((off_t)1 << 60)
#define USEMARK_END   ((off_t)1 << 61)
#define GATE	      (USEMARK_START - 1)

/*
 * The limit of queries in usemark_count(). Locks come in no useful order:
 * counting n of them takes about n * log(n) queries, and n * n against a
 * hostile process. Beyond the limit, attached is too low.
 */
#define QUERIES_MAX 20000

int usemark_set(int fd)
{
	struct flock lock = {
		.l_type = F_RDLCK,
		.l_whence = SEEK_SET,
		.l_len = 1,
	};
	uint64_t at = shmi_random(getpid());

	/* Two users on one byte count as one: unlikely among 2^60 bytes. */
	lock.l_start = USEMARK_START + (off_t)(at & ((UINT64_C(1) << 60) - 1));
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return shmipc_backend_error(-EIO, "somebody has locked its "
						  "file for writing");
	return -errno;
}

/*
 * The lowest lock from start to end (not included), as [*from, *to). Returns
 * whether a lock exists. The kernel names one at a time, in no order: we ask
 * again to the left of it until no lock is found.
 *
 * Any process that may read the file may lock any bytes of it. So a lock need
 * not be one of ours, and *queries bounds the number of queries.
 */
static int lowest_lock(int fd, off_t start, off_t end, unsigned *queries,
		       off_t *from, off_t *to)
{
	int found = 0;

	while (*queries && start < end) {
		struct flock lock = {
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = start,
			.l_len = end - start,
		};

		--*queries;
		if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
			return -errno;
		if (lock.l_type == F_UNLCK)
			break;
		found = 1;
		*from = lock.l_start > start ? lock.l_start : start;
		/* A length of 0 extends to the end of the file: fcntl(2). */
		*to = lock.l_len && lock.l_start + lock.l_len < USEMARK_END
			      ? lock.l_start + lock.l_len
			      : USEMARK_END;
		end = *from;
	}
	return found;
}

int usemark_count(int fd, unsigned *ret)
{
	unsigned queries = QUERIES_MAX, count = 0;
	off_t at = USEMARK_START, from = at, to = at;
	int r;

	while ((r = lowest_lock(fd, at, USEMARK_END, &queries, &from, &to)) >
	       0) {
		count++;
		at = to;
	}
	*ret = count;
	return r;
}

static int lock_range(int fd, short type, off_t start, off_t end)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = end - start,
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* Any lock from start on, except this description's; see l_type. */
static int find_lock(int fd, off_t start, struct flock *ret)
{
	*ret = (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = USEMARK_END - start,
	};
	return fcntl(fd, F_OFD_GETLK, ret) < 0 ? -errno : 0;
}

/* Made at [R1]: then no use mark exists. */
static bool is_claim(const struct flock *lock)
{
	return lock->l_type == F_WRLCK && lock->l_start <= GATE &&
	       (lock->l_len == 0 || lock->l_start + lock->l_len >= USEMARK_END);
}

int usemark_look(int fd)
{
	struct flock lock;
	int r;

	/* [S1] */
	r = find_lock(fd, GATE, &lock);
	if (r < 0)
		return r;
	if (lock.l_type == F_UNLCK || is_claim(&lock))
		return -ESTALE;
	/* A process in the gate is not yet a user, and may find an orphan. */
	r = find_lock(fd, USEMARK_START, &lock);
	if (r < 0)
		return r;
	return lock.l_type == F_UNLCK || is_claim(&lock) ? -EAGAIN : 0;
}

int usemark_enter(int fd)
{
	return lock_range(fd, F_RDLCK, GATE, USEMARK_START);
}

int usemark_claim(int fd)
{
	/* [R1] */
	return lock_range(fd, F_WRLCK, GATE, USEMARK_END);
}

void usemark_leave(int fd)
{
	(void)lock_range(fd, F_UNLCK, GATE, USEMARK_END);
}

int usemark_join(int fd)
{
	struct flock mark;
	int r;

	/* [J1] */
	r = usemark_enter(fd);
	if (r < 0)
		return r;
	/* [J2] */
	r = find_lock(fd, USEMARK_START, &mark);
	if (r == 0 && mark.l_type != F_UNLCK) {
		/* [J3] */
		r = usemark_set(fd);
		/* [J4] the gate alone: our use mark stays */
		(void)lock_range(fd, F_UNLCK, GATE, USEMARK_START);
		return r;
	}
	usemark_leave(fd);
	if (r == 0)
		r = usemark_look(fd);
	return r == 0 ? -EAGAIN : r;
}
