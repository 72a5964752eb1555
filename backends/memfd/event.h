/* SPDX-License-Identifier: MIT */
/*
 * The eventfd(2) that a semaphore sleeps on, when somebody else has it too.
 *
 * There is one description of it: an eventfd cannot be reopened through /proc
 * as memory can. So its O_NONBLOCK belongs to all who have it, and each can
 * take it from the others at any time. Reading does not rest on it:
 * event_take(). Writing cannot do without: there is no such flag for write(2).
 * Who clears O_NONBLOCK and fills the counter, on purpose, makes those who post
 * to sleepers wait, until somebody reads. They can be killed in there, and
 * interrupted.
 */
#ifndef SHMI_MEMFD_EVENT_H
#define SHMI_MEMFD_EVENT_H

/*
 * A new descriptor for the eventfd behind this one, which may be anything.
 *   -EBADF   no open descriptor
 *   -EPROTO  something else
 */
int event_dup(int fd);

/*
 * Is it in the modes that we make them in? Otherwise waits and posts could
 * block, or a wait take the wake-ups of others. Older kernels do not tell
 * whether it is in semaphore mode: then it is taken to be, and what gets lost
 * if it is not, the next look finds (semword.h).
 *   -EPROTO  no
 */
int event_check(int fd);

/* Take a token, if there is one. Never blocks, is no cancellation point. */
void event_take(int fd);

#endif
