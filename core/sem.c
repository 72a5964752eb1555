/* SPDX-License-Identifier: MIT */
/* Semaphores, as shmipc.h describes them; the protocol is in semword.h. */
#include <config.h>

#include <errno.h>

#include "object.h"
#include "semword.h"

/* A semaphore needs nothing beside the object. */
struct shmipc_sem {
	struct shmi_object object;
};

int shmipc_sem_open(struct shmipc *ipc, struct shmipc_sem **ret,
		    const char *name, unsigned value, unsigned flags,
		    mode_t mode)
{
	struct shmi_request request = {
		.kind = SHMIPC_SEM,
		.name = name,
		.value = value,
		.flags = flags,
		.mode = mode,
	};
	struct shmi_object *object;
	int r;

	r = shmi_object_open(ipc, ret ? &object : NULL, &request);
	if (r == 0)
		*ret = (struct shmipc_sem *)object;
	return r;
}

int shmipc_sem_created(const struct shmipc_sem *sem)
{
	return sem ? sem->object.created : 0;
}

/* May this handle change the value? NULL may not either. */
static int check_handle(const struct shmipc_sem *sem)
{
	if (!sem)
		return shmi_report_static(-EINVAL, "semaphore",
					  "the handle is NULL");
	if (sem->object.rdonly)
		return shmi_report_static(-EACCES, sem->object.subject,
					  "it was opened with SHMIPC_RDONLY");
	return 0;
}

int shmipc_sem_timedwait(struct shmipc_sem *sem,
			 const struct timespec *deadline)
{
	int r = check_handle(sem);

	if (r < 0)
		return r;
	if (deadline &&
	    (deadline->tv_nsec < 0 || deadline->tv_nsec > 999999999))
		return shmi_report_static(-EINVAL, sem->object.subject,
					  "tv_nsec is not in 0 to 999999999");
	r = shmi_semword_wait(&sem->object.seg, deadline);
	if (r == -ETIMEDOUT)
		return shmi_report_static(r, sem->object.subject,
					  "no unit came before the deadline");
	return r < 0 ? shmi_report(SHMI_WAIT, r, sem->object.subject) : 0;
}

int shmipc_sem_wait(struct shmipc_sem *sem)
{
	return shmipc_sem_timedwait(sem, NULL);
}

int shmipc_sem_trywait(struct shmipc_sem *sem)
{
	int r = check_handle(sem);

	if (r < 0)
		return r;
	if (shmi_semword_trywait(shmi_header_of(&sem->object.seg)) < 0)
		return shmi_report_static(-EAGAIN, sem->object.subject,
					  "there is no unit now");
	return 0;
}

int shmipc_sem_post(struct shmipc_sem *sem)
{
	int saved = errno; /* a signal handler must leave it alone */
	int r = check_handle(sem);

	if (r == 0 && shmi_semword_post(&sem->object.seg) < 0)
		r = shmi_report_static(-EOVERFLOW, sem->object.subject,
				       "the value is SHMIPC_SEM_VALUE_MAX");
	errno = saved;
	return r;
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
	return shmi_object_unlink(ipc, SHMIPC_SEM, name);
}
