/* SPDX-License-Identifier: MIT */
/*
 * The kernel semaphores of sysv: a set for each segment, with the ksems from the
 * front. The last semaphore of a set says that the set is ours.
 */
#include <config.h>

#include <assert.h>
#include <pthread.h>
#include <sys/sem.h>

#include "backends/sysv/attach.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/sysv.h"
#include "util/clock.h"

/* Which of the limits was hit? Their order is that of kernel.sem. */
static int set_limit_reached(void)
{
	union {
		int val;
		struct seminfo *info;
	} limits, used;
	struct seminfo limit = { .semmni = 0 }, now = { .semusz = 0 };
	const char *which = "SEMMSL, SEMMNS or SEMMNI";

	limits.info = &limit;
	used.info = &now;
	if (semctl(0, 0, IPC_INFO, limits) >= 0 &&
	    semctl(0, 0, SEM_INFO, used) >= 0) {
		if (limit.semmsl < SLOT_SET_SIZE)
			which = "its 1st number, SEMMSL";
		else if (now.semusz >= limit.semmni) /* sets in use */
			which = "its 4th number, SEMMNI";
		else
			which = "its 2nd number, SEMMNS";
	}
	return shmipc_backend_error(-ENOSPC,
				    "a limit of kernel.sem is reached, %s; "
				    "raise it with sysctl",
				    which);
}

int sysv_ksem_create(struct shmipc_segment *seg, mode_t mode)
{
	int flags = IPC_CREAT | IPC_EXCL | 0600 | (int)mode;

	sysv_of(seg)->set = semget(sysvkey_companion(sysv_of(seg)->id),
				   SLOT_SET_SIZE, flags);
	if (sysv_of(seg)->set >= 0) {
		/* Linux starts sets at zero: semget(2). */
		if (semctl(sysv_of(seg)->set, SLOT_SET_SIZE - 1, SETVAL,
			   SLOT_SET_MARK) == 0)
			return 0;
		if (slot_is_gone(errno))
			return -EAGAIN;
		return -errno; /* it goes with the segment */
	}
	switch (errno) {
	case EEXIST:
		/* Left from an earlier segment of this id: take another. */
		return -EAGAIN;
	case EINVAL: /* SEMMSL is below SLOT_SET_SIZE */
	case ENOSPC:
		return set_limit_reached();
	default:
		return -errno;
	}
}

int sysv_ksem_open(struct shmipc_segment *seg)
{
	sysv_of(seg)->set =
		semget(sysvkey_companion(sysv_of(seg)->id), SLOT_SET_SIZE, 0);
	if (sysv_of(seg)->set >= 0)
		return 0;
	if (errno == ENOENT)
		return shmipc_backend_error(-EPROTO, "its kernel semaphore "
						     "was removed");
	return -errno;
}

int sysv_ksem_wait(struct shmipc_segment *seg, unsigned index,
		   const struct timespec *deadline)
{
	struct timespec left = shmi_clock_left(deadline);
	struct sembuf take = { .sem_num = (unsigned short)index, .sem_op = -1 };

	pthread_testcancel(); /* semtimedop(2) is no cancellation point */
	if (semtimedop(sysv_of(seg)->set, &take, 1, &left) == 0)
		return 0;
	if (errno == EAGAIN)
		return -ETIMEDOUT;
	return slot_is_gone(errno) ? -EIDRM : -errno;
}

void sysv_ksem_post(struct shmipc_segment *seg, unsigned index)
{
	struct sembuf add = { .sem_num = (unsigned short)index,
			      .sem_op = 1,
			      .sem_flg = IPC_NOWAIT };

	(void)semop(sysv_of(seg)->set, &add, 1); /* ERANGE: tokens enough */
}

void sysv_ksem_close(struct shmipc_segment *seg)
{
	(void)seg; /* a set is not opened; it goes with the segment */
}

static_assert(SHMIPC_KSEMS_MAX < SLOT_SET_SIZE, "the last is the mark");
