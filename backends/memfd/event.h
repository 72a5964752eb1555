/* SPDX-License-Identifier: MIT */
/*
 * An eventfd(2) of a ksem that other processes have too.
 *
 * All of them share one open file description: an eventfd cannot be reopened
 * through /proc as memory can. So O_NONBLOCK is shared as well, and each of
 * them can clear it at any time. Reading does not depend on it: event_take().
 * Writing does, as write(2) has no such flag. A process that clears O_NONBLOCK
 * and fills the counter, on purpose, makes posts to sleepers block until some
 * process reads. They can be killed and interrupted there.
 */
#ifndef SHMI_MEMFD_EVENT_H
#define SHMI_MEMFD_EVENT_H

/*
 * A new descriptor for the eventfd behind fd, which may be anything.
 *   -EBADF   fd is no open descriptor
 *   -EPROTO  fd is not an eventfd
 */
int event_dup(int fd);

/*
 * Is it in the modes in which we make them? Otherwise waits and posts could
 * block, or one wait could take the tokens of others. Older kernels do not tell
 * whether it is in semaphore mode: then we assume it. If that is wrong, the
 * next periodic check of a sleeper makes up for tokens that were lost
 * (semword.h).
 *   -EPROTO  no
 */
int event_check(int fd);

/* Take a token, if any. Never blocks, and is no cancellation point. */
void event_take(int fd);

#endif
