/* SPDX-License-Identifier: MIT */
/*
 * The box of a server: names that went, past the socket (supervisor.h).
 *
 * A page that the supervisor makes for one server, and that both have mapped;
 * sealed against shrinking, so that neither can be killed by the other's file.
 * What the server puts there stays when it dies, as in the socket, and needs no
 * system call on either side; but descriptors do not fit.
 *
 *   written  how many were put there. The server writes it.
 *   taken    how many were taken. The supervisor writes it.
 *   entries  number n is in n % BOX_ENTRIES. The supervisor may read those from
 *            taken to written, the server may write all others.
 *
 *   put:  [P1] read taken, acquire       take:  [T1] read written, acquire
 *         [P2] write the entry                  [T2] copy the entry
 *         [P3] written += 1, release            [T3] taken += 1, release
 *
 * P3 and T1: what is taken is complete. T3 and P1: what is written over has
 * been copied. Nobody sleeps because of these words, so that no store must come
 * before a load, and none is seq_cst.
 *
 * The server may be broken. So the supervisor does not read taken, but remembers
 * it; does not believe written if it is further than there is room; and checks
 * a copy.
 *
 * Death. The server's before P3: nothing was journalled; after it, it was. The
 * supervisor's: supervisor.h.
 */
#ifndef SHMI_MEMFD_BOX_H
#define SHMI_MEMFD_BOX_H

#include <stdatomic.h>

#include "backends/memfd/broker/journal.h"

/* A power of two: the words wrap. More than JOURNAL_OWED: it may be late. */
#define BOX_ENTRIES 32

/* What a JOURNAL_DROP says. */
struct box_entry {
	uint64_t order;
	uint64_t nonce;
	uint32_t slot;
	uint16_t asked;
	uint8_t reserved[10];
};

struct box_page {
	_Atomic uint32_t written;
	_Atomic uint32_t taken;
	uint8_t reserved[56];
	struct box_entry entries[BOX_ENTRIES];
};

static_assert((BOX_ENTRIES & (BOX_ENTRIES - 1)) == 0, "a power of two");
static_assert(offsetof(struct box_page, taken) == 4 &&
		      offsetof(struct box_page, entries) == 64 &&
		      sizeof(struct box_entry) == 32 &&
		      sizeof(struct box_page) == 64 + 32 * BOX_ENTRIES,
	      "no padding, the same everywhere");

/* The supervisor's side. */
struct box {
	struct box_page *page;
	uint32_t taken;
};

/*
 * Make one, mapped. Returns the descriptor for the server, the caller's to
 * close, or a negative errno value.
 */
int box_make(struct box *ret);
void box_unmake(struct box *box);

/* Map the server's side. */
int box_map(int fd, struct box_page **ret);

/*
 * Put a JOURNAL_DROP there.
 *   -EAGAIN  it is full
 */
int box_put(struct box_page *page, const struct journal_entry *entry);

/* How many were put there until now. [T1] */
uint32_t box_written(const struct box *box);

/*
 * Take the next one, if it was among the first so many put there and has a
 * smaller order (0: whatever it has). Returns 1 and sets *ret, or 0 if there is
 * none such.
 *   -EPROTO  nonsense, which is taken all the same
 */
int box_take(struct box *box, uint32_t written, uint64_t order,
	     struct journal_entry *ret);

#endif
