/* SPDX-License-Identifier: MIT */
/* What the two files of the file backend share. */
#ifndef BACKEND_FILE_H
#define BACKEND_FILE_H

#include <stdbool.h>

#include <shmipc-backend.h>

extern const struct shmipc_backend file_backend;

/* The directory of a test has a short name. */
#define FILE_PATH_MAX 512

struct file {
	int fd; /* +1: created and not published, or peeked */
	int pipes[SHMIPC_KSEMS_MAX]; /* +1 */
	uint64_t ino;
	bool peeked;
	bool transient;
	char made[FILE_PATH_MAX]; /* created and not published: its own name */
};

static inline struct file *file_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

/* Where the files are: $SHMIPC_TEST_DIR. */
const char *file_directory(void);

/* Close a descriptor that is kept plus one, if there is one. */
void file_drop(int *fd_plus_1);

/* Remove the pipes of the file with this inode number. */
void file_remove_pipes(uint64_t ino);

int file_ksem_create(struct shmipc_segment *seg, mode_t mode);
int file_ksem_open(struct shmipc_segment *seg);
int file_ksem_wait(struct shmipc_segment *seg, unsigned index,
		   const struct timespec *deadline);
void file_ksem_post(struct shmipc_segment *seg, unsigned index);
void file_ksem_close(struct shmipc_segment *seg);
void file_ksem_remove(struct shmipc_segment *seg);

#endif
