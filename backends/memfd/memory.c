/* SPDX-License-Identifier: MIT */
/* The memory of a memfd segment: making it, finding it, mapping it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/memfd/memory.h"

/* Since Linux 6.3; the numbers are those of linux/memfd.h. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

struct memfd *memfd_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

/*
 * vm.memfd_noexec=2 refuses a memfd that may be executed and, up to Linux 6.5,
 * one that was made without either flag. Older kernels do not know the flags.
 */
int memory_make(const char *name, mode_t mode)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(
		name, flags | (mode & 0111 ? MFD_EXEC : MFD_NOEXEC_SEAL));

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0 && errno == EACCES && mode & 0111)
		return shmipc_backend_error(
			-EACCES, "vm.memfd_noexec=2 refuses a mode with "
				 "execute permission; use a mode such as 0600, "
				 "or sysctl vm.memfd_noexec=1");
	return fd < 0 ? -errno : fd;
}

int memory_check(int fd)
{
	errno = 0;
	if (wire_is_memory(fd))
		return 0;
	if (errno == EBADF)
		return -EBADF;
	return shmipc_backend_error(
		-EPROTO, "what is there is not a sealed memfd of ordinary "
			 "pages; it was left as it is");
}

int memory_request(const struct shmipc_segment *seg, unsigned flags,
		   struct wire *reply, struct wire_fds *fds)
{
	enum client_how how =
		flags & SHMIPC_SEGMENT_NOWAIT ? CLIENT_BRIEFLY : CLIENT_ASK;
	struct wire request =
		wire_make(WIRE_OPEN, (uint32_t)seg->kind->kind, seg->name);
	int r;

	if (flags & SHMIPC_SEGMENT_PEEK)
		request.broker_id = CLIENT_ANY;
	r = client_ask(seg->conn, how, &request, NULL, reply, fds);
	if (r < 0 || wire_count_fds(fds) == 1 + seg->kind->ksems)
		return r;
	wire_close_fds(fds);
	return shmipc_backend_error(-EPROTO,
				    "what is there does not have the kernel "
				    "semaphores of a %s; it was left as it is",
				    seg->kind->noun);
}

int memory_map(struct shmipc_segment *seg, int fd, unsigned flags)
{
	bool writable = !(flags & SHMIPC_SEGMENT_RDONLY);
	int own, r;

	r = memory_check(fd);
	if (r < 0)
		return r;
	own = fdmem_reopen(fd, writable ? O_RDWR : O_RDONLY);
	if (own < 0)
		return own;
	memfd_of(seg)->mem.keeps = !(flags & SHMIPC_SEGMENT_PEEK);
	r = fdmem_map(seg, own, flags);
	if (r == 0)
		return 0;
	close(own);
	/* An orphan. The broker finds that too when it is asked again. */
	if (r == -ESTALE)
		r = flags & SHMIPC_SEGMENT_PEEK ? -ENOENT : -EAGAIN;
	return r;
}
