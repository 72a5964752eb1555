/* SPDX-License-Identifier: MIT */
/*
 * The kernel semaphores of memfd: an eventfd(2) each.
 *
 * All processes that have one share its open file description: it cannot be
 * reopened through /proc as memory can. So O_NONBLOCK is shared as well, and
 * each of them can clear it at any time. Reading does not depend on it:
 * take_token(). Writing does, as write(2) has no such flag. A process that
 * clears O_NONBLOCK and fills the counter, on purpose, makes posts to sleepers
 * block until some process reads. They can be killed and interrupted there.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backends/memfd/ksem.h"
#include "backends/memfd/memory.h"
#include "util/clock.h"

/* From <linux/fs.h>; musl 1.2.3 lacks it. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* ---- eventfds of other processes ---------------------------------------- */

/* Lines of /proc/PID/fdinfo/FD that only an eventfd has: proc(5). */
#define INFO_COUNT     "\neventfd-count:"
#define INFO_SEMAPHORE "\neventfd-semaphore: "

/*
 * A new descriptor for the eventfd behind fd, which may be anything.
 *   -EBADF   fd is no open descriptor
 *   -EPROTO  fd is not an eventfd
 */
static int dup_event(int fd)
{
	char info[FDMEM_INFO];
	int own, r;

	/* First, so that we look at what we use. */
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	r = fdmem_read_info(own, info);
	if (r == 0 && !strstr(info, INFO_COUNT))
		r = shmipc_backend_error(-EPROTO,
					 "a descriptor of a kernel "
					 "semaphore is not an eventfd");
	if (r == 0)
		return own;
	close(own);
	return r;
}

/*
 * Is it in the modes in which we make them? Otherwise waits and posts could
 * block, or one wait could take the tokens of others. Older kernels do not tell
 * whether it is in semaphore mode: then we assume it. If that is wrong, a
 * sleeper whose token is lost finds its unit at its next check (semword.h).
 *   -EPROTO  no
 */
static int check_event(int fd)
{
	char info[FDMEM_INFO];
	const char *mode;
	int flags, r;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK))
		return shmipc_backend_error(
			-EPROTO, "the eventfd is not in nonblocking mode");
	r = fdmem_read_info(fd, info);
	if (r < 0)
		return r;
	mode = strstr(info, INFO_SEMAPHORE);
	if (mode && mode[sizeof(INFO_SEMAPHORE) - 1] != '1')
		return shmipc_backend_error(
			-EPROTO, "the eventfd is not in semaphore mode");
	return 0;
}

/* Take a token, if any. Never blocks, and is no cancellation point. */
static void take_token(int fd)
{
	uint64_t token;
	struct iovec room = { .iov_base = &token, .iov_len = sizeof(token) };

	/*
	 * Older kernels and filters of system calls refuse RWF_NOWAIT for an
	 * eventfd: then we must trust its O_NONBLOCK. Not preadv2(3): it is a
	 * cancellation point, at which the token would be lost.
	 */
	if (syscall(SYS_preadv2, fd, &room, 1, -1L, -1L, RWF_NOWAIT) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		(void)syscall(SYS_read, fd, &token, sizeof(token));
}

/* ---- operations --------------------------------------------------------- */

void memfd_ksem_close(struct shmipc_segment *seg)
{
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int *event = &memfd_of(seg)->events[i];

		if (*event)
			close(*event - 1);
		*event = 0;
	}
}

int memfd_ksem_create(struct shmipc_segment *seg, mode_t mode)
{
	(void)mode; /* any process that gets the descriptor may use it */
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);

		if (fd < 0) {
			int r = -errno;

			memfd_ksem_close(seg);
			return r;
		}
		memfd_of(seg)->events[i] = fd + 1;
	}
	return 0;
}

int memfd_ksem_open(struct shmipc_segment *seg)
{
	/* They came with the segment. */
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		if (!memfd_of(seg)->events[i])
			return -EPROTO;
	return 0;
}

int memfd_ksem_wait(struct shmipc_segment *seg, unsigned index,
		    const struct timespec *deadline)
{
	struct pollfd p = { .fd = memfd_of(seg)->events[index] - 1,
			    .events = POLLIN };
	struct timespec left = shmi_clock_left(deadline);
	int n;

	n = ppoll(&p, 1, &left, NULL);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	/* All sleepers were woken. One that comes too late finds no token. */
	take_token(p.fd);
	return 0;
}

void memfd_ksem_post(struct shmipc_segment *seg, unsigned index)
{
	const uint64_t token = 1;

	/*
	 * EAGAIN: there are tokens enough. Not write(3): it is a cancellation
	 * point, which a post must not be.
	 */
	(void)syscall(SYS_write, memfd_of(seg)->events[index] - 1, &token,
		      sizeof(token));
}

int memfd_ksem_export(struct shmipc_segment *seg, int fds[SHMIPC_SEGMENT_FDS])
{
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int fd = dup_event(memfd_of(seg)->events[i] - 1);

		if (fd < 0)
			return fd == -EPROTO ? -EBADF : fd;
		fds[1 + i] = fd;
	}
	return 0;
}

int memfd_ksem_import(struct shmipc_segment *seg,
		      const int fds[SHMIPC_SEGMENT_FDS])
{
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int fd = dup_event(fds[1 + i]), r;

		r = fd < 0 ? fd : check_event(fd);
		if (r < 0) {
			if (fd >= 0)
				close(fd);
			memfd_ksem_close(seg);
			return r;
		}
		memfd_of(seg)->events[i] = fd + 1;
	}
	return 0;
}
