/* SPDX-License-Identifier: MIT */
/*
 * The memory of a memfd segment: making it, finding it, mapping it.
 *
 * A descriptor that was passed on leads to the same open file description for
 * all, and a use mark of one holder could not be told from that of another. So
 * every process maps a description of its own, reopened through /proc, which
 * also makes the kernel check the mode; the broker has the description that the
 * creator gave it. Each handle keeps its descriptor, so that the segment can be
 * exported without the broker (fdmem_export()).
 */
#ifndef SHMI_MEMFD_MEMORY_H
#define SHMI_MEMFD_MEMORY_H

#include <stdbool.h>
#include <sys/types.h>

#include "backends/fdmem/fdmem.h"
#include "backends/memfd/binding.h"
#include "backends/memfd/client.h"

/* The private bytes of a segment. Descriptors are stored +1; 0 means none. */
struct memfd {
	struct fdmem mem;	      /* first: fdmem.h */
	int given;		      /* the description for the broker */
	int events[SHMIPC_KSEMS_MAX]; /* the ksems */
	bool published;
	struct binding *binding; /* or NULL */
};

struct memfd *memfd_of(const struct shmipc_segment *seg);

/* A new, sealable memfd with this name in /proc, or a negative errno value. */
int memory_make(const char *name, mode_t mode);

/*
 * Check that a descriptor from another process is memory that is safe to map:
 * wire_is_memory().
 *   -EBADF   no open descriptor
 *   -EPROTO  something else
 */
int memory_check(int fd);

/*
 * Request the descriptors of the segment from the broker, with the flags of
 * segment_open(). As client_ask(), and
 *   -EPROTO  it does not have the number of ksems that its kind has
 */
int memory_request(const struct shmipc_segment *seg, unsigned flags,
		   struct wire *reply, struct wire_fds *fds);

/* Map a description of our own of what the broker has sent. */
int memory_map(struct shmipc_segment *seg, int fd, unsigned flags);

#endif
