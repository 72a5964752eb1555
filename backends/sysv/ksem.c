/* SPDX-License-Identifier: MIT */
/* The kernel semaphores of sysv. */
#include <config.h>

#include <pthread.h>

#include "backends/sysv/key.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/state.h"
#include "util/clock.h"

/* Which limit keeps us from making a set of this size? */
static int set_limit_reached(int size)
{
	struct seminfo limit = { .semmni = 0 }, now = { .semusz = 0 };
	union sysv_semun limits = { .info = &limit }, used = { .info = &now };
	const char *which = "SEMMSL, SEMMNS or SEMMNI";

	if (semctl(0, 0, IPC_INFO, limits) >= 0 &&
	    semctl(0, 0, SEM_INFO, used) >= 0) {
		/* The order of the numbers is that of kernel.sem. */
		if (limit.semmsl < size)
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
	int mark = (int)seg->kind->ksems;
	struct sysv *v = sysv_of(seg);

	v->set = semget(sysvkey_companion(v->slot.id), mark + 1, flags);
	if (v->set < 0 && (errno == EINVAL || errno == ENOSPC))
		return set_limit_reached(mark + 1);
	if (v->set < 0) /* EEXIST: an earlier segment of this id left a set */
		return errno == EEXIST ? -EAGAIN : -errno;
	/* Linux starts all semaphores of a set at zero: semget(2). */
	if (semctl(v->set, mark, SETVAL, SYSV_SET_MARK) == 0)
		return 0;
	/* If the set still exists, it goes with the segment. */
	return sysv_is_gone(errno) ? -EAGAIN : -errno;
}

int sysv_ksem_open(struct shmipc_segment *seg)
{
	struct sysv *v = sysv_of(seg);

	v->set = semget(sysvkey_companion(v->slot.id),
			(int)seg->kind->ksems + 1, 0);
	if (v->set >= 0)
		return 0;
	if (errno != ENOENT && errno != EINVAL) /* EINVAL: a smaller set */
		return -errno;
	return shmipc_backend_error(-EPROTO, "its kernel semaphore was %s",
				    errno == ENOENT ? "removed" : "replaced");
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
	return sysv_is_gone(errno) ? -EIDRM : -errno;
}

void sysv_ksem_post(struct shmipc_segment *seg, unsigned index)
{
	struct sembuf add = { .sem_num = (unsigned short)index,
			      .sem_op = 1,
			      .sem_flg = IPC_NOWAIT };

	/* ERANGE: there are tokens enough. */
	(void)semop(sysv_of(seg)->set, &add, 1);
}

void sysv_ksem_close(struct shmipc_segment *seg)
{
	(void)seg; /* a process does not open a set; it goes with the segment */
}

static bool is_set_size(const struct semid_ds *ds)
{
	return ds->sem_nsems >= 2 && ds->sem_nsems <= SHMIPC_KSEMS_MAX + 1;
}

bool ksem_set_is_marked(int set, const struct semid_ds *ds)
{
	return is_set_size(ds) &&
	       semctl(set, (int)ds->sem_nsems - 1, GETVAL) == SYSV_SET_MARK;
}

void ksem_remove_set(int segment_id)
{
	int set = semget(sysvkey_companion(segment_id), 0, 0);
	struct semid_ds ds = { .sem_nsems = 0 };
	union sysv_semun arg = { .ds = &ds };

	if (set < 0 || semctl(set, 0, IPC_STAT, arg) < 0 || !is_set_size(&ds))
		return;
	/* EPERM: only its owner can remove it. */
	if (ds.sem_otime == 0 || ksem_set_is_marked(set, &ds))
		(void)semctl(set, 0, IPC_RMID);
}
