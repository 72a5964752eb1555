/* SPDX-License-Identifier: MIT */
/*
 * The files of posix: their names, and giving and taking them.
 *
 *   /dev/shm/shmipc.shm.NAME           a region: shm_open("/shmipc.shm.NAME")
 *   /dev/shm/shmipc.sem.NAME           a semaphore's header
 *   /dev/shm/sem.shmipc.ksem.INODE    its place: sem_open("/shmipc.ksem...")
 *   /dev/shm/shmipc.dead.RANDOM        a header on its way out
 *
 * Files are made without a name (O_TMPFILE), filled, and then linked: link()
 * fails if the name is taken, so it is also the exclusive create. A place is
 * named by the inode number of its segment, which no peer can write.
 */
#ifndef SHMI_POSIX_FILE_H
#define SHMI_POSIX_FILE_H

#include <stdint.h>
#include <sys/stat.h>

#include <shmipc.h>

/* What shm_open(3) and sem_open(3) mean, in glibc and in musl. */
#define POSIX_DIR "/dev/shm"
#ifdef __GLIBC__
#define POSIX_SEM "sem."
#else
#define POSIX_SEM ""
#endif

#define POSIX_KSEM "shmipc.ksem."
#define POSIX_DEAD "shmipc.dead."

/* "shmipc.shm." or "shmipc.sem." */
const char *posix_prefix(enum shmipc_kind kind);

/* Room for any path of ours. */
#define POSIX_PATH_MAX                                                         \
	(sizeof(POSIX_DIR "/" POSIX_SEM "shmipc.ksem.") + SHMIPC_NAME_MAX)

void posix_segment_path(char ret[POSIX_PATH_MAX], enum shmipc_kind kind,
			const char *name);
void posix_ksem_path(char ret[POSIX_PATH_MAX], uint64_t ino);

/* "/shmipc.ksem.INODE", for sem_open(3) */
void posix_ksem_name(char ret[POSIX_PATH_MAX], uint64_t ino);

/*
 * An unnamed file with these permission bits, less those of the umask: see
 * fdmem_map_new().
 *   -ENOSPC  no inode is left
 */
int posix_make_file(mode_t mode);

/*
 * Give the file a name: the first moment anybody sees it.
 *   -EEXIST -ENOSPC
 */
int posix_link_file(int fd, const char *path);

/*
 * Take away the name of a file, if it leads to this one; NULL: to any. It was
 * looked at before. A semaphore's place goes too.
 *   -ENOENT  it does not
 *   -EACCES  not the owner
 */
int posix_remove(enum shmipc_kind kind, const char *path,
		 const struct stat *this);

/*
 * The same for a transient segment without a user; fd leads to it, for writing.
 *   -EAGAIN  it has one, or somebody else removes it
 */
int posix_remove_orphan(enum shmipc_kind kind, const char *path, int fd);

/* Take away the place of this segment, if it has one. */
void posix_remove_ksem(uint64_t ino);

#endif
