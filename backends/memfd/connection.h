/* SPDX-License-Identifier: MIT */
/* A connection to the broker, and slots that keep one for later. */
#ifndef SHMI_MEMFD_CONNECTION_H
#define SHMI_MEMFD_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "backends/memfd/wire.h"

struct connection {
	int sock;
	uint32_t broker_id; /* of the broker at the other end */
	uid_t uid; /* the broker's, and ours when the connection was made */
	pid_t pid; /* ours when the connection was made */
	/* While a batch is not read to its end: replies that may still come. */
	unsigned unread;
	uint64_t nonce; /* of the request for this batch */
};

/*
 * A place for one connection that is not in use. A thread takes the connection
 * with an atomic exchange and puts it back when it has the reply; a thread that
 * finds the slot empty makes a connection of its own. So there is no lock that
 * fork() could leave locked, and no two processes talk over one connection: a
 * child sees its parent's process id and closes its copy.
 */
struct connection_slot {
	struct connection *_Atomic kept; /* or NULL */
};

/*
 * Connect and wait for the greeting. start: start a broker if none runs.
 *   -ENOENT        no broker runs, and start is false
 *   -ECONNREFUSED  the broker cannot be reached, started or trusted
 *   -ETIMEDOUT     it did not reply
 *   -EMFILE        no descriptor left, here or in the broker
 */
int connection_open(bool start, struct connection *ret,
		    const struct timespec *deadline);

/*
 * Receive one reply. Differs from wire_receive() in that it waits until the
 * deadline, and leaves a message where the peer is not a broker of our version:
 *   -ECONNREFUSED  instead of -EPROTO and -EPROTONOSUPPORT
 *   -ETIMEDOUT     no reply until the deadline
 */
int connection_receive(int sock, const struct timespec *deadline,
		       struct wire *ret, struct wire_fds *fds);

/* Does this error mean that the connection has ended? */
bool connection_has_ended(int err);

/* Returns -EMFILE, with the message that the broker has no descriptor left. */
int connection_no_fds_left(void);

/*
 * Take the connection out of a slot. self: the caller's process id. Returns
 * whether the slot had a connection that this process can use.
 */
bool connection_take(struct connection_slot *slot, pid_t self,
		     struct connection *ret);

/*
 * Put a connection into an empty slot. Returns false if the slot is taken or
 * memory is short; the connection then stays the caller's.
 */
bool connection_park(struct connection_slot *slot,
		     const struct connection *connection);

/* The same, but close a connection that cannot be kept. */
void connection_keep(struct connection_slot *slot,
		     const struct connection *connection);

#endif
