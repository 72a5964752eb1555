/* SPDX-License-Identifier: MIT */
/* Telling the kernel which lock words a thread holds: see robust.h. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "robust.h"

struct shmi_process *_Atomic shmi_the_process;
_Thread_local struct shmi_thread shmi_the_thread SHMI_TLS;

/* ---- who we are --------------------------------------------------------- */

/*
 * The page is made once and stays for the rest of the process, and of its
 * children: each of them finds zeros in it. (pthread_atfork(3) would not tell
 * of every fork, and a thread id that is the parent's would be a lock that
 * two have.)
 */
static struct shmi_process *the_process(void)
{
	struct shmi_process *page, *none = NULL;
	size_t size = (size_t)sysconf(_SC_PAGESIZE);

	page = atomic_load_explicit(&shmi_the_process, memory_order_acquire);
	if (page)
		return page;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, size, MADV_WIPEONFORK) == 0 &&
	    atomic_compare_exchange_strong_explicit(&shmi_the_process, &none,
						    page, memory_order_acq_rel,
						    memory_order_acquire))
		return page;
	munmap(page, size);
	return none; /* another thread's, or NULL */
}

uint64_t shmi_pid_space(void)
{
	struct shmi_process *process = the_process();
	struct stat st;
	uint64_t space;

	if (!process)
		return 0;
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

/* A number that no other process has had in its page. */
static uint64_t process_id(struct shmi_process *process)
{
	struct timespec now;
	uint64_t id = 0, wanted;

	/* A child is younger than its parent. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	wanted = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + 1;
	/* Relaxed: the number carries nothing but itself. */
	if (atomic_compare_exchange_strong_explicit(&process->id, &id, wanted,
						    memory_order_relaxed,
						    memory_order_relaxed))
		return wanted;
	return id;
}

bool shmi_thread_lives(uint32_t id)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)id, 0) == 0 ||
	       errno != ESRCH;
}

/* ---- the list ----------------------------------------------------------- */

/* The word that the kernel finds beside an element with this pointer. */
static char *word_of(const struct robust_list_head *list, void *pointer)
{
	return (char *)pointer + list->futex_offset;
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

int shmi_thread_learn(void)
{
	struct shmi_process *process = the_process();
	struct robust_list_head *list;
	size_t length;

	if (!process)
		return -ENOMEM;
	if (syscall(SYS_get_robust_list, 0, &list, &length) < 0 || !list ||
	    length != sizeof(*list))
		return not_understood();
	if (!fits(list) || !try_out(list))
		return not_understood();
	shmi_the_thread = (struct shmi_thread){
		.process = process_id(process),
		.id = (uint32_t)syscall(SYS_gettid),
		.pid_space = shmi_pid_space(),
		.list = list,
	};
	return 0;
}
