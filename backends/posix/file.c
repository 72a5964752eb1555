/* SPDX-License-Identifier: MIT */
/* The files of posix: how they are named, linked and removed. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"

const struct shmipc_kind_info *posix_kind_of(const char *file, const char **ret)
{
	const struct shmipc_kind_info *kind;

	if (strncmp(file, "shmipc.", strlen("shmipc.")) != 0)
		return NULL;
	file += strlen("shmipc.");
	for (unsigned i = 0; (kind = shmipc_kind_at(i)); i++) {
		size_t length = strlen(kind->name);

		if (strncmp(file, kind->name, length) != 0 ||
		    file[length] != '.' ||
		    !shmipc_name_is_valid(file + length + 1))
			continue;
		*ret = file + length + 1;
		return kind;
	}
	return NULL;
}

/* By hand: snprintf(3) costs as much as a system call, and this every open. */
void posix_segment_path(char ret[POSIX_PATH_MAX],
			const struct shmipc_kind_info *kind, const char *name)
{
	stpcpy(stpcpy(stpcpy(stpcpy(ret, POSIX_DIR "/shmipc."), kind->name),
		      "."),
	       name);
}

void posix_ksem_path(char ret[POSIX_PATH_MAX], uint64_t ino, unsigned index)
{
	snprintf(ret, POSIX_PATH_MAX,
		 POSIX_DIR "/" POSIX_SEM POSIX_KSEM "%016" PRIx64 ".%u", ino,
		 index);
}

void posix_ksem_name(char ret[POSIX_PATH_MAX], uint64_t ino, unsigned index)
{
	snprintf(ret, POSIX_PATH_MAX, "/" POSIX_KSEM "%016" PRIx64 ".%u", ino,
		 index);
}

/* The system refused one more file, perhaps because of a limit. */
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
	 * Before Linux 6.10 only a privileged process may do this, and a
	 * sandbox may refuse it. Through /proc every process may, but that
	 * takes twice as long. It would give the same EEXIST and ENOSPC.
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

void posix_remove_ksem(uint64_t ino, unsigned index)
{
	char path[POSIX_PATH_MAX];

	posix_ksem_path(path, ino, index);
	(void)unlink(path);
}

/*
 * Ksems are named by the inode of what is unlinked, and that must be the file
 * that was looked at. So it is renamed first, which only one process can do,
 * and looked at then.
 */
static int remove_with_ksems(const char *path, unsigned ksems)
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
		for (unsigned i = 0; i < ksems; i++)
			posix_remove_ksem(st.st_ino, i);
	(void)unlink(dead); /* the name is gone, as the caller asked */
	return 0;
}

int posix_remove(const struct shmipc_kind_info *kind, const char *path,
		 const struct stat *this)
{
	struct stat st;

	if (this && lstat(path, &st) < 0)
		return -errno;
	if (this && (st.st_ino != this->st_ino || st.st_dev != this->st_dev))
		return -ENOENT;
	if (kind->ksems)
		return remove_with_ksems(path, kind->ksems);
	return unlink(path) < 0 ? -errno : 0;
}

int posix_remove_orphan(const struct shmipc_kind_info *kind, const char *path,
			int fd)
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
