/* SPDX-License-Identifier: MIT */
/*
 * Shared memory behind a file descriptor: the common part of posix and memfd.
 * Its users are counted in fdmem/usemark.h.
 */
#ifndef SHMI_FDMEM_H
#define SHMI_FDMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc-backend.h>

/*
 * A new region up to this size is mapped with its pages, at once: the creator
 * of a small region will write it, and a page fault costs more than a system
 * call.
 */
#define FDMEM_SMALL ((size_t)64 << 10)

/* The first part of a segment's private bytes. */
struct fdmem {
	/*
	 * The descriptor + 1, or 0. Open if created and not published, peeked
	 * or kept; a mapping needs no descriptor.
	 */
	int fd;
	/*
	 * Set by the backend before it maps: fd stays open, and belongs to the
	 * mapped description. That takes a descriptor for every segment;
	 * fdmem_export() needs it.
	 */
	bool keeps;
	bool marked; /* set likewise: it has a use mark already */
	bool peeked; /* a copy of the header is mapped */
	/*
	 * The file has the bit S_ISVTX, which only its owner can change. (A
	 * process that may write the header could change its flag.)
	 */
	bool transient;
	dev_t dev; /* the file's, constant while it exists */
	uint64_t ino;
	/* If opened and not peeked: the first part of the header. */
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];
};

/*
 * Make an empty file length bytes long and reserve its pages; with
 * SHMIPC_SEGMENT_LAZY, those of the header only.
 *   -ENOSPC  no room, or a limit; where names what is full
 */
int fdmem_reserve(int fd, size_t length, unsigned flags, const char *where);

/*
 * Open another description of the same file, with open(2)'s access checks for
 * O_RDONLY or O_RDWR. Returns a descriptor.
 *   -EACCES  the file's mode does not allow it
 */
int fdmem_reopen(int fd, int access);

/*
 * Read the start of an open descriptor's fdinfo, proc(5): lines of
 * "key:\tvalue", each after a newline.
 */
#define FDMEM_INFO 1024
int fdmem_read_info(int fd, char ret[FDMEM_INFO]);

/*
 * Give a new file of this length, with the flags of segment_create(), exactly
 * this mode, map it for writing, and set the caller's use mark. As in
 * fdmem_map(), only users may share the description. The descriptor becomes the
 * segment's if keeps is set, and stays the caller's otherwise.
 */
int fdmem_map_new(struct shmipc_segment *seg, int fd, size_t length,
		  mode_t mode, unsigned flags);

/*
 * Map a file that was found under the segment's name, as segment_open() does:
 * for writing or reading, or, for SHMIPC_SEGMENT_PEEK, a copy of its header.
 * Its header is checked before the file is mapped; if the segment's name is "",
 * any name is accepted. On success the descriptor is the segment's.
 *   -EPROTO  it is not this segment
 *   -ESTALE  it is an orphan: transient and without a user
 *   -EAGAIN  it may be becoming an orphan: look again
 */
int fdmem_map(struct shmipc_segment *seg, int fd, unsigned flags);

/*
 * Export the descriptor that a segment keeps, and import one: segment_export()
 * and segment_import(), for one descriptor. Every user has its own description,
 * with its own use mark: it can neither remove another's mark nor become able
 * to write to a segment that it received for reading. (A process with the same
 * user id can, by opening it again through /proc.)
 *
 * Where the mode of the file does not allow that, as to another user or in a
 * container's user namespace, the descriptor itself gives the right, and the
 * description is shared: its sharers count as one user, until the last of them
 * has exited or closed it.
 *
 * The backend must check the seals of an imported file, so that mapping it is
 * safe. -ESTALE and -EAGAIN as fdmem_map().
 */
int fdmem_export(const struct shmipc_segment *seg, unsigned flags);
int fdmem_import(struct shmipc_segment *seg, int fd, unsigned flags);

/* Close the descriptor if open, and unmap. */
void fdmem_unmap(struct shmipc_segment *seg);

/*
 * Is the file under this name such a segment, and transient? 0 or 1.
 *   -EPROTO  it is not this segment
 */
int fdmem_is_transient(int fd, const struct shmipc_kind_info *kind,
		       const char *name);

/* Is this a descriptor of the segment's file? */
bool fdmem_is_file_of(const struct shmipc_segment *seg, int fd);

/* The whole of segment_stat(), for a peeked segment. */
int fdmem_stat(const struct shmipc_segment *seg,
	       struct shmipc_segment_stat *ret);

#endif
