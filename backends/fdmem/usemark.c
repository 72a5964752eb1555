/* SPDX-License-Identifier: MIT */
/* The users of a file: marking, counting, and who may become one. */
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

/* User locks stand at offsets from here, which no file reaches. */
#define USEMARK_START ((off_t)1 << 60)
#define USEMARK_END   ((off_t)1 << 61)
#define GATE	      (USEMARK_START - 1)

/*
 * How often usemark_count() asks. Locks come in no order that helps: counting n
 * of them takes about n * log(n) queries, and n * n if somebody wants it to.
 * Beyond that, attached is too low.
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

	/* Two users on one byte count as one; with 2^60 bytes nobody cares. */
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
 * whether there is one. The kernel names one at a time, any of them: ask again
 * left of it until there is none.
 *
 * Anybody who may read the file may lock what he likes in it. So no lock is
 * believed to be one of ours, and *queries bounds how often we ask.
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
		/* A length of 0 is up to the end of all files: fcntl(2). */
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

/* Any lock from start on, but those of this description; l_type tells. */
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

/* Made at [R1]: it stands beside no mark. */
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
	/* Somebody in the gate is not yet a user, and may find an orphan. */
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
		/* [J4] the gate alone: not our mark */
		(void)lock_range(fd, F_UNLCK, GATE, USEMARK_START);
		return r;
	}
	usemark_leave(fd);
	if (r == 0)
		r = usemark_look(fd);
	return r == 0 ? -EAGAIN : r;
}
