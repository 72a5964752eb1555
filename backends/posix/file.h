/* SPDX-License-Identifier: MIT */
/*
 * The files of posix: how they are named, linked and removed.
 *
 *   /dev/shm/shmipc.KIND.NAME          a segment, as shm_open(3) opens it: a
 *                                      region (shm), a semaphore's header (sem)
 *   /dev/shm/sem.shmipc.ksem.INODE.N   its Nth ksem, as sem_open(3) opens it
 *   /dev/shm/shmipc.dead.RANDOM        a segment that is being removed
 *
 * Files are made without a name (O_TMPFILE), filled, and then linked. link()
 * fails if the name is taken, so it is also the exclusive create. A ksem is
 * named by the inode number of its segment, which no peer can write.
 */
#ifndef SHMI_POSIX_FILE_H
#define SHMI_POSIX_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include <shmipc-backend.h>

/* What shm_open(3) and sem_open(3) mean, in glibc and in musl. */
#define POSIX_DIR "/dev/shm"
#ifdef __GLIBC__
#define POSIX_SEM "sem."
#else
#define POSIX_SEM ""
#endif

#define POSIX_KSEM "shmipc.ksem."
#define POSIX_DEAD "shmipc.dead."

/* Room for any path of ours. */
#define POSIX_PATH_MAX                                                         \
	(sizeof(POSIX_DIR "/" POSIX_SEM POSIX_KSEM) + SHMIPC_NAME_MAX)

/*
 * The kind of the object whose segment a file of this name is, and in *ret the
 * name of the object, a part of file. NULL if it is no segment's.
 */
const struct shmipc_kind_info *posix_kind_of(const char *file,
					     const char **ret);
void posix_segment_path(char ret[POSIX_PATH_MAX],
			const struct shmipc_kind_info *kind, const char *name);
void posix_ksem_path(char ret[POSIX_PATH_MAX], uint64_t ino, unsigned index);

/* "/shmipc.ksem.INODE.N", for sem_open(3) */
void posix_ksem_name(char ret[POSIX_PATH_MAX], uint64_t ino, unsigned index);

/*
 * An unnamed file with these permission bits, less those of the umask: see
 * fdmem_map_new().
 *   -ENOSPC  no inode is left
 */
int posix_make_file(mode_t mode);

/*
 * Give the file a name. Before this, no other process can see it.
 *   -EEXIST -ENOSPC
 */
int posix_link_file(int fd, const char *path);

/*
 * Remove the name of a file that was looked at before, and its ksems. With
 * this, only if the name leads to this file.
 *   -ENOENT  it does not
 *   -EACCES  not the owner
 */
int posix_remove(const struct shmipc_kind_info *kind, const char *path,
		 const struct stat *this);

/*
 * The same for an orphan; fd leads to it, for writing.
 *   -EAGAIN  it has a user, or another process removes it
 */
int posix_remove_orphan(const struct shmipc_kind_info *kind, const char *path,
			int fd);

/* Remove one ksem of this segment, if it exists. */
void posix_remove_ksem(uint64_t ino, unsigned index);

#endif
