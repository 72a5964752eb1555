/* SPDX-License-Identifier: MIT */
/*
 * What the backends' primitives cost without a library. A descriptor is closed
 * as soon as it is mapped, as everybody does it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/memory.h"

static void *map(int fd, size_t size)
{
	void *addr =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (addr == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return addr;
}

static void make_long(int fd, size_t size, bool reserved)
{
	int err;

	if (!reserved) {
		must_sys("ftruncate", ftruncate(fd, (off_t)size));
		return;
	}
	err = posix_fallocate(fd, 0, (off_t)size);
	if (err)
		fail("posix_fallocate: %s", strerror(err));
}

static void unmap(void *addr, size_t size)
{
	munmap(addr, size);
}

/* ---- posix --------------------------------------------------------------- */

static void *posix_create(size_t size, bool reserved)
{
	int fd = (int)must_sys(
		"shm_open",
		shm_open(own_raw_name, O_RDWR | O_CREAT | O_EXCL, 0600));
	void *addr;

	make_long(fd, size, reserved);
	addr = map(fd, size);
	close(fd);
	return addr;
}

/* It looks at the size, as one must who did not make it. */
static void *posix_open(size_t size)
{
	int fd = (int)must_sys("shm_open", shm_open(own_raw_name, O_RDWR, 0));
	struct stat st;
	void *addr;

	must_sys("fstat", fstat(fd, &st));
	if (st.st_size != (off_t)size)
		fail("shm_open: the size is wrong");
	addr = map(fd, size);
	close(fd);
	return addr;
}

static void posix_unlink(void)
{
	must_sys("shm_unlink", shm_unlink(own_raw_name));
}

static const struct raw_memory posix = {
	.name = "shm_open",
	.create = posix_create,
	.open = posix_open,
	.close = unmap,
	.unlink = posix_unlink,
};

/* ---- sysv ---------------------------------------------------------------- */

static int segment_key;

static void *attach(int id)
{
	void *addr = shmat(id, NULL, 0);

	if (addr == (void *)-1)
		fail("shmat: %s", strerror(errno));
	return addr;
}

static int find_segment(void)
{
	return (int)must_sys("shmget", shmget(segment_key, 0, 0));
}

static void *sysv_create(size_t size, bool reserved)
{
	int id = own_segment(size, &segment_key);

	(void)reserved; /* it never is */
	return attach(id);
}

static void *sysv_open(size_t size)
{
	(void)size;
	return attach(find_segment());
}

static void sysv_close(void *addr, size_t size)
{
	(void)size;
	shmdt(addr);
}

/* By its name, as the others do it. */
static void sysv_unlink(void)
{
	(void)find_segment();
	drop_segment();
}

static const struct raw_memory sysv = {
	.name = "shmget",
	.create = sysv_create,
	.open = sysv_open,
	.close = sysv_close,
	.unlink = sysv_unlink,
};

/* ---- memfd --------------------------------------------------------------- */

static int kept = -1;

static int make_memfd(size_t size, bool reserved)
{
	int fd = (int)must_sys("memfd_create",
			       memfd_create("bench", MFD_CLOEXEC));

	make_long(fd, size, reserved);
	return fd;
}

/* A description of one's own of what a descriptor leads to. */
static void *map_again(int fd, size_t size)
{
	char path[40];
	void *addr;
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = (int)must_sys(path, open(path, O_RDWR | O_CLOEXEC));
	addr = map(own, size);
	close(own);
	return addr;
}

static void *memfd_create_alone(size_t size, bool reserved)
{
	kept = make_memfd(size, reserved);
	return map(kept, size);
}

static void *memfd_open_alone(size_t size)
{
	return map_again(kept, size);
}

static void memfd_unlink_alone(void)
{
	close(kept);
}

static const struct raw_memory memfd_alone = {
	.name = "memfd",
	.create = memfd_create_alone,
	.open = memfd_open_alone,
	.close = unmap,
	.unlink = memfd_unlink_alone,
};

/* With a name, which somebody has to keep. */
static void *memfd_create_named(size_t size, bool reserved)
{
	int fd = make_memfd(size, reserved);
	void *addr = map(fd, size);

	keeper_put(fd);
	close(fd);
	return addr;
}

static void *memfd_open_named(size_t size)
{
	int fd = keeper_get();
	void *addr = map_again(fd, size);

	close(fd);
	return addr;
}

static const struct raw_memory memfd_named = {
	.name = "memfd+trips",
	.create = memfd_create_named,
	.open = memfd_open_named,
	.close = unmap,
	.unlink = keeper_drop,
	.begin = keeper_begin,
	.end = keeper_end,
};

/* -------------------------------------------------------------------------- */

unsigned memory_of_backend(const struct raw_memory *ret[2])
{
	if (!strcmp(backend, "sysv")) {
		ret[0] = &sysv;
		return 1;
	}
	if (!strcmp(backend, "memfd")) {
		ret[0] = &memfd_named;
		ret[1] = &memfd_alone;
		return 2;
	}
	ret[0] = &posix;
	return 1;
}
