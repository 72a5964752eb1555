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
 * Our way round it: each element has a fence on either side, in the private
 * memory of the process,
 *
 *     head <-> ... <-> before <-> element -> after <-> ... <-> head
 *
 * and all three come and go together. So the neighbours of the three, which
 * may be the C library's, change only the outer pointers of the fences, and
 * only those are ever followed. The element's own `next' is written by us and
 * read by the kernel alone, when it tidies up after us; it follows whatever is
 * there without harm, for 2,048 steps at most; with three steps a lock and
 * some for the program's own mutexes that is why there is SHMIPC_LOCKS_MAX. To the kernel a fence is an
 * element like others; the lock word that it sees beside it is 0, nobody's.
 *
 * What we rely on that is not written down anywhere: that in both directions
 * list pointers point to an element's `next', and that `prev' lies right
 * before it. So it is with glibc (64 bits) and musl. It is tried out with two
 * mutexes before the first lock is taken; where it is not so, there are no
 * locks.
 *
 * A peer who spoils the `next' of a lock that we hold when we die keeps the
 * kernel from marking the locks that we took before that one.
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

#include "tls.h"

/* An element may begin so many bytes behind its lock word, and not more. */
#define SHMI_ROBUST_REACH 64

/* An element, as both libraries have it. List pointers point to next. */
struct shmi_link {
	void *prev;
	void *next;
};

/* Private to the process. */
struct shmi_fence {
	char zeros[SHMI_ROBUST_REACH]; /* where the kernel sees a lock word */
	struct shmi_link link;
};

/* A lock that is in a list, or is not. Only its holder touches it. */
struct shmi_held {
	struct shmi_fence before, after;
};

/* What a thread needs to know about itself to take locks. */
struct shmi_thread {
	uint64_t process; /* 0: nothing is known yet; else shmi_process.id */
	uint32_t id;	  /* gettid(2): what the kernel compares words with */
	uint32_t locks;	  /* how many it holds */
	uint64_t pid_space;
	struct robust_list_head *list;
};

/* What is the same for all threads of a process. */
struct shmi_process {
	/* Never the same in two processes, a fork's two included; 0: unknown */
	_Atomic uint64_t id;
	/* Its pid name space, as it stands in headers; 0: unknown. */
	_Atomic uint64_t pid_space;
};

/* A page that is zero again in a forked child; NULL: not made yet. */
extern struct shmi_process *_Atomic shmi_the_process;
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
int shmi_thread_learn(void);

/* Make sure that shmi_the_thread is true, also after fork(2). */
static inline int shmi_thread(void)
{
	/* Relaxed: all that hangs on it is this thread's own. */
	struct shmi_process *process =
		atomic_load_explicit(&shmi_the_process, memory_order_relaxed);

	if (process && shmi_the_thread.process &&
	    shmi_the_thread.process ==
		    atomic_load_explicit(&process->id, memory_order_relaxed))
		return 0;
	return shmi_thread_learn();
}

/* Does a thread of this process with this id live? */
bool shmi_thread_lives(uint32_t id);

/* List pointers have flags of the C library in their lowest bit. */
static inline void **shmi_next_of(void *pointer)
{
	return (void **)((uintptr_t)pointer & ~(uintptr_t)1);
}

static inline void **shmi_prev_of(void *pointer)
{
	return shmi_next_of(pointer) - 1;
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

/* Put a lock into the calling thread's list; it has the word. */
static inline void shmi_robust_add(struct shmi_held *held,
				   _Atomic uint32_t *word)
{
	struct robust_list *head = &shmi_the_thread.list->list;
	struct shmi_link *before = &held->before.link;
	struct shmi_link *after = &held->after.link;
	void *element = shmi_element_of(word), *first = head->next;

	before->prev = head;
	before->next = element;
	*(void **)element = &after->next;
	after->prev = element;
	after->next = first;
	shmi_robust_tell(&head->next, &before->next);
	if (shmi_next_of(first) != (void **)head)
		*shmi_prev_of(first) = &after->next;
	shmi_the_thread.locks++;
}

/* Take a lock that the calling thread has put in out again. */
static inline void shmi_robust_remove(struct shmi_held *held)
{
	struct robust_list *head = &shmi_the_thread.list->list;
	void *prev = held->before.link.prev;
	void *next = held->after.link.next;

	shmi_robust_tell(shmi_next_of(prev), next);
	if (shmi_next_of(next) != (void **)head)
		*shmi_prev_of(next) = prev;
	shmi_the_thread.locks--;
}

#endif
