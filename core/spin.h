/* SPDX-License-Identifier: MIT */
/*
 * Looking again before sleeping, as long as it pays.
 *
 * To be put to sleep and woken costs some 5 to 20 us, most of it in the kernel.
 * Who finds what he waits for in less time by looking again has won. Where the
 * other side runs on another core it needs a fraction of a microsecond, and so
 * the first looks follow each other closely. Where it shares our core it can do
 * nothing while we look, so between the later looks we give the core away
 * (sched_yield(2)): it is the next to run, and neither of us was put to sleep.
 *
 * Neither helps if the other side simply takes longer, and the second hurts if
 * somebody else wants the core too: he keeps it for milliseconds. Nothing tells
 * us beforehand, so experience does. What a trial in vain has cost is saved
 * before the next one: so many waits of this handle go without that it is a
 * small part of what they take. So the worst that can happen is that waits are
 * some percent slower, whatever the machine does. And as a trial is long enough
 * to see the answer of somebody who has to be woken first, two sides that have
 * both come to sleep find back.
 *
 * One of these stands in each handle, private to the process. It is a guess, of
 * no consequence but time: threads that share a handle write it without order.
 */
#ifndef SHMI_SPIN_H
#define SHMI_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shmi_spin {
	_Atomic uint32_t skip; /* waits that are still to go without */
	_Atomic uint32_t
		yields; /* so many more start by giving the core away */
};

/*
 * Look until found(arg), for a while; whether it was found. May look not at
 * all. found() says true once, so it can also take what it finds.
 */
bool shmi_spin(struct shmi_spin *spin, bool (*found)(void *arg), void *arg);

#endif
