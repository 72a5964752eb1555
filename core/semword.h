/* SPDX-License-Identifier: MIT */
/*
 * A counting semaphore in one shared word, and a kernel semaphore to sleep on.
 *
 *   value   bits 0 to 30: units available. Bit 31, MARK: a thread may sleep.
 *           All users change it, atomically.
 *   tokens  the value of the kernel semaphore (ksem). A token is a wake-up, not
 *           a unit: an extra one costs one needless look.
 *
 *   post:  [P1] value += 1 and clear MARK, in one step
 *          [P2] if MARK was set: add a token
 *
 *   wait:  [W1] if value > 0: value -= 1; done. After a sleep also set MARK
 *               in the same step, and
 *          [W2] if units are left then, add a token
 *          Before the first sleep this may be repeated for a while: spin.h
 *          [W3] value == 0: set MARK, unless it is set
 *          [W4] sleep until there is a token, until the deadline or for the
 *               recheck interval; then look again
 *
 * Why no thread stays asleep while a unit is free. Call these "responsible": a
 * poster between P1 and P2, a token, and a waiter between W4 and the end of
 * W1-W2 or W3. Once a thread has slept, MARK is set or there is a responsible
 * one: a poster that clears MARK (P1) becomes responsible and passes that to a
 * token, which passes it to a waiter, which sets MARK again (W1 or W3). While
 * there are units and sleepers, there is a responsible one: only P1 makes units
 * appear beside a MARK, and a responsible waiter ends with no unit left, or
 * passes it on (W2). That is why a woken waiter sets MARK when it takes a unit:
 * others may still sleep, and the post that woke it cleared MARK for them too.
 * tests/model/semword.pml states this proof for spin, with the same labels.
 *
 * Sleepers are not counted, since a killed one would leave the count too high
 * for ever: a MARK without a sleeper is cleared by the next post.
 *
 * A woken waiter looks before it reports a deadline, since it is responsible.
 * An interrupted one took no token and need not look.
 *
 * Order. All steps act on one word, so no order between two words matters and
 * nothing is seq_cst. P1 is release and W1 acquire: writes before a post are
 * visible after the wait that took its unit; takes in between do not break
 * that, as they continue P1's release sequence. W3 and the loads before a
 * compare-and-swap are relaxed, because the swap decides. P2 follows P1 in the
 * same thread, and adding and taking a token order memory in the kernel, so a
 * waiter that took a token sees P1.
 *
 * Death. A responsible thread (a poster between P1 and P2, a waiter between W4
 * and W1, W2 or W3) that is killed, cancelled, or leaves by the longjmp(3) of a
 * handler, leaves others asleep beside a unit. Each sleeper looks again after
 * the recheck interval at the latest, so that lasts no longer. Killed after W1,
 * or after post's P1: the unit is taken or given for good. Killed asleep: the
 * next post adds one needless token.
 *
 * The number of extra tokens has no bound, but each costs one system call to
 * make and one to take. A full counter has enough tokens, so overflow is
 * ignored.
 */
#ifndef SHMI_SEMWORD_H
#define SHMI_SEMWORD_H

#include <errno.h>

#include "header.h"
#include "spin.h"

#define SHMI_SEMWORD_MARK 0x80000000U

static_assert(SHMIPC_SEM_VALUE_MAX < SHMI_SEMWORD_MARK,
	      "the mark has a bit of its own");

/* Relaxed: a hint only; the swap that follows decides. */
static inline uint32_t shmi_semword_look(const struct shmi_header *h)
{
	return atomic_load_explicit(&h->value, memory_order_relaxed);
}

/* On failure *word is the current value. */
static inline bool shmi_semword_swap(struct shmi_header *h, uint32_t *word,
				     uint32_t wanted, memory_order order)
{
	return atomic_compare_exchange_weak_explicit(
		&h->value, word, wanted, order, memory_order_relaxed);
}

/* Units available now. */
static inline unsigned shmi_semword_value(const struct shmi_header *h)
{
	return shmi_semword_look(h) & ~SHMI_SEMWORD_MARK;
}

/*
 * Take a unit.
 *   -EAGAIN  no unit is available
 */
static inline int shmi_semword_trywait(struct shmi_header *h)
{
	uint32_t word = shmi_semword_look(h);

	while (word & ~SHMI_SEMWORD_MARK)
		/* [W1] acquire: partner is P1's release. */
		if (shmi_semword_swap(h, &word, word - 1, memory_order_acquire))
			return 0;
	return -EAGAIN;
}

/* P2, from a signal handler too. */
void shmi_semword_wake(struct shmipc_segment *seg);

/*
 * Add a unit, and wake a sleeper. Async-signal-safe.
 *   -EOVERFLOW  the value is SHMIPC_SEM_VALUE_MAX
 */
static inline int shmi_semword_post(struct shmipc_segment *seg)
{
	struct shmi_header *h = seg->addr;
	uint32_t word = shmi_semword_look(h);

	do {
		if ((word & ~SHMI_SEMWORD_MARK) == SHMIPC_SEM_VALUE_MAX)
			return -EOVERFLOW;
		/* [P1] release: partners are both [W1]. */
	} while (!shmi_semword_swap(h, &word, (word & ~SHMI_SEMWORD_MARK) + 1,
				    memory_order_release));
	/* [P2] */
	if (word & SHMI_SEMWORD_MARK)
		shmi_semword_wake(seg);
	return 0;
}

/* The slow half of a wait, after shmi_semword_trywait() has failed. */
int shmi_semword_wait_slowly(struct shmipc_segment *seg, struct shmi_spin *spin,
			     const struct timespec *deadline);

/*
 * Take a unit; spin for a while, then sleep on the segment's ksem until one is
 * available. deadline: absolute CLOCK_MONOTONIC, valid; NULL: for ever.
 *   -ETIMEDOUT  no unit became available before the deadline
 *   and the other codes of ksem_wait()
 */
static inline int shmi_semword_wait(struct shmipc_segment *seg,
				    struct shmi_spin *spin,
				    const struct timespec *deadline)
{
	if (shmi_semword_trywait((struct shmi_header *)seg->addr) == 0)
		return 0;
	return shmi_semword_wait_slowly(seg, spin, deadline);
}

#endif
