/* SPDX-License-Identifier: MIT */
/* Children whose memory is known to be gone: see reap.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/reap.h"

static struct {
	pid_t pid; /* 0: free */
	int fd;
} graves[256];

#define COUNT ((int)(sizeof(graves) / sizeof(graves[0])))

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* A file without a name, of one page. */
static int new_file(void)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		give_up("reap: /dev/shm");
	return fd;
}

/* The lock lasts as long as the mapping; grandchildren have no part in it. */
static void mark(int file)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[64];
	void *page;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
		give_up("reap: lock");
	/*
	 * Below all other mappings. When a process exits, the kernel unmaps
	 * from below, and then releases the files behind the mappings, the
	 * last of them first.
	 */
	page = mmap((void *)0x100000, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || madvise(page, 4096, MADV_DONTFORK) < 0)
		give_up("reap: mapping");
	close(fd);
	close(file);
}

pid_t reap_fork(void)
{
	int fd = new_file(), made[2], i = 0;
	char byte;
	pid_t pid;

	while (i < COUNT && graves[i].pid)
		i++;
	if (i == COUNT || pipe2(made, O_CLOEXEC) < 0)
		give_up("reap: no room");
	pid = fork();
	if (pid == 0) {
		mark(fd);
		close(made[0]);
		close(made[1]);
		return 0;
	}
	/* Not before it has its mark, or is dead: it may be killed at once. */
	close(made[1]);
	(void)!read(made[0], &byte, 1);
	close(made[0]);
	if (pid < 0) {
		close(fd);
		return pid;
	}
	graves[i].pid = pid;
	graves[i].fd = fd;
	return pid;
}

static int is_locked(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
		give_up("reap: question");
	return lock.l_type != F_UNLCK;
}

int reap_wait(pid_t pid)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int i = 0, turns = 0, r;

	while (i < COUNT && graves[i].pid != pid)
		i++;
	if (i == COUNT)
		return 0;
	while (is_locked(graves[i].fd) && turns++ < 10000)
		nanosleep(&ms, NULL);
	r = is_locked(graves[i].fd) ? -1 : 0;
	close(graves[i].fd);
	graves[i].pid = 0;
	return r;
}
