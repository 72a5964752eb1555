/* SPDX-License-Identifier: MIT */
/* Telling the kernel which lock words a thread holds: see robust.h. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "robust.h"

_Thread_local struct shmi_thread shmi_the_thread SHMI_TLS;

/* ---- where we are ------------------------------------------------------- */

/*
 * Facts common to all threads of a process: a page that is allocated once and
 * is zero in a forked child. (pthread_atfork(3) handlers do not run for every
 * kind of fork.)
 */
struct process {
	_Atomic uint64_t pid_space; /* 0: not known */
};

static void *wiped_on_fork(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return NULL;
	if (madvise(pages, size, MADV_WIPEONFORK) == 0)
		return pages;
	munmap(pages, size);
	return NULL;
}

static struct process *the_process(void)
{
	static struct process *_Atomic process;
	struct process *page, *none = NULL;

	/* Acquire and release: the page is zero before others see it. */
	page = atomic_load_explicit(&process, memory_order_acquire);
	if (page)
		return page;
	page = wiped_on_fork(sizeof(*page));
	if (!page || atomic_compare_exchange_strong_explicit(
			     &process, &none, page, memory_order_acq_rel,
			     memory_order_acquire))
		return page;
	munmap(page, sizeof(*page));
	return none; /* another thread's */
}

uint64_t shmi_pid_space(void)
{
	struct process *process = the_process();
	struct stat st;
	uint64_t space;

	if (!process)
		return 0;
	/* Relaxed: the number guards no other data. */
	space = atomic_load_explicit(&process->pid_space, memory_order_relaxed);
	if (space)
		return space;
	/* Each namespace has its own inode: namespaces(7). */
	if (stat("/proc/thread-self/ns/pid", &st) < 0)
		return 0;
	atomic_store_explicit(&process->pid_space, st.st_ino,
			      memory_order_relaxed);
	return st.st_ino;
}

/* ---- the list ----------------------------------------------------------- */

/* The lock word that the kernel finds for a list pointer. */
static _Atomic uint32_t *word_of(const struct robust_list_head *list,
				 void *pointer)
{
	return (_Atomic uint32_t *)((char *)pointer + list->futex_offset);
}

static bool lies_in(const void *pointer, const pthread_mutex_t *mutex)
{
	return pointer >= (const void *)mutex &&
	       pointer < (const void *)(mutex + 1);
}

/* Does no word but first's `prev' point back to the second? */
static bool points_back_well(const pthread_mutex_t *mutex, void *first,
			     const void *second)
{
	const char *bytes = (const char *)mutex, *prev = (char *)first;
	const void *word;

	prev -= sizeof(word);
	for (size_t i = 0; i + sizeof(word) <= sizeof(*mutex);
	     i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if (word == second && bytes + i != prev)
			return false;
	}
	return true;
}

/* Is the list as expected with two locked mutexes, the second of them first? */
static bool is_understood(struct robust_list_head *list,
			  const pthread_mutex_t mutexes[2])
{
	long reach = -list->futex_offset;
	void *second = list->list.next, *first;

	if (reach < (long)(sizeof(void *) + sizeof(uint32_t)) ||
	    reach > SHMI_ROBUST_REACH || reach % (long)sizeof(uint32_t))
		return false;
	if (!lies_in(second, &mutexes[1]) ||
	    !lies_in(word_of(list, second), &mutexes[1]))
		return false;
	first = *(void **)second;
	return lies_in(first, &mutexes[0]) &&
	       points_back_well(&mutexes[0], first, second);
}

/*
 * The calling thread's list; NULL: it has no list, or the C library's layout is
 * not the one in robust.h. musl has no list before the first lock.
 */
static struct robust_list_head *look(const pthread_mutex_t mutexes[2])
{
	struct robust_list_head *list = NULL;
	size_t length;

	if (syscall(SYS_get_robust_list, 0, &list, &length) < 0 || !list ||
	    length != sizeof(*list) || !is_understood(list, mutexes))
		return NULL;
	return list;
}

/* Process-shared: musl does not tell the kernel of others. */
static bool make_robust(pthread_mutex_t mutexes[2])
{
	pthread_mutexattr_t attr;
	bool made;

	if (pthread_mutexattr_init(&attr))
		return false;
	made = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 &&
	       pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) ==
		       0 &&
	       pthread_mutex_init(&mutexes[0], &attr) == 0 &&
	       pthread_mutex_init(&mutexes[1], &attr) == 0;
	pthread_mutexattr_destroy(&attr);
	return made;
}

static struct robust_list_head *try_out(void)
{
	struct robust_list_head *list = NULL;
	pthread_mutex_t mutexes[2];

	if (!make_robust(mutexes))
		return NULL;
	if (pthread_mutex_lock(&mutexes[0]) == 0) {
		if (pthread_mutex_lock(&mutexes[1]) == 0) {
			list = look(mutexes);
			pthread_mutex_unlock(&mutexes[1]);
		}
		pthread_mutex_unlock(&mutexes[0]);
	}
	return list;
}

/* The C library keeps flags in the lowest bit of list pointers. */
static void **next_of(void *pointer)
{
	return (void **)((uintptr_t)pointer & ~(uintptr_t)1);
}

/*
 * The C library's last list pointer; NULL: the list has no end. In a forked
 * child musl's list may end in a pool of the parent, which is wiped.
 */
static void **find_end(struct robust_list_head *list)
{
	void **head = (void **)&list->list, **slot = head, **next;

	for (int i = 0; i < ROBUST_LIST_LIMIT; i++, slot = next) {
		next = next_of(*slot);
		if (next == head || !*next)
			return slot;
	}
	return NULL;
}

/* Append an empty pool to the list. */
static void join(struct robust_list_head *list, void **end,
		 struct shmi_pool *pool)
{
	pool->first.link.prev = end;
	pool->first.link.next = &pool->self.link.next;
	pool->self.link.prev = &pool->first.link.next;
	pool->self.link.next = &list->list;
	shmi_robust_tell(end, &pool->first.link.next);
}

/*
 * When a thread ends, musl walks over its list in the process itself, and
 * follows pointers that a peer may have written. glibc leaves that to the
 * kernel.
 */
#ifdef __GLIBC__
#define SHMI_ROBUST_LIST_IS_SAFE true
#else
#define SHMI_ROBUST_LIST_IS_SAFE false
#endif

static int not_understood(void)
{
	return shmipc_backend_error(
		-ENOTSUP, "this system or C library has no list of robust "
			  "locks for the thread that this library understands");
}

static int no_pid_space(void)
{
	return shmipc_backend_error(-ENOTSUP,
				    "the pid name space of this process is not "
				    "known; locks need /proc to be mounted");
}

/* ---- pools -------------------------------------------------------------- */

/*
 * All pools, never freed, in memory that is not wiped. Pushed with release,
 * read with acquire.
 */
struct known {
	struct shmi_pool *pool;
	struct known *next; /* constant */
};
static struct known *_Atomic pools;

/*
 * Take an unowned pool: its thread died, or it was a parent's. With DIED it is
 * not in use yet, but no other thread can take it.
 */
static bool claim(struct shmi_pool *pool, uint32_t id)
{
	_Atomic uint32_t *word =
		word_of(shmi_the_thread.list, &pool->self.link.next);
	uint32_t is = atomic_load_explicit(word, memory_order_relaxed);

	/* Acquire: the kernel and the last owner are done with it. */
	return (is == 0 || is == FUTEX_OWNER_DIED) &&
	       atomic_compare_exchange_strong_explicit(
		       word, &is, id | FUTEX_OWNER_DIED, memory_order_acquire,
		       memory_order_relaxed);
}

static struct shmi_pool *new_pool(uint32_t id)
{
	struct shmi_pool *pool = wiped_on_fork(sizeof(*pool));
	struct known *known = malloc(sizeof(*known));

	if (!pool || !known) {
		free(known);
		if (pool)
			munmap(pool, sizeof(*pool));
		return NULL;
	}
	(void)claim(pool, id);
	known->pool = pool;
	known->next = atomic_load_explicit(&pools, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&pools, &known->next, known, memory_order_release,
		memory_order_relaxed))
		;
	return pool;
}

static struct shmi_pool *find_pool(uint32_t id)
{
	struct known *known;

	for (known = atomic_load_explicit(&pools, memory_order_acquire); known;
	     known = known->next)
		if (claim(known->pool, id))
			return known->pool;
	return new_pool(id);
}

/* Relaxed: only a pool's thread writes it; others get a hint. */
static unsigned used_once(struct shmi_pool *pool)
{
	return atomic_load_explicit(&pool->never_used, memory_order_relaxed);
}

/* Clear the last owner's data, if any. */
static void clean(struct shmi_pool *pool)
{
	for (unsigned i = 0; i < used_once(pool); i++)
		atomic_store_explicit(&pool->nodes[i].lock, NULL,
				      memory_order_relaxed);
	if (!pool->word) /* constant; others may read it */
		pool->word =
			word_of(shmi_the_thread.list, &pool->self.link.next);
	pool->free = NULL;
	atomic_store_explicit(&pool->never_used, 0, memory_order_relaxed);
	/* Release: a thread that sees the id sees no node in use. */
	atomic_store_explicit(pool->word, shmi_the_thread.id,
			      memory_order_release);
}

/* One by one: a page of nodes is enough for most threads. */
struct shmi_lock_node *shmi_robust_new_node(void)
{
	struct shmi_pool *pool = shmi_the_thread.pool;
	unsigned number = used_once(pool);

	atomic_store_explicit(&pool->never_used, number + 1,
			      memory_order_relaxed);
	return &pool->nodes[number];
}

static struct shmi_lock_node *find(struct shmi_pool *pool, const void *lock)
{
	for (unsigned i = 0; i < used_once(pool); i++)
		if (atomic_load_explicit(&pool->nodes[i].lock,
					 memory_order_relaxed) == lock)
			return &pool->nodes[i];
	return NULL;
}

struct shmi_lock_node *shmi_lock_node_find(const void *lock)
{
	return find(shmi_the_thread.pool, lock);
}

/* Is its thread alive? Not all dead ones are marked: see Death. */
static bool is_owned(const struct shmi_pool *pool)
{
	uint32_t id = atomic_load_explicit(pool->word, memory_order_acquire);

	return !(id & FUTEX_OWNER_DIED) &&
	       (syscall(SYS_tgkill, getpid(), (pid_t)id, 0) == 0 ||
		errno != ESRCH);
}

bool shmi_lock_node_in_use(const void *lock)
{
	struct known *known;

	for (known = atomic_load_explicit(&pools, memory_order_acquire); known;
	     known = known->next)
		if (find(known->pool, lock) && is_owned(known->pool))
			return true;
	return false;
}

int shmi_thread_init(void)
{
	struct shmi_thread me = { .id = (uint32_t)syscall(SYS_gettid) };
	void **end;

	shmi_error_begin();
	me.list = SHMI_ROBUST_LIST_IS_SAFE ? try_out() : NULL;
	end = me.list ? find_end(me.list) : NULL;
	if (!end)
		return not_understood();
	me.pid_space = shmi_pid_space();
	if (!me.pid_space)
		return no_pid_space();
	shmi_the_thread = me;
	me.pool = find_pool(me.id);
	if (!me.pool)
		return -ENOMEM;
	clean(me.pool);
	shmi_the_thread.pool = me.pool;
	join(me.list, end, me.pool);
	return 0;
}
