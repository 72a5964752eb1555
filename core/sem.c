/* SPDX-License-Identifier: MIT */
/* Semaphores, as shmipc.h describes them; the protocol is in semword.h. */
#include <config.h>

#include <errno.h>
#include <pthread.h>

#include "util/clock.h"
#include "object.h"
#include "semword.h"

struct shmipc_sem {
	struct shmi_object object; /* first: shmi_object_open() allocates it */
	struct shmi_spin spin;
};

int shmipc_sem_open(struct shmipc *ipc, struct shmipc_sem **ret,
		    const char *name, unsigned value, unsigned flags,
		    mode_t mode)
{
	struct shmi_open_args args = {
		.kind = &shmi_kind_sem,
		.handle = sizeof(struct shmipc_sem),
		.name = name,
		.value = value,
		.flags = flags,
		.mode = mode,
	};
	struct shmi_object *object = NULL;
	int r;

	r = shmi_object_open(ipc, ret ? &object : NULL, &args);
	if (object)
		*ret = (struct shmipc_sem *)object;
	return r;
}

int shmipc_sem_import_fds(struct shmipc *ipc, struct shmipc_sem **ret,
			  const int fds[2], unsigned flags)
{
	const int all[SHMIPC_SEGMENT_FDS] = { fds ? fds[0] : -1,
					      fds ? fds[1] : -1, -1, -1 };
	struct shmi_open_args args = {
		.kind = &shmi_kind_sem,
		.handle = sizeof(struct shmipc_sem),
		.flags = flags,
		.fds = fds ? all : NULL,
	};
	struct shmi_object *object = NULL;
	int r;

	r = shmi_object_import(ipc, ret ? &object : NULL, &args);
	if (object)
		*ret = (struct shmipc_sem *)object;
	return r;
}

int shmipc_sem_export_fds(struct shmipc_sem *sem, int ret[2])
{
	if (!sem || !ret)
		return shmi_report_static(-EINVAL, "semaphore",
					  "the handle or the result is NULL");
	return shmi_object_export(&sem->object, ret);
}

int shmipc_sem_info(const struct shmipc_sem *sem, struct shmipc_info *ret)
{
	return shmi_object_info(sem ? &sem->object : NULL, "semaphore", ret);
}

int shmipc_sem_created(const struct shmipc_sem *sem)
{
	return sem ? sem->object.created : 0;
}

/* May this handle change the value? For the fast paths. */
static inline bool sem_is_usable(const struct shmipc_sem *sem)
{
	return __builtin_expect(sem && !sem->object.rdonly, 1);
}

static int sem_not_usable(const struct shmipc_sem *sem)
{
	if (!sem)
		return shmi_report_static(-EINVAL, "semaphore",
					  "the handle is NULL");
	return shmi_report_static(-EACCES, sem->object.subject,
				  "it was opened with SHMIPC_RDONLY");
}

static int sem_report(const struct shmipc_sem *sem, int r)
{
	if (r == -ETIMEDOUT)
		return shmi_report_static(r, sem->object.subject,
					  "no unit came before the deadline");
	return shmi_report(SHMI_WAIT, r, sem->object.subject);
}

/* A cancellation point acts on a request even if it need not sleep. */
static inline int wait_for_unit(struct shmipc_sem *sem,
				const struct timespec *deadline)
{
	int r;

	pthread_testcancel();
	r = shmi_semword_wait(&sem->object.seg, &sem->spin, deadline);

	return __builtin_expect(r == 0, 1) ? 0 : sem_report(sem, r);
}

int shmipc_sem_timedwait(struct shmipc_sem *sem,
			 const struct timespec *deadline)
{
	if (!sem_is_usable(sem))
		return sem_not_usable(sem);
	if (deadline && !shmi_clock_is_valid(deadline))
		return shmi_report_static(-EINVAL, sem->object.subject,
					  "tv_nsec is not in 0 to 999999999");
	return wait_for_unit(sem, deadline);
}

int shmipc_sem_wait(struct shmipc_sem *sem)
{
	if (!sem_is_usable(sem))
		return sem_not_usable(sem);
	return wait_for_unit(sem, NULL);
}

int shmipc_sem_trywait(struct shmipc_sem *sem)
{
	if (!sem_is_usable(sem))
		return sem_not_usable(sem);
	if (shmi_semword_trywait(sem->object.seg.addr) == 0)
		return 0;
	return shmi_report_static(-EAGAIN, sem->object.subject,
				  "there is no unit now");
}

int shmipc_sem_post(struct shmipc_sem *sem)
{
	if (!sem_is_usable(sem))
		return sem_not_usable(sem);
	if (shmi_semword_post(&sem->object.seg) == 0)
		return 0;
	return shmi_report_static(-EOVERFLOW, sem->object.subject,
				  "the value is SHMIPC_SEM_VALUE_MAX");
}

int shmipc_sem_getvalue(struct shmipc_sem *sem, int *ret)
{
	if (!sem || !ret)
		return shmi_report_static(-EINVAL, "semaphore",
					  "the handle or the result is NULL");
	*ret = (int)shmi_semword_value(shmi_header_of(&sem->object.seg));
	return 0;
}

int shmipc_sem_close(struct shmipc_sem *sem)
{
	if (sem)
		shmi_object_close(&sem->object);
	return 0;
}

int shmipc_sem_unlink(struct shmipc *ipc, const char *name)
{
	return shmipc_unlink(ipc, SHMIPC_SEM, name);
}
