/* SPDX-License-Identifier: MIT */
/*
 * Bindings: what a connection has open, and which broker its names are of.
 *
 * A broker that is killed takes all names with it. Processes that have objects
 * open keep using them; but the next process that opens such a name finds
 * another object under it, or none. If this connection did so, its program
 * would be split from its peers and from itself without noticing. So as long as
 * an object is open whose name came from a broker, names mean the names of that
 * broker: requests that need a name carry its broker id (wire.h), and any other
 * broker answers -ESTALE. When the last such object is closed, names may mean
 * those of any broker again.
 *
 * An object that was unlinked had no name to lose and binds nothing: the broker
 * writes that into its backend word (WIRE_NAMELESS). We look there only after
 * a broker is gone.
 *
 *   word   the broker id in the high half, the number of bound objects in the
 *          low half; every open and close changes it atomically
 *   items  one for each object: a broker id, or BINDING_FREE, BINDING_CLAIMED,
 *          BINDING_FORGIVEN (not counted any more); and where it is mapped
 *
 * All atomics are seq_cst: none of this is a fast path. There is no lock, so
 * that a child of fork(2) can continue with what its parent had.
 *
 * The mappings are read through the kernel (process_vm_readv(2)), since another
 * thread may be closing them. Bytes that are read then mean nothing; the only
 * harm is that a name is wrongly reported as lost, or not reported.
 *
 * Death takes all of it along. If a thread of the parent was in the middle of
 * binding_add() at a fork(), the child counts one object too many: after the
 * death of a broker, it gets -ESTALE until it makes a new connection.
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

/* The broker that names are of, or 0: any broker. */
uint32_t binding_broker_id(struct bindings *bindings);

/*
 * Bind a segment that was opened or got its name from this broker. *ret is for
 * binding_remove().
 *   -ESTALE  the names of this connection are of another broker
 *   -ENOMEM
 */
int binding_add(struct bindings *bindings, uint32_t broker_id,
		const struct shmipc_segment *seg, struct binding **ret);

/* The segment is closed. NULL is fine. */
void binding_remove(struct bindings *bindings, struct binding *item);

/*
 * The broker is gone that the names are of. Forgive objects that had been
 * unlinked before. Returns whether there are no others, so that names may now
 * mean those of another broker.
 */
bool binding_review(struct bindings *bindings);

/*
 * Call found() for each object that is open and has lost its name, given the
 * broker id of the running broker (0: none runs). Stops when found() is not 0.
 */
int binding_walk_lost(struct bindings *bindings, uint32_t broker_id,
		      int (*found)(const struct shmipc_info *info, void *arg),
		      void *arg);

/* At the end of the connection, when nothing is open any more. */
void binding_close(struct bindings *bindings);

#endif
