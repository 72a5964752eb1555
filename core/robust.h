/* SPDX-License-Identifier: MIT */
/*
 * Telling the kernel which lock words a thread holds, so that it marks them
 * when the thread dies (get_robust_list(2), and robust-futexes and
 * robust-futex-ABI in the kernel's documentation).
 *
 * Linux lets each thread have one list, and the C library has taken it, for
 * its robust mutexes. Its elements lie beside the lock words, at a distance
 * that is the same for all: so ours lie in shared memory, where a peer may
 * write whatever he likes, and who takes an element out of such a list writes
 * where its two pointers point to. That is why a pthread mutex cannot be what
 * our lock is made of: whoever may write the region could have a word of his
 * choice written, anywhere in the memory of those who lock it.
 *
 * Our way round it: each element has a sentinel on either side, in the private
 * memory of the process, and all of them stand behind what the C library has,
 * between the two elements of a pool, which are private too:
 *
 *     head -> the C library's -> first <-> ...
 *             ... <-> before <-> element -> after <-> ... <-> self -> head
 *
 * An element and its sentinels come and go together. So the neighbours of the
 * three change only the outer pointers of the sentinels, and only those are ever
 * followed. The element's own `next' is written by us and read by the kernel
 * alone, when it tidies up after us. It follows whatever is there, for 2,048
 * steps at most, and changes nothing but words that are the dead thread's id.
 * With three steps a lock and some for the program's own mutexes, that is why
 * there is SHMIPC_LOCKS_MAX.
 * To the kernel a sentinel is an element like others; the lock word that it sees
 * beside it is 0, nobody's.
 *
 * The C library adds at the head. Where its list has no `prev' (glibc on 32
 * bits) it looks for what it takes out from the head on, and finds it before it
 * comes to `first', so that it never reads what a peer may write.
 *
 * The pool is the thread's own while it lives: whatever a peer makes two
 * threads believe, they do not write to the same sentinels. `self' has the
 * thread's id in its word, so that the kernel marks it, after all locks. Then
 * nobody needs the pool any more, and another thread takes it. In a forked
 * child all pools are zeros (MADV_WIPEONFORK), and so nobody's: locks are not
 * inherited. Pools are not given back before the process ends.
 *
 * What we rely on that is not written down anywhere: that list pointers point
 * to an element's `next', in both directions if there are two, and that `prev'
 * then lies right before it. So it is with glibc, which has no `prev' on 32
 * bits, and with musl. It is tried out with two mutexes before the first lock
 * is taken; where it is not so, there are no locks.
 *
 * Death. Between any two stores of an addition or a removal the list is whole
 * for one who follows `next' from the head, as the kernel does. A peer who
 * spoils the `next' of a lock that we hold when we die keeps the kernel from
 * marking the locks that we took before that one (lockword.h knows a cure), and
 * our pool, which is lost then until the process ends.
 *
 * Threads: a list is its thread's own, and nobody else touches it. Signals: a
 * handler that interrupts these functions must not call them.
 */
#ifndef SHMI_ROBUST_H
#define SHMI_ROBUST_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <shmipc.h>

#include "util/tls.h"

/* An element may begin so many bytes behind its lock word, and not more. */
#define SHMI_ROBUST_REACH 64

/* An element, as both libraries have it. List pointers point to next. */
struct shmi_link {
	void *prev;
	void *next;
};

/* What a list pointer points to: with musl on 64 bits it is not aligned. */
struct __attribute__((packed, may_alias)) shmi_next {
	void *next;
};

/* An element in private memory. The word lies somewhere in the zeros. */
struct shmi_sentinel {
	char zeros[SHMI_ROBUST_REACH];
	struct shmi_link link;
};

/* What a held lock needs. Its thread alone touches it, but for `lock'. */
struct shmi_lock_node {
	struct shmi_sentinel before, after;
	const void *_Atomic lock; /* for what it is used; NULL: for nothing */
	struct shmi_lock_node *next; /* the next that is free */
};

struct shmi_pool {
	struct shmi_sentinel
		first; /* behind what the C library has in the list */
	struct shmi_sentinel self;   /* the last of the list */
	_Atomic uint32_t *word;	     /* of self: whose it is, or DIED, or 0 */
	struct shmi_lock_node *free; /* used before, and free now */
	_Atomic unsigned never_used; /* from here on none was ever used */
	struct shmi_lock_node nodes[SHMIPC_LOCKS_MAX];
};

/* What a thread needs to know about itself to take locks. */
struct shmi_thread {
	struct shmi_pool *pool; /* NULL: nothing is known yet */
	uint32_t id; /* gettid(2): what the kernel compares words with */
	uint64_t pid_space;
	struct robust_list_head *list;
};

extern _Thread_local struct shmi_thread shmi_the_thread SHMI_TLS;

/*
 * The pid name space of this process: process ids, and thread ids in lock
 * words, mean something only there. 0 if it cannot be found out.
 */
uint64_t shmi_pid_space(void);

/*
 * Find out what is not known: the slow half of shmi_thread().
 *   -ENOMEM   no memory
 *   -ENOTSUP  there is no list that we understand
 */
int shmi_thread_init(void);

/* Make sure that shmi_the_thread is true, also after fork(2). */
static inline int shmi_thread(void)
{
	const struct shmi_pool *pool = shmi_the_thread.pool;

	/* Relaxed: what is ours we wrote ourselves; 0 after a fork. */
	if (pool && pool->word &&
	    atomic_load_explicit(pool->word, memory_order_relaxed) ==
		    shmi_the_thread.id)
		return 0;
	return shmi_thread_init();
}

/* Has the calling thread a node left? */
static inline bool shmi_robust_has_room(void)
{
	struct shmi_pool *pool = shmi_the_thread.pool;

	return pool->free ||
	       atomic_load_explicit(&pool->never_used, memory_order_relaxed) <
		       SHMIPC_LOCKS_MAX;
}

/* A node that was never used. */
struct shmi_lock_node *shmi_robust_new_node(void);

/* The calling thread's node that is used for this; NULL: there is none. */
struct shmi_lock_node *shmi_lock_node_find(const void *lock);

/* The same, if it is likely to be this one. */
static inline struct shmi_lock_node *
shmi_lock_node_mine(struct shmi_lock_node *likely, const void *lock)
{
	struct shmi_pool *pool = shmi_the_thread.pool;

	if (likely >= pool->nodes && likely < pool->nodes + SHMIPC_LOCKS_MAX &&
	    atomic_load_explicit(&likely->lock, memory_order_relaxed) == lock)
		return likely;
	return shmi_lock_node_find(lock);
}

/* Has any living thread of this process a node that is used for this? */
bool shmi_lock_node_in_use(const void *lock);

static inline void **shmi_prev_of(void *next)
{
	return (void **)next - 1;
}

/*
 * A store that the kernel may look at as soon as this thread is dead, so in
 * the order of the program. No barrier is needed beyond the compiler's: the
 * kernel looks from the same thread.
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
 * The bracket around everything that changes the word of a lock or its place
 * in the list: until shmi_robust_end() the kernel looks at this word too.
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

/* Put what begins and ends with these, chained already, behind `first'. */
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
 * Put a word into the calling thread's list, with a node that is used for lock
 * from then on. There must be room.
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
	/* Relaxed: for other threads it is a hint. */
	atomic_store_explicit(&node->lock, lock, memory_order_relaxed);
	node->before.link.next = element;
	shmi_robust_set_next(element, &node->after.link.next);
	node->after.link.prev = element;
	shmi_robust_link(&node->before.link, &node->after.link);
	return node;
}

/* Take it out again. */
static inline void shmi_robust_remove(struct shmi_lock_node *node)
{
	void *prev = node->before.link.prev;
	void *next = node->after.link.next;

	shmi_robust_tell(prev, next);
	*shmi_prev_of(next) = prev;
	/* An address of ours is nobody's business. */
	shmi_robust_set_next(node->before.link.next, NULL);
	atomic_store_explicit(&node->lock, NULL, memory_order_relaxed);
	node->next = shmi_the_thread.pool->free;
	shmi_the_thread.pool->free = node;
}

#endif
