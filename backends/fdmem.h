/* SPDX-License-Identifier: MIT */
/*
 * Shared memory behind a file descriptor: what posix and memfd have in common.
 *
 * Who uses an object? Every user holds a read lock on one byte, at a random
 * offset far behind the bytes, taken with F_OFD_SETLK on a description of his
 * own that is then mapped and whose descriptor is then closed. The kernel
 * keeps the description, and so the lock, exactly as long as any mapping of
 * it: over fork, until munmap, exec, exit or SIGKILL. Nobody has to tidy up
 * for the dead. Different offsets make the locks countable.
 */
#ifndef SHMI_FDMEM_H
#define SHMI_FDMEM_H

#include <stdbool.h>

#include <shmipc-backend.h>

/*
 * Make an empty file length bytes long and reserve its pages; if lazy, those of
 * the header only.
 *   -ENOSPC  no room, or a limit; where names the place that is full
 */
int fdmem_reserve(int fd, size_t length, bool lazy, const char *where);

/*
 * Another description of the same file, with open(2)'s access checks for
 * O_RDONLY or O_RDWR. Returns a descriptor.
 *   -EACCES  its mode does not allow it
 */
int fdmem_reopen(int fd, int access);

/*
 * Map a new file of this length, for writing, and count the caller among its
 * users. As in fdmem_map(), the description must not be shared with anybody
 * who is none; the descriptor may be closed afterwards.
 */
int fdmem_map_new(struct shmipc_segment *seg, int fd, size_t length);

/*
 * Map a file that was found under the segment's name, as segment_open() does:
 * for writing or reading, or, for SHMIPC_SEGMENT_PEEK, a copy of its header.
 * Its header is judged before the file is mapped.
 *   -EPROTO  it is not this segment
 */
int fdmem_map(struct shmipc_segment *seg, int fd, unsigned flags);
void fdmem_unmap(struct shmipc_segment *seg, bool peeked);

/* All of segment_stat(). */
int fdmem_stat(int fd, struct shmipc_segment_stat *ret);

#endif
