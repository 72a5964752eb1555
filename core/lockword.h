/* SPDX-License-Identifier: MIT */
/*
 * A robust lock in one shared word.
 *
 *   word    bits 0 to 29: thread id of the holder, 0 if free. Bit 30, DIED: a
 *           holder died, and the bytes have not been declared consistent since.
 *           Bit 31, WAITERS: a thread may sleep. All id bits set, both flags
 *           clear: not recoverable. The layout is the kernel's (FUTEX_TID_MASK,
 *           FUTEX_OWNER_DIED, FUTEX_WAITERS): it sets DIED and clears the id
 *           when the holder dies.
 *   node    in the handle: the thread of this process that holds the lock by it
 *
 *   lock:   [L0] tell the kernel that we are working on this word
 *           [L1] the lock is free: store our id; keep DIED and WAITERS. After
 *                a sleep also set WAITERS
 *           [L2] add the word to our thread's list; L0 ends
 *           [L3] the lock is taken: set WAITERS unless it is set
 *           [L4] sleep while the word keeps this value, until woken, until the
 *                deadline or for the recheck interval; then look again
 *           [L5] the holder's thread no longer exists: store our id and DIED
 *
 *   unlock: [U0] tell the kernel that we are working on this word
 *           [U1] remove the word from our list
 *           [U2] store 0, or NOT_RECOVERABLE if DIED is still set
 *           [U3] if WAITERS was set, wake one thread, or all; U0 ends
 *
 * A pthread mutex cannot replace this: it keeps pointers in shared memory,
 * which a peer can redirect (robust.h); glibc's assertions abort the program
 * when its fields are invalid; and its waits do not return -EINTR as ours do.
 *
 * WAITERS is not a count, so no death can leave it wrong for good: a needless
 * WAITERS costs one system call at the next U3. A woken waiter sets it again
 * when it takes the lock [L1] or finds that another thread took it first [L3],
 * even if its own deadline has passed: others may still sleep, and U2 cleared
 * the flag for them too. If it finds the lock not recoverable, it wakes the
 * others itself.
 *
 * Order. L1 is acquire and U2 release: the next holder sees what a holder
 * wrote, even a dead one: the kernel sets DIED with a full barrier after the
 * holder's last instruction. L3 is relaxed because it carries no data; the
 * kernel compares the word again before it sleeps [L4], under the lock that U3
 * takes. node is written between L1 and U2, so under the lock. Other threads
 * read it too, but only to see that it is not theirs.
 *
 * Death. Before L1 or after U2: nothing is held. Between L1 and L2, or U1 and
 * U2: the word has our id, is in no list, and is the word that L0 or U0
 * announced: the kernel marks it. Between L2 and U1: it is in the list: the
 * kernel marks it. To mark is to clear the id, set DIED, and wake one sleeper
 * if WAITERS is set; DIED tells the next holder. Between U2 and U3, and for a
 * waiter between its wake-up and L1 or L3: the kernel wakes another sleeper if
 * the announced word is 0 (since Linux 6.2 also if it is 0 but for DIED). If
 * another thread took the lock without WAITERS, sleepers stay asleep; each
 * looks again after the recheck interval. (handle_futex_death() in the kernel's
 * kernel/futex/core.c.)
 *
 * The kernel does not mark the words of a holder whose list a peer damaged
 * (robust.h), or of a later thread that calls execve(2): that gets the first
 * thread's id before the kernel looks for the old one. So after a recheck
 * interval asleep, at the deadline, and at every 64th failed attempt, we check
 * whether the holder exists [L5]; if not, we take the lock as after a death.
 * The check is deceived by a reused id while that thread lives, and by an
 * unreaped zombie of one thread.
 *
 * Any process that may write the word can make the lock free or taken for
 * everybody, and no more: two threads that hold it at once write to different
 * lists (robust.h).
 */
#ifndef SHMI_LOCKWORD_H
#define SHMI_LOCKWORD_H

#include <errno.h>
#include <time.h>

#include "header.h"
#include "robust.h"
#include "spin.h"

/* All id bits set: no thread has this id, since ids end at 2^22 (proc(5)). */
#define SHMI_LOCKWORD_NOT_RECOVERABLE FUTEX_TID_MASK

/* One handle's view of the lock; private to the process, zeroed at first. */
struct shmi_lock {
	uint64_t pid_space; /* the region's, or 0; set when it is opened */
	/* Of the thread that holds the lock through this handle, or NULL. */
	struct shmi_lock_node *_Atomic node;
	_Atomic uint32_t refused; /* failed trylocks */
	struct shmi_spin spin;
};

/* Relaxed: see Order. */
static inline struct shmi_lock_node *
shmi_lockword_node(const struct shmi_lock *lock)
{
	return atomic_load_explicit(&lock->node, memory_order_relaxed);
}

static inline void shmi_lockword_set_node(struct shmi_lock *lock,
					  struct shmi_lock_node *node)
{
	atomic_store_explicit(&lock->node, node, memory_order_relaxed);
}

/* The checks before the word is read: 0 if they pass. */
int shmi_lockword_check(const struct shmi_lock *lock);

/* L1 again, then L3 to L5, if the word was not 0. !may_sleep: L1, L5 only. */
int shmi_lockword_take_slowly(struct shmi_header *h, struct shmi_lock *lock,
			      bool may_sleep, const struct timespec *deadline);

/* U3. */
void shmi_lockword_wake(struct shmi_header *h, bool all);

/*
 * Take the lock; sleep until it is free, if may_sleep. deadline as in
 * shmi_semword_wait_slowly().
 *   -EOWNERDEAD       taken; its last holder died while holding it
 *   -ENOTRECOVERABLE  the lock can never be taken again
 *   -EDEADLK          the calling thread holds it
 *   -EBUSY            it is taken; only if !may_sleep
 *   -ETIMEDOUT        it was taken until the deadline
 *   -EINTR            a signal handler ran
 *   -ENOLCK           the thread holds SHMIPC_LOCKS_MAX locks
 *   -ENOTSUP          another pid namespace, or as shmi_thread_init()
 *   -ENOMEM           as shmi_thread_init()
 */
static inline int shmi_lockword_lock(struct shmi_header *h,
				     struct shmi_lock *lock, bool may_sleep,
				     const struct timespec *deadline)
{
	uint32_t word = 0;
	int r;

	r = shmi_thread();
	if (r == 0 && (lock->pid_space != shmi_the_thread.pid_space ||
		       shmi_lockword_node(lock) || !shmi_robust_has_room()))
		r = shmi_lockword_check(lock);
	if (r < 0)
		return r;
	/* [L0] */
	shmi_robust_begin(&h->lock);
	/* [L1] acquire: partner is U2's release. */
	if (!atomic_compare_exchange_strong_explicit(
		    &h->lock, &word, shmi_the_thread.id, memory_order_acquire,
		    memory_order_relaxed))
		r = shmi_lockword_take_slowly(h, lock, may_sleep, deadline);
	if (r == 0 || r == -EOWNERDEAD)
		/* [L2] */
		shmi_lockword_set_node(lock, shmi_robust_add(&h->lock, lock));
	shmi_robust_end();
	return r;
}

/*
 * Release the lock.
 *   -EPERM  the calling thread does not hold it through this handle
 *   -ENOMEM -ENOTSUP  as shmi_thread_init(): then it does not hold it either
 */
static inline int shmi_lockword_unlock(struct shmi_header *h,
				       struct shmi_lock *lock)
{
	struct shmi_lock_node *node;
	uint32_t next, was;
	int r;

	r = shmi_thread();
	if (r < 0)
		return r;
	node = shmi_lock_node_mine(shmi_lockword_node(lock), lock);
	/* The node must be of this lock, not of a closed one at its address. */
	if (!node || node->before.link.next != shmi_element_of(&h->lock))
		return -EPERM;
	/* [U0] */
	shmi_robust_begin(&h->lock);
	/* [U1] */
	shmi_lockword_set_node(lock, NULL);
	shmi_robust_remove(node);
	/* Relaxed: only we can clear DIED. */
	next = atomic_load_explicit(&h->lock, memory_order_relaxed) &
			       FUTEX_OWNER_DIED
		       ? SHMI_LOCKWORD_NOT_RECOVERABLE
		       : 0;
	/* [U2] release: partner is [L1]. */
	was = atomic_exchange_explicit(&h->lock, next, memory_order_release);
	/* [U3] */
	if (was & FUTEX_WAITERS)
		shmi_lockword_wake(h, next);
	shmi_robust_end();
	return 0;
}

/*
 * Declare the bytes consistent, after -EOWNERDEAD.
 *   -EPERM   as shmi_lockword_unlock()
 *   -EINVAL  no holder had died
 */
int shmi_lockword_mark_consistent(struct shmi_header *h,
				  struct shmi_lock *lock);

#endif
