/* SPDX-License-Identifier: MIT */
/* Telling the kernel which lock words a thread holds: see robust.h. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "robust.h"

_Thread_local struct shmi_thread shmi_the_thread SHMI_TLS;

/* ---- where we are ------------------------------------------------------- */

/*
 * What is the same for all threads of a process. A page that is made once, and
 * that a forked child finds full of zeros. (pthread_atfork(3) would not tell
 * of every fork.)
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

	/* Acquire and release: the page is zero before it is seen. */
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
	/* Relaxed: the number carries nothing but itself. */
	space = atomic_load_explicit(&process->pid_space, memory_order_relaxed);
	if (space)
		return space;
	/* The inode of a name space is its own: namespaces(7). */
	if (stat("/proc/thread-self/ns/pid", &st) < 0)
		return 0;
	atomic_store_explicit(&process->pid_space, st.st_ino,
			      memory_order_relaxed);
	return st.st_ino;
}

/* ---- the list ----------------------------------------------------------- */

/* The word that the kernel finds beside an element with this pointer. */
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

/* With two locked mutexes in it, the second of them first. */
static bool is_understood(struct robust_list_head *list,
			  const pthread_mutex_t mutexes[2])
{
	void *second = list->list.next, *first;

	if (!lies_in(second, &mutexes[1]) ||
	    !lies_in(word_of(list, second), &mutexes[1]))
		return false;
	first = *shmi_next_of(second);
	return lies_in(first, &mutexes[0]) &&
	       lies_in(shmi_prev_of(first), &mutexes[0]) &&
	       *shmi_prev_of(first) == second;
}

/* Does the C library keep its list as robust.h says? */
static bool try_out(struct robust_list_head *list)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t mutexes[2];
	bool understood = false;

	if (pthread_mutexattr_init(&attr))
		return false;
	if (pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST))
		goto out;
	for (int i = 0; i < 2; i++)
		if (pthread_mutex_init(&mutexes[i], &attr))
			goto out;
	if (pthread_mutex_lock(&mutexes[0]) == 0) {
		if (pthread_mutex_lock(&mutexes[1]) == 0) {
			understood = is_understood(list, mutexes);
			pthread_mutex_unlock(&mutexes[1]);
		}
		pthread_mutex_unlock(&mutexes[0]);
	}
out:
	pthread_mutexattr_destroy(&attr);
	return understood;
}

static bool fits(const struct robust_list_head *list)
{
	long reach = -list->futex_offset;

	return reach >= (long)(sizeof(void *) + sizeof(uint32_t)) &&
	       reach <= SHMI_ROBUST_REACH && reach % (long)sizeof(void *) == 0;
}

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
 * All that there are, for ever, in memory that is not wiped. Pushed with
 * release, read with acquire.
 */
struct known {
	struct shmi_pool *pool;
	struct known *next; /* constant */
};
static struct known *_Atomic pools;

/*
 * Nobody's: of one who died, or of a parent. With DIED it is not in use yet,
 * and nobody else's any more.
 */
static bool claim(struct shmi_pool *pool, uint32_t id)
{
	_Atomic uint32_t *word =
		word_of(shmi_the_thread.list, &pool->self.link.next);
	uint32_t is = atomic_load_explicit(word, memory_order_relaxed);

	/* Acquire: the kernel is done with it, and its last owner too. */
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

/* Relaxed: a pool's thread alone writes it; who else asks gets a hint. */
static unsigned used_once(struct shmi_pool *pool)
{
	return atomic_load_explicit(&pool->never_used, memory_order_relaxed);
}

/* What its last owner, if there was one, has left. */
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
	/* Release: who sees the id sees that nothing is used. */
	atomic_store_explicit(pool->word, shmi_the_thread.id,
			      memory_order_release);
}

/* Not all at once: a page of nodes is enough for nearly everybody. */
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

/* Is it a living thread's? Not all the dead are marked: see Death. */
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
	size_t length;

	shmi_error_begin();
	if (syscall(SYS_get_robust_list, 0, &me.list, &length) < 0 ||
	    !me.list || length != sizeof(*me.list))
		return not_understood();
	if (!fits(me.list) || !try_out(me.list))
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
	shmi_robust_link(&me.pool->self.link, &me.pool->self.link);
	return 0;
}
