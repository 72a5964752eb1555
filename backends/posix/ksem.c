/* SPDX-License-Identifier: MIT */
/*
 * The kernel semaphores of posix: sem_open(3), except for making them and for
 * sleeping on them.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/fdmem/usemark.h"
#include "backends/posix/file.h"
#include "backends/posix/ksem.h"
#include "backends/posix/state.h"
#include "util/futex.h"

/*
 * sem_open(O_CREAT) applies the umask, and leaves a temporary file behind if
 * it is killed at the wrong moment. So the file is built here, with the same
 * contents: one sem_t. Returns a descriptor that carries a use mark.
 */
static int build_ksem(mode_t mode)
{
	sem_t sem;
	int fd, r;

	memset(&sem, 0, sizeof(sem));
	if (sem_init(&sem, 1, 0) < 0)
		return -errno;
	fd = posix_make_file(mode);
	if (fd < 0)
		return fd;
	r = fchmod(fd, mode) < 0 ? -errno : 0;
	if (r == 0)
		r = fdmem_reserve(fd, sizeof(sem), 0, POSIX_DIR);
	if (r == 0 && pwrite(fd, &sem, sizeof(sem), 0) != (ssize_t)sizeof(sem))
		r = -EIO;
	/* It has a mark from the first moment on: gc.c. */
	if (r == 0)
		r = usemark_set(fd);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int link_ksem(struct shmipc_segment *seg, unsigned index, mode_t mode)
{
	char path[POSIX_PATH_MAX];
	int fd = build_ksem(mode), r;

	if (fd < 0)
		return fd;
	posix_ksem_path(path, posix_of(seg)->mem.ino, index);
	r = posix_link_file(fd, path);
	if (r == 0)
		posix_of(seg)->ksem_files[index] = fd + 1;
	else
		close(fd);
	return r;
}

void posix_ksem_published(struct shmipc_segment *seg)
{
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int *file = &posix_of(seg)->ksem_files[i];

		if (*file)
			close(*file - 1);
		*file = 0;
	}
}

/* A ksem is missing: was the segment unlinked, or only the ksem removed? */
static int no_ksem(const struct shmipc_segment *seg)
{
	char path[POSIX_PATH_MAX];
	struct stat st;

	posix_segment_path(path, seg->kind, seg->name);
	if (lstat(path, &st) == 0 && st.st_ino == posix_of(seg)->mem.ino)
		return shmipc_backend_error(-EPROTO, "its kernel semaphore "
						     "was removed");
	return -ENOENT;
}

static int open_ksem(struct shmipc_segment *seg, unsigned index)
{
	char path[POSIX_PATH_MAX], name[POSIX_PATH_MAX];
	struct stat st;
	sem_t *ksem;

	/* sem_open(3) maps whatever is there, and a short file is SIGBUS. */
	posix_ksem_path(path, posix_of(seg)->mem.ino, index);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? no_ksem(seg) : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(sem_t))
		return shmipc_backend_error(-EPROTO, "its kernel semaphore is "
						     "damaged");
	posix_ksem_name(name, posix_of(seg)->mem.ino, index);
	ksem = sem_open(name, 0);
	if (ksem == SEM_FAILED)
		return errno == ENOENT ? no_ksem(seg) : -errno;
	posix_of(seg)->ksems[index] = ksem;
	return 0;
}

int posix_ksem_open(struct shmipc_segment *seg)
{
	int r = 0;

	for (unsigned i = 0; i < seg->kind->ksems && r == 0; i++)
		r = open_ksem(seg, i);
	if (r < 0)
		posix_ksem_close(seg);
	return r;
}

int posix_ksem_create(struct shmipc_segment *seg, mode_t mode)
{
	int r = 0;

	/*
	 * The creator must open it once more, so the owner's own bits are on;
	 * the owner could change them in any case. No process reaches a ksem
	 * without the segment.
	 */
	for (unsigned i = 0; i < seg->kind->ksems && r == 0; i++)
		r = link_ksem(seg, i, mode | 0600);
	if (r == 0)
		r = posix_ksem_open(seg);
	else if (r == -EEXIST)
		r = -EAGAIN; /* left by a dead segment with this number */
	if (r == 0)
		return 0;
	posix_ksem_remove(seg);
	return r == -ENOENT ? -EAGAIN : r; /* another process removed it */
}

/*
 * The number of tokens: the first word of the sem_t. The C library is never
 * asked about it. What a peer writes there can end the program in glibc, whose
 * sem_post(3) calls abort(3); and musl cannot wait until a point of
 * CLOCK_MONOTONIC, and does not report every signal handler.
 *
 * Relaxed: a token carries no data. The kernel compares the word again before
 * it sleeps, under the lock that waking takes.
 */
static _Atomic uint32_t *tokens_of(const struct shmipc_segment *seg,
				   unsigned index)
{
	return (_Atomic uint32_t *)posix_of(seg)->ksems[index];
}

/* A cancellation point, as sem_wait(3) is one. It holds nothing meanwhile. */
static long sleep_on_tokens(_Atomic uint32_t *tokens,
			    const struct timespec *deadline)
{
	int type, ignored;
	long r;

	(void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	r = shmi_futex(tokens, FUTEX_WAIT_BITSET, 0, deadline);
	(void)pthread_setcanceltype(type, &ignored);
	return r;
}

int posix_ksem_wait(struct shmipc_segment *seg, unsigned index,
		    const struct timespec *deadline)
{
	_Atomic uint32_t *tokens = tokens_of(seg, index);
	uint32_t number = atomic_load_explicit(tokens, memory_order_relaxed);

	if (!number) {
		if (sleep_on_tokens(tokens, deadline) < 0 && errno != EAGAIN)
			return -errno;
		number = atomic_load_explicit(tokens, memory_order_relaxed);
	}
	/* Another waiter may take it: the core looks at the value anyway. */
	if (number)
		(void)atomic_compare_exchange_strong_explicit(
			tokens, &number, number - 1, memory_order_relaxed,
			memory_order_relaxed);
	return 0;
}

void posix_ksem_post(struct shmipc_segment *seg, unsigned index)
{
	_Atomic uint32_t *tokens = tokens_of(seg, index);

	/* Beyond that there are tokens enough. */
	if (atomic_load_explicit(tokens, memory_order_relaxed) < INT_MAX)
		atomic_fetch_add_explicit(tokens, 1, memory_order_relaxed);
	(void)shmi_futex(tokens, FUTEX_WAKE, 1, NULL);
}

void posix_ksem_close(struct shmipc_segment *seg)
{
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		if (posix_of(seg)->ksems[i])
			sem_close(posix_of(seg)->ksems[i]);
		posix_of(seg)->ksems[i] = NULL;
	}
}

/* Only those that were made: a file that was in the way is another's. */
void posix_ksem_remove(struct shmipc_segment *seg)
{
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		if (posix_of(seg)->ksem_files[i])
			posix_remove_ksem(posix_of(seg)->mem.ino, i);
	posix_ksem_published(seg);
}
