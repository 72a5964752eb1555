/* SPDX-License-Identifier: MIT */
/*
 * Telling the kernel which lock words a thread holds, so that it marks them
 * when the thread dies (get_robust_list(2), and robust-futexes and
 * robust-futex-ABI in the kernel's documentation).
 *
 * Linux allows one list per thread, and the C library uses it for its robust
 * mutexes. Elements lie beside their lock words, at one fixed distance, so ours
 * are in shared memory, where a peer may write anything. Removing an element
 * from such a list writes through its two pointers. So our lock cannot be a
 * pthread mutex: a process that may write the region could redirect those
 * writes to any address in the processes that lock it.
 *
 * Our solution: each element has a sentinel on either side, in the private
 * memory of the process. All of them follow the C library's elements, between
 * the two elements of a pool, which are private too:
 *
 *     head -> the C library's -> first <-> ...
 *             ... <-> before <-> element -> after <-> ... <-> self -> head
 *
 * An element and its sentinels are added and removed together. So the
 * neighbours of the three change only the outer pointers of the sentinels, and
 * we follow only those. We write the element's own `next', but only the kernel
 * reads it, when it cleans up after the thread. The kernel follows any pointer,
 * for at most 2,048 steps, and changes only words that hold the dead thread's
 * id. With three steps a lock, and some for the program's own mutexes, this
 * limit gives SHMIPC_LOCKS_MAX. To the kernel a sentinel is an ordinary
 * element; the lock word that it sees beside it is 0, so no thread holds it.
 *
 * The C library adds at the head. Where its list has no `prev' (glibc on 32
 * bits), it searches from the head for the element to remove, and finds it
 * before it reaches `first', so it never reads memory that a peer may write.
 *
 * A pool belongs to one living thread: whatever a peer makes two threads
 * believe, they do not write to the same sentinels. `self' has the thread's id
 * in its word, so the kernel marks it, after all locks. Then the pool is
 * unused, and another thread may take it. In a forked child all pools are zeros
 * (MADV_WIPEONFORK), so they have no owner: locks are not inherited. Pools are
 * not freed before the process exits.
 *
 * We rely on two undocumented facts: list pointers point to an element's
 * `next', in both directions if there are two, and `prev', if it exists, lies
 * right before it. This is true of glibc, which has no `prev' on 32 bits, and
 * of musl. We test it with two mutexes before the first lock is taken; if the
 * test fails, locks are not supported.
 *
 * Death. Between any two stores of an addition or a removal the list is whole
 * for a reader that follows `next' from the head, as the kernel does. A peer
 * that overwrites the `next' of a lock that we hold when we die keeps the
 * kernel from marking the locks that we took before that one (lockword.h
 * handles that), and our pool, which is then lost until the process exits.
 *
 * Threads: only the thread itself touches its list. Signals: a handler that
 * interrupts these functions must not call them.
 */
#ifndef SHMI_ROBUST_H
#define SHMI_ROBUST_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmipc.h>

#include "util/tls.h"

/* The most bytes that an element may begin behind its lock word. */
#define SHMI_ROBUST_REACH 64

/* An element, as in both libraries. List pointers point to next. */
struct shmi_link {
	void *prev;
	void *next;
};

/* The target of a list pointer; unaligned with musl on 64 bits. */
struct __attribute__((packed, may_alias)) shmi_next {
	void *next;
};

/* An element in private memory. The word lies somewhere in the zeros. */
struct shmi_sentinel {
	char zeros[SHMI_ROBUST_REACH];
	struct shmi_link link;
};

/* For each held lock. Only its thread touches it, except `lock'. */
struct shmi_lock_node {
	struct shmi_sentinel before, after;
	const void *_Atomic lock;    /* the lock that it is used for, or NULL */
	struct shmi_lock_node *next; /* the next free node */
};

struct shmi_pool {
	struct shmi_sentinel first;  /* follows the C library's elements */
	struct shmi_sentinel self;   /* the last of the list */
	_Atomic uint32_t *word;	     /* of self: owner's id, DIED or 0 */
	struct shmi_lock_node *free; /* used once, now free */
	_Atomic unsigned never_used; /* first never used */
	struct shmi_lock_node nodes[SHMIPC_LOCKS_MAX];
};

/* A thread's facts about itself, for taking locks. */
struct shmi_thread {
	struct shmi_pool *pool; /* NULL: not initialized yet */
	uint32_t id; /* gettid(2); the kernel compares words with it */
	uint64_t pid_space;
	struct robust_list_head *list;
};

extern _Thread_local struct shmi_thread shmi_the_thread SHMI_TLS;

/*
 * The pid namespace of this process: process ids, and thread ids in lock words,
 * are valid only there. 0 if it cannot be determined.
 */
uint64_t shmi_pid_space(void);

/*
 * Initialize shmi_the_thread: the slow half of shmi_thread().
 *   -ENOMEM   no memory
 *   -ENOTSUP  the thread has no list, or its layout is not the expected one
 */
int shmi_thread_init(void);

/* Make sure that shmi_the_thread is valid, also after fork(2). */
static inline int shmi_thread(void)
{
	const struct shmi_pool *pool = shmi_the_thread.pool;

	/* Relaxed: only this thread stores its id there; 0 after a fork. */
	if (pool && pool->word &&
	    atomic_load_explicit(pool->word, memory_order_relaxed) ==
		    shmi_the_thread.id)
		return 0;
	return shmi_thread_init();
}

/* Does the calling thread have a free node? */
static inline bool shmi_robust_has_room(void)
{
	struct shmi_pool *pool = shmi_the_thread.pool;

	return pool->free ||
	       atomic_load_explicit(&pool->never_used, memory_order_relaxed) <
		       SHMIPC_LOCKS_MAX;
}

/* Take a node that was never used. */
struct shmi_lock_node *shmi_robust_new_node(void);

/* The calling thread's node that is used for this lock, or NULL. */
struct shmi_lock_node *shmi_lock_node_find(const void *lock);

/* The same, trying a likely node first. */
static inline struct shmi_lock_node *
shmi_lock_node_mine(struct shmi_lock_node *likely, const void *lock)
{
	struct shmi_pool *pool = shmi_the_thread.pool;

	if (likely >= pool->nodes && likely < pool->nodes + SHMIPC_LOCKS_MAX &&
	    atomic_load_explicit(&likely->lock, memory_order_relaxed) == lock)
		return likely;
	return shmi_lock_node_find(lock);
}

/* Does a living thread of this process have a node for this lock? */
bool shmi_lock_node_in_use(const void *lock);

static inline void **shmi_prev_of(void *next)
{
	return (void **)next - 1;
}

/*
 * A store that the kernel may read as soon as this thread is dead, so it must
 * happen in program order. A compiler barrier is enough, because the kernel
 * reads in the context of the same thread.
 */
static inline void shmi_robust_tell(void *slot, void *pointer)
{
	atomic_signal_fence(memory_order_seq_cst);
	*(void *volatile *)slot = pointer;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void *shmi_element_of(_Atomic uint32_t *word)
{
	return (char *)word - shmi_the_thread.list->futex_offset;
}

/*
 * Encloses every change to a lock's word or to the list: until
 * shmi_robust_end() the kernel checks this word too.
 */
static inline void shmi_robust_begin(_Atomic uint32_t *word)
{
	shmi_robust_tell(&shmi_the_thread.list->list_op_pending,
			 shmi_element_of(word));
}

static inline void shmi_robust_end(void)
{
	shmi_robust_tell(&shmi_the_thread.list->list_op_pending, NULL);
}

/* Link a chain that begins and ends with these behind `first'. */
static inline void shmi_robust_link(struct shmi_link *begin,
				    struct shmi_link *end)
{
	void **first = &shmi_the_thread.pool->first.link.next;
	void *next = *first;

	begin->prev = first;
	end->next = next;
	shmi_robust_tell(first, &begin->next);
	*shmi_prev_of(next) = &end->next;
}

static inline void shmi_robust_set_next(void *element, void *next)
{
	((struct shmi_next *)element)->next = next;
}

/*
 * Add a word to the calling thread's list, with a node that is used for lock
 * from then on. shmi_robust_has_room() must be true.
 */
static inline struct shmi_lock_node *shmi_robust_add(_Atomic uint32_t *word,
						     const void *lock)
{
	struct shmi_lock_node *node = shmi_the_thread.pool->free;
	void *element = shmi_element_of(word);

	if (node)
		shmi_the_thread.pool->free = node->next;
	else
		node = shmi_robust_new_node();
	/* Relaxed: other threads use it as a hint only. */
	atomic_store_explicit(&node->lock, lock, memory_order_relaxed);
	node->before.link.next = element;
	shmi_robust_set_next(element, &node->after.link.next);
	node->after.link.prev = element;
	shmi_robust_link(&node->before.link, &node->after.link);
	return node;
}

/* Remove it again. */
static inline void shmi_robust_remove(struct shmi_lock_node *node)
{
	void *prev = node->before.link.prev;
	void *next = node->after.link.next;

	shmi_robust_tell(prev, next);
	*shmi_prev_of(next) = prev;
	/* Do not leave a private address in shared memory. */
	shmi_robust_set_next(node->before.link.next, NULL);
	atomic_store_explicit(&node->lock, NULL, memory_order_relaxed);
	node->next = shmi_the_thread.pool->free;
	shmi_the_thread.pool->free = node;
}

#endif
