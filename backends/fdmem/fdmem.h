/* SPDX-License-Identifier: MIT */
/*
 * Shared memory behind a file descriptor: what posix and memfd have in common.
 * Who uses it: fdmem/usemark.h.
 */
#ifndef SHMI_FDMEM_H
#define SHMI_FDMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc-backend.h>

/*
 * A new region up to this size is mapped with its pages, at once: whoever
 * makes one so small is going to write it, and a page fault costs more than a
 * system call.
 */
#define FDMEM_SMALL ((size_t)64 << 10)

/* The first part of such a segment's private bytes. */
struct fdmem {
	/*
	 * +1. Created and not published, or opened to peek, or kept; a mapping
	 * needs none.
	 */
	int fd;
	/*
	 * Set by the backend before it maps: fd stays open, and is of the
	 * description that is mapped. That takes a descriptor for every
	 * segment, and is what fdmem_export() needs.
	 */
	bool keeps;
	bool marked; /* the same: the description has a mark already */
	bool peeked; /* a copy of the header is mapped */
	/*
	 * So is the file: it has the bit S_ISVTX, which only its owner can
	 * change. (Who may write the header could change what that says.)
	 */
	bool transient;
	dev_t dev; /* of the file, the same as long as it exists */
	uint64_t ino;
	/* Opened and not peeked: what the header said. */
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];
};

/*
 * Make an empty file length bytes long and reserve its pages; with
 * SHMIPC_SEGMENT_LAZY, those of the header only.
 *   -ENOSPC  no room, or a limit; where names the place that is full
 */
int fdmem_reserve(int fd, size_t length, unsigned flags, const char *where);

/*
 * Another description of the same file, with open(2)'s access checks for
 * O_RDONLY or O_RDWR. Returns a descriptor.
 *   -EACCES  its mode does not allow it
 */
int fdmem_reopen(int fd, int access);

/*
 * The kernel's words about an open descriptor, proc(5): the first of them,
 * which are lines of "key:\tvalue", after a newline.
 */
#define FDMEM_INFO 1024
int fdmem_read_info(int fd, char ret[FDMEM_INFO]);

/*
 * Give a new file of this length, with the flags of segment_create(), exactly
 * this mode, map it for writing, and count the caller among its users. As in
 * fdmem_map(), the description must not be shared with anybody who is none.
 * The descriptor is the segment's if it keeps it, and the caller's otherwise.
 */
int fdmem_map_new(struct shmipc_segment *seg, int fd, size_t length,
		  mode_t mode, unsigned flags);

/*
 * Map a file that was found under the segment's name, as segment_open() does:
 * for writing or reading, or, for SHMIPC_SEGMENT_PEEK, a copy of its header.
 * Its header is judged before the file is mapped; if the segment's name is "",
 * it may have any. On success the descriptor is the segment's.
 *   -EPROTO  it is not this segment
 *   -ESTALE  it is an orphan: transient and without a user
 *   -EAGAIN  it is becoming one, or none: look again
 */
int fdmem_map(struct shmipc_segment *seg, int fd, unsigned flags);

/*
 * Hand over what a segment keeps, and take it from somebody: segment_export()
 * and segment_import(), for one descriptor. Everybody has a description of his
 * own, with a mark of his own: one can neither take away another's mark nor
 * become able to write to what he got for reading. (Somebody with the same
 * user id can: by opening it again through /proc.)
 *
 * Where the mode of the file does not allow that, as to another user or in a
 * container's user name space, the descriptor is what gives the right, and the
 * description is shared: those who share it count as one user, who is one until
 * the last of them has gone.
 *
 * What is imported must be known to be a file that can be mapped without fear:
 * the backend looks for seals. -ESTALE and -EAGAIN as fdmem_map().
 */
int fdmem_export(const struct shmipc_segment *seg, unsigned flags);
int fdmem_import(struct shmipc_segment *seg, int fd, unsigned flags);

/* Close what is left open, and unmap. */
void fdmem_unmap(struct shmipc_segment *seg);

/*
 * What was found under this name: is it such a segment, and transient? 0 or 1.
 *   -EPROTO  it is not this segment
 */
int fdmem_is_transient(int fd, const struct shmipc_kind_info *kind,
		       const char *name);

/* Does this descriptor lead to the segment's file? */
bool fdmem_is_file_of(const struct shmipc_segment *seg, int fd);

/* All of segment_stat(), of a peeked segment. */
int fdmem_stat(const struct shmipc_segment *seg,
	       struct shmipc_segment_stat *ret);

#endif
