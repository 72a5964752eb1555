/* SPDX-License-Identifier: MIT */
/*
 * What a connection has open, should the broker lose its name.
 *
 * A broker that is killed takes all names along. Who has objects open goes on;
 * but the next one who opens such a name finds another object under it, or
 * none. If this connection were that one, a program would be split from its
 * peers and from itself, and never know. So names mean one broker id of the
 * broker (wire.h) as long as anything is open that had its name from it:
 * requests that need a name carry it, and -ESTALE is all that another broker
 * replies. When the last such object is closed, the next broker is as good.
 *
 * What was unlinked had no name to lose, and binds nobody: the broker notes
 * that in it (WIRE_NAMELESS). We look when it matters, which is hardly ever.
 *
 *   word   broker id in the high half, number of objects in the low one;
 *          whoever opens or closes one changes it atomically
 *   items  one for each: broker_id, or BINDING_FREE, BINDING_CLAIMED, BINDING_FORGIVEN
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
 * binding_add() at a fork() makes the child count one too many: it is told
 * -ESTALE after a broker's death until it makes a new connection.
 */
#ifndef SHMI_MEMFD_BINDING_H
#define SHMI_MEMFD_BINDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmipc-backend.h>

#define BINDING_FREE	 0U
#define BINDING_CLAIMED	 1U
#define BINDING_FORGIVEN 2U /* broker ids are greater */

struct binding {
	_Atomic uint32_t state;
	_Atomic(const void *) addr;
	_Atomic uint32_t kind;
};

#define BINDINGS 128

struct binding_block {
	struct binding_block *_Atomic next;
	struct binding items[BINDINGS];
};

/* Zeroed at first. */
struct bindings {
	_Atomic uint64_t word;
	struct binding_block *_Atomic first;
};

/* The broker id that names mean here; 0: any. */
uint32_t binding_broker_id(struct bindings *bindings);

/*
 * This segment was opened, or got its name, at this broker id. Returns in
 * *ret what binding_remove() wants.
 *   -ESTALE  names mean another one here
 *   -ENOMEM
 */
int binding_add(struct bindings *bindings, uint32_t broker_id,
		const struct shmipc_segment *seg, struct binding **ret);

/* It is closed. NULL is fine. */
void binding_remove(struct bindings *bindings, struct binding *item);

/*
 * The broker of our broker id is gone. Forget what had been unlinked before.
 * Is there nothing else, so that names may mean another one now?
 */
bool binding_review(struct bindings *bindings);

/*
 * Call found() for what is open and lost its name, if the broker that runs has
 * this broker id (0: none runs). Stops when found() is not 0.
 */
int binding_walk_lost(struct bindings *bindings, uint32_t broker_id,
		      int (*found)(const struct shmipc_info *info, void *arg),
		      void *arg);

/* The end; nothing is open any more. */
void binding_close(struct bindings *bindings);

#endif
