/* SPDX-License-Identifier: MIT */
/*
 * Spinning before sleeping, as long as it pays.
 *
 * To sleep and be woken costs about 5 to 20 us, most of it in the kernel. A
 * thread that gets its result in less time by looking again has won. If the
 * other side runs on another core it needs a fraction of a microsecond, so the
 * first looks follow each other closely. If it shares our core it cannot run
 * while we look, so between the later looks we give the core away
 * (sched_yield(2)): it runs next, and neither of us was put to sleep.
 *
 * Neither helps if the other side simply takes longer, and the second hurts if
 * a third thread wants the core too: it keeps the core for milliseconds. We
 * cannot know beforehand, so we use experience. The cost of a failed trial is
 * saved before the next one: this handle skips spinning for a number of waits
 * that makes the cost a small part of them. So waits are at worst some percent
 * slower, whatever the machine does. A trial is long enough to see the reply of
 * a thread that must be woken first, so two sides that both slept return to
 * spinning.
 *
 * Each handle has one of these, private to the process. It is a guess that
 * affects only time: threads that share a handle write it without order.
 */
#ifndef SHMI_SPIN_H
#define SHMI_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shmi_spin {
	_Atomic uint32_t skip;	 /* waits that still skip spinning */
	_Atomic uint32_t yields; /* waits that still start with a yield */
};

/*
 * Look until found(arg) or for a while; returns whether it was found. It may
 * skip looking. found() returns true once, so it can also take what it finds.
 */
bool shmi_spin(struct shmi_spin *spin, bool (*found)(void *arg), void *arg);

#endif
