/* SPDX-License-Identifier: MIT */
/*
 * A robust lock in one shared word.
 *
 *   word    bits 0 to 29: thread id of the holder, 0: nobody. Bit 30, DIED: a
 *           holder died, and nobody has said yet that the bytes are
 *           consistent. Bit 31, WAITERS: somebody may sleep. All of them set
 *           but the flags: not recoverable. The layout is the kernel's
 *           (FUTEX_TID_MASK, FUTEX_OWNER_DIED, FUTEX_WAITERS), who sets DIED
 *           and clears the id when the holder dies.
 *   node    in the handle: who of this process has the lock through it
 *
 *   lock:   [L0] tell the kernel that we are at this word
 *           [L1] nobody has it: put our id in; DIED stays, and so does
 *                WAITERS. After a sleep set WAITERS too
 *           [L2] put it into our thread's list; L0's end
 *           [L3] somebody has it: set WAITERS, if it is not
 *           [L4] sleep while the word is that, until woken, the deadline, or
 *                SLICE is over; then look again
 *           [L5] there is no such thread any more: put our id in, and DIED
 *
 *   unlock: [U0] tell the kernel that we are at this word
 *           [U1] take it out of our list
 *           [U2] put 0 in, or NOT_RECOVERABLE if DIED is still set
 *           [U3] if WAITERS was set, wake one, or all; U0's end
 *
 * A pthread mutex would be less to write, and cannot be it: it keeps pointers
 * in shared memory, which a peer can aim (robust.h); assertions of glibc end
 * the program when its fields make no sense; and its waits do not end with
 * -EINTR, as all waits here do.
 *
 * WAITERS is not a count, and nothing that dies can leave it too low for good
 * or too high: set in vain it costs one system call at the next U3. A woken
 * waiter sets it again as it takes the lock [L1], or finds it taken by one who
 * came past [L3], even if he is too late to wait: others may still sleep, and
 * U2 cleared it for them too. If he finds that it is not recoverable, he wakes
 * them himself.
 *
 * Order. L1 is acquire and U2 release: what a holder wrote is visible to the
 * next. So is what a dead one wrote: the kernel sets DIED with a full barrier
 * after his last instruction. L3 is relaxed, it carries no data, and the kernel
 * compares the word again before it sleeps [L4], under the lock that U3 takes.
 * node is written between L1 and U2, so under the lock; those who have not got
 * it read it too, to see that it is not theirs.
 *
 * Death. Before L1 or after U2: nothing is held. Between L1 and L2, or U1 and
 * U2: the word has our id, is in no list, and is the one that L0 or U0 told
 * of: marked. Between L2 and U1: it is in the list: marked. To mark is to
 * clear the id and set DIED, and to wake one sleeper if WAITERS is set; the
 * next holder is told, by DIED. Between U2 and U3, and for a waiter from his
 * wake-up to L1 or L3: the kernel wakes another if it finds 0 in the word that
 * L0 or U0 told of (since Linux 6.2 also beside DIED). If it finds somebody
 * else's id, who came past without WAITERS, sleepers stay asleep; each looks by
 * itself after SLICE.
 * (handle_futex_death() in the kernel's kernel/futex/core.c.)
 *
 * Not marked is a holder whose list a peer has spoilt (robust.h), and one who
 * calls execve(2) in another thread than the first: it gets the first one's id
 * before the kernel looks for the old one. So who has slept for a SLICE, has
 * come to his deadline, or has tried in vain for the 64th time, sees whether
 * the holder exists [L5]; if not, he takes the lock as after a death. An id that
 * was given to somebody else meanwhile deceives him for as long as that one
 * lives, and so does a process of one thread that nobody has waited for.
 *
 * Whoever may write the word can give the lock to everybody or nobody, and no
 * more: what two who have it at a time write to is not the same (robust.h).
 */
#ifndef SHMI_LOCKWORD_H
#define SHMI_LOCKWORD_H

#include <errno.h>
#include <time.h>

#include "header.h"
#include "robust.h"
#include "spin.h"

/* All of the id set: no thread has it, theirs end at 2^22 (proc(5)). */
#define SHMI_LOCKWORD_NOT_RECOVERABLE FUTEX_TID_MASK

/* The lock, as one handle knows it; private to the process, zeroed at first. */
struct shmi_lock {
	uint64_t pid_space; /* of the region, or 0; set when it is opened */
	/* Of the thread that holds it through this handle, NULL: none does. */
	struct shmi_lock_node *_Atomic node;
	_Atomic uint32_t refused; /* trylocks in vain */
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

/* What speaks against taking it before the word is looked at; 0: nothing. */
int shmi_lockword_check(const struct shmi_lock *lock);

/* L1 again, L3 to L5, whenever the word was not 0. Not patient: L1 and L5. */
int shmi_lockword_take_slowly(struct shmi_header *h, struct shmi_lock *lock,
			      bool may_sleep, const struct timespec *deadline);

/* U3. */
void shmi_lockword_wake(struct shmi_header *h, bool all);

/*
 * Take the lock; sleep until it is free, if may_sleep. deadline as in
 * shmi_semword_wait_slowly().
 *   -EOWNERDEAD       taken; its last holder died in it
 *   -ENOTRECOVERABLE  nobody can have it any more
 *   -EDEADLK          the calling thread has it
 *   -EBUSY            somebody has it; not if may_sleep
 *   -ETIMEDOUT        somebody had it until the deadline
 *   -EINTR            a signal handler ran
 *   -ENOLCK           the thread has SHMIPC_LOCKS_MAX locks
 *   -ENOTSUP          another pid name space, or as shmi_thread_init()
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
 * Give the lock back.
 *   -EPERM  the calling thread does not have it through this handle
 *   -ENOMEM -ENOTSUP  as shmi_thread_init(), and then it does not either
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
	/* Of this lock, and not of one that was closed at this address. */
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
 * Say that the bytes are consistent, after -EOWNERDEAD.
 *   -EPERM   as shmi_lockword_unlock()
 *   -EINVAL  nobody had died
 */
int shmi_lockword_mark_consistent(struct shmi_header *h,
				  struct shmi_lock *lock);

#endif
