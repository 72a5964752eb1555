/* SPDX-License-Identifier: MIT */
/*
 * The first page of every segment: it describes the object.
 *
 * Any process that may write the segment can write here, so every reader treats
 * it as hostile: shmi_header_check() copies what it needs once, checks the
 * copy, and the rest of the library uses the copy. After that only these fields
 * are read again: `value' and `lock', of which any value is harmless, and, by
 * backends, `backend_word', which they verify.
 *
 *   field       written by, when                          read by
 *   state       creator BUILDING -> READY (commit), or    all openers
 *               a finder BUILDING -> DEAD (abort): one
 *               of them wins; READY -> DEAD (end) by the
 *               process that unlinked it, on early names
 *               only
 *   kind        creator, after name                       all openers
 *   value       any user, atomically: semword.h           the same
 *   lock        any user, atomically: lockword.h; and the the same
 *               kernel, when its holder dies
 *   links       the lock's holder: robust.h               the kernel, when the
 *                                                         holder dies
 *   backend_    creator's backend, before READY; memfd's  the same backend
 *   word        broker, when it unlinks
 *   the others  creator, before READY; then constant      all openers
 *
 * Order. The creator writes all fields, then READY with release [H1]; an opener
 * reads READY with acquire [H2], then the fields. So an opener that sees READY
 * sees the fields. On backends with early names a finder also reads unfinished
 * headers: kind is written with release [H3] after the name and read with
 * acquire [H4], so the name is complete if kind is not 0. DEAD carries no data.
 *
 * Fresh memory is zero, and zero is BUILDING: a creator that dies before it
 * wrote anything leaves a correct header. The backend may write its word first;
 * the magic is next, so that what is left by a creator that dies later is known
 * as ours.
 *
 * Death. Before [H1] the segment stays BUILDING: on backends that publish by
 * linking no process can find it and the system frees it; on those with early
 * names the next creator makes it DEAD. After [H1] it is complete.
 */
#ifndef SHMI_HEADER_H
#define SHMI_HEADER_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmipc-backend.h>

#include "robust.h"

#define SHMI_STATE_BUILDING 0x00000000U
#define SHMI_STATE_READY    0x59444552U /* "REDY" */
#define SHMI_STATE_DEAD	    0x44414544U /* "DEAD" */

/* Room for SHMIPC_NAME_MAX bytes and a NUL, in whole words. */
#define SHMI_HEADER_NAME 208

struct shmi_header {
	uint8_t magic[8];
	uint32_t abi; /* layout version, word size, libc: header.c */
	_Atomic uint32_t kind;
	_Atomic uint32_t state;
	uint32_t header_size; /* SHMIPC_HEADER_SIZE; the bytes begin there */
	uint64_t size;	      /* of a region, in bytes; 0 for a semaphore */
	int64_t created;      /* ns since the epoch, CLOCK_REALTIME */
	int32_t creator;      /* process id */
	uint32_t flags;	      /* SHMI_HEADER_* */
	char name[SHMI_HEADER_NAME]; /* NUL-terminated */
	uint64_t backend_word; /* the backend's own word; 0 if it needs none */
	uint64_t pid_space;    /* where thread ids in lock are valid */
	uint8_t reserved[752];
	/* Its own cache line: a busy semaphore touches nothing else. */
	_Atomic uint32_t value;
	uint8_t reserved_too[1020];
	/* Its own cache line, too. */
	_Atomic uint32_t lock;
	uint8_t links[SHMI_ROBUST_REACH + 60];
	uint8_t unused[SHMIPC_HEADER_SIZE - 2048 - 128];
};

static_assert(sizeof(struct shmi_header) == SHMIPC_HEADER_SIZE, "one page");
static_assert(offsetof(struct shmi_header, state) == 16, "layout");
static_assert(offsetof(struct shmi_header, size) == 24, "layout");
static_assert(offsetof(struct shmi_header, created) == 32, "layout");
static_assert(offsetof(struct shmi_header, creator) == 40, "layout");
static_assert(offsetof(struct shmi_header, name) == 48, "layout");
static_assert(offsetof(struct shmi_header, backend_word) == 256, "layout");
static_assert(offsetof(struct shmi_header, pid_space) == 264, "layout");
static_assert(offsetof(struct shmi_header, value) == 1024, "layout");
static_assert(offsetof(struct shmi_header, lock) == 2048, "layout");
static_assert(sizeof(((struct shmi_header *)0)->links) >=
		      SHMI_ROBUST_REACH + sizeof(struct shmi_link),
	      "room for an element");
static_assert(offsetof(struct shmi_header, reserved) <= SHMIPC_HEADER_LOOK,
	      "all that shmi_header_check() reads");
static_assert(SHMI_HEADER_NAME > SHMIPC_NAME_MAX, "room for a NUL");
static_assert(ATOMIC_INT_LOCK_FREE == 2, "atomics must work across processes");

/* The object is removed after its last user. */
#define SHMI_HEADER_TRANSIENT 0x01U

/* The contents of a new header. */
struct shmi_contents {
	uint32_t kind;
	const char *name;
	uint64_t size;
	uint32_t value;
	uint32_t flags;
};

/* Fill a zeroed header, except backend_word; it stays BUILDING. */
void shmi_header_fill(struct shmi_header *h,
		      const struct shmi_contents *contents);

/*
 * shmipc_segment_look(), with the facts of a complete segment of this kind and
 * name in *ret, and a message for -EPROTO.
 */
int shmi_header_check(const void *addr, size_t length, uint32_t kind,
		      const char *name, struct shmipc_segment_facts *ret);

#endif
