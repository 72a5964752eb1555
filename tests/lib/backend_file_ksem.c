/* SPDX-License-Identifier: MIT */
/* The kernel semaphores of the file backend: pipes beside the file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/backend_file.h"

static void pipe_path(char path[FILE_PATH_MAX], uint64_t ino, unsigned index)
{
	snprintf(path, FILE_PATH_MAX, "%s/pipe.%" PRIu64 ".%u",
		 file_directory(), ino, index);
}

void file_drop(int *fd_plus_1)
{
	if (*fd_plus_1)
		close(*fd_plus_1 - 1);
	*fd_plus_1 = 0;
}

/* Whatever the kind: a pipe that does not exist does no harm. */
void file_remove_pipes(uint64_t ino)
{
	char path[FILE_PATH_MAX];

	for (unsigned i = 0; i < SHMIPC_KSEMS_MAX; i++) {
		pipe_path(path, ino, i);
		unlink(path);
	}
}

static int open_pipe(struct shmipc_segment *seg, unsigned index)
{
	char path[FILE_PATH_MAX];
	int fd;

	pipe_path(path, file_of(seg)->ino, index);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	file_of(seg)->pipes[index] = fd + 1;
	return 0;
}

void file_ksem_close(struct shmipc_segment *seg)
{
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		file_drop(&file_of(seg)->pipes[i]);
}

int file_ksem_open(struct shmipc_segment *seg)
{
	int r = 0;

	for (unsigned i = 0; i < seg->kind->ksems && r == 0; i++)
		r = open_pipe(seg, i);
	if (r < 0)
		file_ksem_close(seg);
	return r;
}

static int make_pipe(struct shmipc_segment *seg, unsigned index, mode_t mode)
{
	char path[FILE_PATH_MAX];

	pipe_path(path, file_of(seg)->ino, index);
	(void)unlink(path); /* of a dead segment that had this number */
	if (mkfifo(path, 0600) < 0 || chmod(path, mode | 0600) < 0)
		return -errno;
	return 0;
}

int file_ksem_create(struct shmipc_segment *seg, mode_t mode)
{
	int r = 0;

	for (unsigned i = 0; i < seg->kind->ksems && r == 0; i++)
		r = make_pipe(seg, i, mode);
	if (r == 0)
		r = file_ksem_open(seg);
	if (r < 0)
		file_remove_pipes(file_of(seg)->ino);
	return r;
}

int file_ksem_wait(struct shmipc_segment *seg, unsigned index,
		   const struct timespec *deadline)
{
	struct pollfd p = { .fd = file_of(seg)->pipes[index] - 1,
			    .events = POLLIN };
	struct timespec now, left;
	char token;
	int n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left.tv_sec = deadline->tv_sec - now.tv_sec;
	left.tv_nsec = deadline->tv_nsec - now.tv_nsec;
	if (left.tv_nsec < 0) {
		left.tv_sec--;
		left.tv_nsec += 1000000000;
	}
	if (left.tv_sec < 0)
		left.tv_sec = left.tv_nsec = 0;
	n = ppoll(&p, 1, &left, NULL);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	(void)!read(p.fd, &token, 1);
	return 0;
}

void file_ksem_post(struct shmipc_segment *seg, unsigned index)
{
	(void)!write(file_of(seg)->pipes[index] - 1, "", 1);
}

void file_ksem_remove(struct shmipc_segment *seg)
{
	file_remove_pipes(file_of(seg)->ino);
}
