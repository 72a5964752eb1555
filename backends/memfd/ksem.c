/* SPDX-License-Identifier: MIT */
/* The kernel semaphores of memfd: an eventfd(2) each. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/memfd/event.h"
#include "backends/memfd/ksem.h"
#include "backends/memfd/memory.h"
#include "util/clock.h"

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
	event_take(p.fd);
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
		int fd = event_dup(memfd_of(seg)->events[i] - 1);

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
		int fd = event_dup(fds[1 + i]), r;

		r = fd < 0 ? fd : event_check(fd);
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
