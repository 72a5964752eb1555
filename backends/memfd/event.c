/* SPDX-License-Identifier: MIT */
/* An eventfd(2) of a ksem that other processes have too. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/fdmem.h"
#include "backends/memfd/event.h"

/* Lines of /proc/PID/fdinfo/FD that only an eventfd has: proc(5). */
#define INFO_COUNT     "\neventfd-count:"
#define INFO_SEMAPHORE "\neventfd-semaphore: "

int event_dup(int fd)
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

int event_check(int fd)
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

void event_take(int fd)
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
