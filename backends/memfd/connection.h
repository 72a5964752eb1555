/* SPDX-License-Identifier: MIT */
/* A connection to the broker, and how one is kept for the next request. */
#ifndef SHMI_MEMFD_CONNECTION_H
#define SHMI_MEMFD_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "backends/memfd/wire.h"

/* A connection, and to whom. */
struct connection {
	int sock;
	uint32_t broker_id;
	uid_t uid; /* its broker's, and ours when we connected */
	pid_t pid; /* ours then */
	/* Of a batch that was not read to its end: how many may still come. */
	unsigned unread;
	uint64_t nonce; /* of its request */
};

/*
 * Connect and be greeted; start a broker if there is none and start says so.
 *   -ENOENT        there is none
 *   -ECONNREFUSED  it cannot be reached, started or trusted
 *   -ETIMEDOUT     it did not reply
 *   -EMFILE        no descriptor left, here or there
 */
int connection_open(bool start, struct connection *ret,
		    const struct timespec *deadline);

/*
 * Receive one reply. As wire_receive(), but that it waits until the deadline,
 * and has a sentence for what is no reply of a broker:
 *   -ECONNREFUSED  instead of -EPROTO and -EPROTONOSUPPORT
 *   -ETIMEDOUT
 */
int connection_receive(int sock, const struct timespec *deadline,
		       struct wire *ret, struct wire_fds *fds);

/* Does this error mean that the connection has ended? */
bool connection_has_ended(int err);

/* -EMFILE, with the sentence that it is the broker's. */
int connection_no_fds_left(void);

/*
 * Take the connection that a slot keeps, and keep one in it; client.h says what
 * a slot is. self: the caller's process id. Taking returns whether there was
 * one; what cannot be kept is closed.
 */
bool connection_take(struct connection *_Atomic *slot, pid_t self,
		     struct connection *ret);
void connection_keep(struct connection *_Atomic *slot,
		     const struct connection *connection);

#endif
