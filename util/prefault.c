/* SPDX-License-Identifier: MIT */
/*
 * Mapping every page of a segment at once, instead of by one fault after
 * another, each of which costs more than ten system calls.
 */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "prefault.h"

/*
 * For older kernels: touch each page. An unreserved page may raise SIGBUS.
 * Other threads and processes may write meanwhile.
 */
static void touch(char *addr, size_t length, bool writable)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < length; at += page) {
		_Atomic char *byte = (_Atomic char *)(addr + at);

		/* Relaxed: only the page matters, not the byte. */
		if (writable)
			atomic_fetch_or_explicit(byte, 0, memory_order_relaxed);
		else
			(void)atomic_load_explicit(byte, memory_order_relaxed);
	}
}

int shmi_prefault(void *addr, size_t length, bool writable)
{
	int r;

	do
		r = madvise(addr, length,
			    writable ? MADV_POPULATE_WRITE
				     : MADV_POPULATE_READ);
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	if (r < 0 && errno == EINVAL) {
		touch(addr, length, writable);
		return 0;
	}
	if (r == 0)
		return 0;
	/* EFAULT stands for SIGBUS; ENOMEM is a control group's limit. */
	return shmipc_backend_error(
		-ENOSPC,
		"not all of its %zu bytes can be had now: the "
		"machine's memory, its control group's limit, or "
		"/dev/shm is used up",
		length);
}
