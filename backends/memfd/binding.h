/* SPDX-License-Identifier: MIT */
/*
 * What a connection has open, should the broker lose its name.
 *
 * A broker that is killed takes all names along. Who has objects open goes on;
 * but the next one who opens such a name finds another object under it, or
 * none. If this connection were that one, a program would be split from its
 * peers and from itself, and never know. So names mean one incarnation of the
 * broker (wire.h) as long as anything is open that had its name from it:
 * questions that need a name carry it, and -ESTALE is all that another broker
 * answers. When the last such object is closed, the next broker is as good.
 *
 * What was unlinked had no name to lose, and binds nobody: the broker notes
 * that in it (WIRE_NAMELESS). We look when it matters, which is hardly ever.
 *
 *   word   incarnation in the high half, number of objects in the low one;
 *          whoever opens or closes one changes it atomically
 *   items  one for each: incarnation, or HELD_FREE, HELD_CLAIMED, HELD_FORGIVEN
 *          (not counted any more); and where it is mapped
 *
 * All atomics are seq_cst: none of this is a fast path. No lock, so that a
 * child of fork(2) goes on with what its parent had.
 *
 * The mappings are read through the kernel (process_vm_readv(2)), since another
 * thread may just close them; what is read then means nothing much: we may
 * tell somebody that he lost a name, or not.
 *
 * Death takes all of it along. A thread of the parent that was half way through
 * held_enter() at a fork() makes the child count one too many: it is told
 * -ESTALE after a broker's death until it makes a new connection.
 */
#ifndef SHMI_MEMFD_HELD_H
#define SHMI_MEMFD_HELD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmipc-backend.h>

#define HELD_FREE     0U
#define HELD_CLAIMED  1U
#define HELD_FORGIVEN 2U /* incarnations are greater */

struct held_item {
	_Atomic uint32_t state;
	_Atomic(const void *) addr;
	_Atomic uint32_t kind;
};

#define HELD_ITEMS 128

struct held_items {
	struct held_items *_Atomic next;
	struct held_item items[HELD_ITEMS];
};

/* Zeroed at first. */
struct held {
	_Atomic uint64_t word;
	struct held_items *_Atomic first;
};

/* The incarnation that names mean here; 0: any. */
uint32_t held_incarnation(struct held *held);

/*
 * This segment was opened, or got its name, at this incarnation. Returns in
 * *ret what held_leave() wants.
 *   -ESTALE  names mean another one here
 *   -ENOMEM
 */
int held_enter(struct held *held, uint32_t incarnation,
	       const struct shmipc_segment *seg, struct held_item **ret);

/* It is closed. NULL is fine. */
void held_leave(struct held *held, struct held_item *item);

/*
 * The broker of our incarnation is gone. Forget what had been unlinked before.
 * Is there nothing else, so that names may mean another one now?
 */
bool held_review(struct held *held);

/*
 * Call found() for what is open and lost its name, if the broker that runs has
 * this incarnation (0: none runs). Stops when found() is not 0.
 */
int held_walk_lost(struct held *held, uint32_t incarnation,
		   int (*found)(const struct shmipc_info *info, void *arg),
		   void *arg);

/* The end; nothing is open any more. */
void held_close(struct held *held);

#endif
