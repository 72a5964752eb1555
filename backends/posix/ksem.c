/* SPDX-License-Identifier: MIT */
/* The places of posix: sem_open(3), but for the making. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"
#include "backends/posix/posix.h"

/*
 * sem_open(O_CREAT) applies the umask and leaves a temporary file behind if
 * it is killed at the wrong moment, so the file is built here, as it does it:
 * one sem_t.
 */
static int build_ksem(struct shmipc_segment *seg, mode_t mode)
{
	char path[POSIX_PATH_MAX];
	sem_t sem;
	int fd, r;

	memset(&sem, 0, sizeof(sem));
	if (sem_init(&sem, 1, 0) < 0)
		return -errno;
	fd = posix_make_file(mode);
	if (fd < 0)
		return fd;
	if (fchmod(fd, mode) < 0) {
		r = -errno;
		goto out;
	}
	r = fdmem_reserve(fd, sizeof(sem), 0, POSIX_DIR);
	if (r < 0)
		goto out;
	if (pwrite(fd, &sem, sizeof(sem), 0) != (ssize_t)sizeof(sem)) {
		r = -EIO;
		goto out;
	}
	/* From its first moment on it has a mark: gc.c. */
	r = usemark_set(fd);
	if (r < 0)
		goto out;
	posix_ksem_path(path, posix_of(seg)->mem.ino);
	r = posix_link_file(fd, path);
	if (r < 0)
		goto out;
	posix_of(seg)->ksem_file = fd + 1;
	return 0;
out:
	close(fd);
	return r;
}

void posix_ksem_published(struct shmipc_segment *seg)
{
	if (posix_of(seg)->ksem_file)
		close(posix_of(seg)->ksem_file - 1);
	posix_of(seg)->ksem_file = 0;
}

/* There is no place: was the segment unlinked, or only the place removed? */
static int no_ksem(const struct shmipc_segment *seg)
{
	char path[POSIX_PATH_MAX];
	struct stat st;

	posix_segment_path(path, seg->kind, seg->name);
	if (lstat(path, &st) == 0 && st.st_ino == posix_of(seg)->mem.ino)
		return shmipc_backend_error(-EPROTO, "its kernel semaphore "
						     "was removed");
	return -ENOENT;
}

static int open_ksem(struct shmipc_segment *seg)
{
	char path[POSIX_PATH_MAX], name[POSIX_PATH_MAX];
	struct stat st;
	sem_t *ksem;

	/* sem_open(3) maps whatever is there, and a short file is SIGBUS. */
	posix_ksem_path(path, posix_of(seg)->mem.ino);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? no_ksem(seg) : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(sem_t))
		return shmipc_backend_error(-EPROTO, "its kernel semaphore is "
						     "damaged");
	posix_ksem_name(name, posix_of(seg)->mem.ino);
	ksem = sem_open(name, 0);
	if (ksem == SEM_FAILED)
		return errno == ENOENT ? no_ksem(seg) : -errno;
	posix_of(seg)->ksem = ksem;
	return 0;
}

int posix_ksem_create(struct shmipc_segment *seg, mode_t mode)
{
	uint64_t ino = posix_of(seg)->mem.ino;
	int r;

	/*
	 * The creator must open it once more, so its own bits are on: he may
	 * change them anyhow. Nobody reaches it without the segment.
	 */
	r = build_ksem(seg, mode | 0600);
	if (r == -EEXIST)
		return -EAGAIN; /* left by a dead one with this number */
	if (r < 0)
		return r;
	r = open_ksem(seg);
	if (r < 0) {
		posix_remove_ksem(ino);
		posix_ksem_published(seg);
	}
	return r == -ENOENT ? -EAGAIN : r; /* somebody took it away */
}

int posix_ksem_open(struct shmipc_segment *seg)
{
	return open_ksem(seg);
}

int posix_ksem_wait(struct shmipc_segment *seg, const struct timespec *deadline)
{
	/* Returns EINTR for every handler, as it has a deadline: signal(7). */
	if (sem_clockwait(posix_of(seg)->ksem, CLOCK_MONOTONIC, deadline) == 0)
		return 0;
	return -errno;
}

void posix_ksem_post(struct shmipc_segment *seg)
{
	(void)sem_post(posix_of(seg)->ksem); /* EOVERFLOW: tokens enough */
}

void posix_ksem_close(struct shmipc_segment *seg)
{
	sem_close(posix_of(seg)->ksem);
}

void posix_ksem_remove(struct shmipc_segment *seg)
{
	posix_remove_ksem(posix_of(seg)->mem.ino);
	posix_ksem_published(seg);
}
