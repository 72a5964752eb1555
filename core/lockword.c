/* SPDX-License-Identifier: MIT */
/* The slow half of a robust lock. The protocol: lockword.h. */
#include <config.h>

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"
#include "util/futex.h"
#include "error.h"
#include "kind.h"
#include "lockword.h"

#define ID	FUTEX_TID_MASK
#define DIED	FUTEX_OWNER_DIED
#define WAITERS FUTEX_WAITERS

/* On failure *word is the current value. */
static bool swap(struct shmi_header *h, uint32_t *word, uint32_t wanted,
		 memory_order order)
{
	return atomic_compare_exchange_weak_explicit(
		&h->lock, word, wanted, order, memory_order_relaxed);
}

/* Relaxed: a hint only; the swap that follows decides. */
static uint32_t look_at_word(const struct shmi_header *h)
{
	return atomic_load_explicit(&h->lock, memory_order_relaxed);
}

int shmi_lockword_check(const struct shmi_lock *lock)
{
	if (!lock->pid_space)
		return shmipc_backend_error(
			-ENOTSUP, "its pid name space is not known; it was "
				  "made without /proc, or without memory");
	if (lock->pid_space != shmi_the_thread.pid_space)
		return shmipc_backend_error(
			-ENOTSUP,
			"it was made in another pid name space, where thread "
			"ids mean others; its lock works only there");
	if (shmi_lock_node_mine(shmi_lockword_node(lock), lock))
		return -EDEADLK;
	return shmi_robust_has_room() ? 0 : -ENOLCK;
}

/*
 * L1, retried while the lock is free.
 *   -EOWNERDEAD       taken, after a death
 *   -EBUSY            taken by another thread; *word is the value read
 *   -ENOTRECOVERABLE
 */
static int take_word(struct shmi_header *h, uint32_t *word, uint32_t waiters)
{
	*word = look_at_word(h);
	for (;;) {
		uint32_t kept = *word & (DIED | WAITERS);

		if (*word == SHMI_LOCKWORD_NOT_RECOVERABLE)
			return -ENOTRECOVERABLE;
		if (*word & ID)
			return -EBUSY;
		/* [L1] acquire: partner is U2's release, or the kernel. */
		if (swap(h, word, shmi_the_thread.id | kept | waiters,
			 memory_order_acquire))
			return kept & DIED ? -EOWNERDEAD : 0;
	}
}

static bool is_free(void *header)
{
	return !(look_at_word(header) & ID);
}

/*
 * L4.
 *   -ETIMEDOUT  no wake-up came
 *   -EINTR
 */
static int sleep_on(struct shmi_header *h, uint32_t word,
		    const struct timespec *deadline)
{
	struct timespec wake = shmi_clock_recheck(deadline);

	/* [L4] With a deadline it returns EINTR after every handler. */
	if (shmi_futex(&h->lock, FUTEX_WAIT_BITSET, word, &wake) == 0 ||
	    errno == EAGAIN)
		return 0;
	return -errno;
}

/* L5. kill(2) accepts the id of any thread, not only a process id. */
static bool take_from_nobody(struct shmi_header *h, uint32_t word)
{
	if (kill((pid_t)(word & ID), 0) == 0 || errno != ESRCH)
		return false;
	/* [L5] acquire: as L1, from a holder that the kernel missed. */
	return swap(h, &word, shmi_the_thread.id | DIED | WAITERS,
		    memory_order_acquire);
}

/* Callers that never sleep try L5 every 64th time: it is a system call. */
static bool is_time_to_ask(struct shmi_lock *lock)
{
	return atomic_fetch_add_explicit(&lock->refused, 1,
					 memory_order_relaxed) %
		       64 ==
	       63;
}

int shmi_lockword_take_slowly(struct shmi_header *h, struct shmi_lock *lock,
			      bool may_sleep, const struct timespec *deadline)
{
	uint32_t word, waiters = 0;
	bool spun = false, late;
	int r = 0;

	shmi_error_begin();
	for (;;) {
		int taken = take_word(h, &word, waiters);

		/* If we took WAITERS away, the last U3 woke no other. */
		if (taken == -ENOTRECOVERABLE && waiters)
			shmi_lockword_wake(h, true);
		if (taken != -EBUSY)
			return taken;
		if ((word & ID) == shmi_the_thread.id)
			return -EDEADLK;
		if (!may_sleep)
			return is_time_to_ask(lock) && take_from_nobody(h, word)
				       ? -EOWNERDEAD
				       : -EBUSY;
		late = deadline && shmi_clock_reached(deadline);
		if ((late || r == -ETIMEDOUT) && take_from_nobody(h, word))
			return -EOWNERDEAD;
		if (late && !waiters)
			return -ETIMEDOUT;
		if (!spun) {
			spun = true;
			if (shmi_spin(&lock->spin, is_free, h))
				continue;
		}
		/* [L3] relaxed: it carries no data. Set it even if late. */
		if (!(word & WAITERS) &&
		    !swap(h, &word, word | WAITERS, memory_order_relaxed))
			continue;
		if (late)
			return -ETIMEDOUT;
		r = sleep_on(h, word | WAITERS, deadline);
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		waiters = WAITERS;
	}
}

void shmi_lockword_wake(struct shmi_header *h, bool all)
{
	shmi_futex(&h->lock, FUTEX_WAKE, all ? INT_MAX : 1, NULL);
}

int shmi_lockword_mark_consistent(struct shmi_header *h, struct shmi_lock *lock)
{
	int r = shmi_thread();
	uint32_t was;

	if (r < 0)
		return r;
	if (!shmi_lock_node_mine(shmi_lockword_node(lock), lock))
		return -EPERM;
	/* Relaxed: U2 carries the data. */
	was = atomic_fetch_and_explicit(&h->lock, ~DIED, memory_order_relaxed);
	return was & DIED ? 0 : -EINVAL;
}

void shmi_lockword_state(const struct shmi_header *h, struct shmipc_info *ret)
{
	uint32_t word = look_at_word(h);

	if (word == SHMI_LOCKWORD_NOT_RECOVERABLE) {
		strcpy(ret->state, "not recoverable");
	} else if (word & ID) {
		if (h->pid_space && h->pid_space == shmi_pid_space())
			ret->holder = (pid_t)(word & ID);
		snprintf(ret->state, sizeof(ret->state), "locked by %u",
			 word & ID);
	} else if (word & DIED) {
		strcpy(ret->state, "owner died");
	}
}
