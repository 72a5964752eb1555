/* SPDX-License-Identifier: MIT */
/* A connection to the broker, and how one is kept for the next question. */
#ifndef SHMI_MEMFD_LINE_H
#define SHMI_MEMFD_LINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "backends/memfd/wire.h"

/* A connection, and to whom. */
struct line {
	int sock;
	uint32_t incarnation;
	uid_t uid; /* its broker's, and ours when we connected */
	pid_t pid; /* ours then */
};

/*
 * Connect and be greeted; start a broker if there is none and start says so.
 *   -ENOENT        there is none
 *   -ECONNREFUSED  it cannot be reached, started or trusted
 *   -ETIMEDOUT     it did not answer
 *   -EMFILE        no descriptor left, here or there
 */
int line_connect(bool start, struct line *ret, const struct timespec *deadline);

/*
 * Receive one answer. As wire_receive(), but that it waits until the deadline,
 * and has a sentence for what is no answer of a broker:
 *   -ECONNREFUSED  instead of -EPROTO and -EPROTONOSUPPORT
 *   -ETIMEDOUT
 */
int line_receive(int sock, const struct timespec *deadline, struct wire *ret,
		 struct wire_fds *fds);

/* Does this error mean that the connection has ended? */
bool line_is_over(int err);

/* -EMFILE, with the sentence that it is the broker's. */
int line_is_full(void);

/*
 * Take the connection that a slot keeps, and keep one in it; client.h says what
 * a slot is. self: the caller's process id. Taking returns whether there was
 * one; what cannot be kept is closed.
 */
bool line_take(struct line *_Atomic *slot, pid_t self, struct line *ret);
void line_keep(struct line *_Atomic *slot, const struct line *line);

#endif
