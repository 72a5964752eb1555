/* SPDX-License-Identifier: MIT */
/* The files of posix: their names, and giving and taking them. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"

const char *posix_prefix(enum shmipc_kind kind)
{
	return kind == SHMIPC_SHM ? "shmipc.shm." : "shmipc.sem.";
}

void posix_segment_path(char ret[POSIX_PATH_MAX], enum shmipc_kind kind,
			const char *name)
{
	snprintf(ret, POSIX_PATH_MAX, POSIX_DIR "/%s%s", posix_prefix(kind),
		 name);
}

void posix_ksem_path(char ret[POSIX_PATH_MAX], uint64_t ino)
{
	snprintf(ret, POSIX_PATH_MAX,
		 POSIX_DIR "/" POSIX_SEM POSIX_KSEM "%016" PRIx64, ino);
}

void posix_ksem_name(char ret[POSIX_PATH_MAX], uint64_t ino)
{
	snprintf(ret, POSIX_PATH_MAX, "/" POSIX_KSEM "%016" PRIx64, ino);
}

/* A file more was refused: by a limit, perhaps. */
static int file_error(int err)
{
	switch (err) {
	case ENOSPC:
		return shmipc_backend_error(
			-ENOSPC, "no inode is left in " POSIX_DIR
				 "; remove what is not needed, or mount it "
				 "with a larger nr_inodes");
	case EDQUOT:
		return shmipc_backend_error(
			-ENOSPC, "the quota of files in " POSIX_DIR
				 " is used up; remove what is not needed");
	default:
		return -err;
	}
}

int posix_make_file(mode_t mode)
{
	int fd = open(POSIX_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);

	return fd < 0 ? file_error(errno) : fd;
}

int posix_link_file(int fd, const char *path)
{
	char self[64];

	/*
	 * Before Linux 6.10 this is for the privileged only, and sandboxes may
	 * refuse it. The way through /proc, which is for all, takes twice as
	 * long. EEXIST and ENOSPC would be the same there.
	 */
	if (linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOSPC)
		return file_error(errno);
	snprintf(self, sizeof(self), "/proc/thread-self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return file_error(errno);
}

void posix_remove_ksem(uint64_t ino)
{
	char path[POSIX_PATH_MAX];

	posix_ksem_path(path, ino);
	(void)unlink(path); /* regions have none */
}

/*
 * The place is named by the inode of what is unlinked, and that must not be
 * another one than was looked at: take it out of sight first, which nobody
 * else can do too, then look.
 */
static int remove_with_ksem(const char *path)
{
	char dead[POSIX_PATH_MAX];
	uint64_t random;
	struct stat st;

	if (getrandom(&random, sizeof(random), 0) < 0)
		return -errno;
	snprintf(dead, sizeof(dead), POSIX_DIR "/" POSIX_DEAD "%016" PRIx64,
		 random);
	if (rename(path, dead) < 0)
		return -errno;
	if (lstat(dead, &st) == 0)
		posix_remove_ksem(st.st_ino);
	(void)unlink(dead); /* the name is gone, and that was asked */
	return 0;
}

int posix_remove(enum shmipc_kind kind, const char *path,
		 const struct stat *this)
{
	struct stat st;

	if (this && lstat(path, &st) < 0)
		return -errno;
	if (this && (st.st_ino != this->st_ino || st.st_dev != this->st_dev))
		return -ENOENT;
	if (kind == SHMIPC_SEM)
		return remove_with_ksem(path);
	return unlink(path) < 0 ? -errno : 0;
}

int posix_remove_orphan(enum shmipc_kind kind, const char *path, int fd)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = usemark_claim(fd);
	if (r < 0)
		return r;
	r = posix_remove(kind, path, &st);
	usemark_leave(fd);
	return r;
}
