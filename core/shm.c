/* SPDX-License-Identifier: MIT */
/* Regions, as shmipc.h describes them. */
#include <config.h>

#include <errno.h>

#include "util/cancel.h"
#include "util/clock.h"
#include "lockword.h"
#include "object.h"
#include "users.h"

struct shmipc_shm {
	struct shmi_object object; /* first: shmi_object_open() allocates it */
	struct shmi_lock lock;
};

int shmipc_shm_open(struct shmipc *ipc, struct shmipc_shm **ret,
		    const char *name, size_t size, unsigned flags, mode_t mode)
{
	struct shmi_open_args args = {
		.kind = &shmi_kind_shm,
		.handle = sizeof(struct shmipc_shm),
		.name = name,
		.size = size,
		.flags = flags,
		.mode = mode,
	};
	struct shmi_object *object = NULL;
	int r;

	r = shmi_object_open(ipc, ret ? &object : NULL, &args);
	if (!object)
		return r;
	*ret = (struct shmipc_shm *)object;
	(*ret)->lock.pid_space = object->pid_space;
	return 0;
}

int shmipc_shm_import_fd(struct shmipc *ipc, struct shmipc_shm **ret, int fd,
			 unsigned flags)
{
	const int fds[SHMIPC_SEGMENT_FDS] = { fd, -1, -1, -1 };
	struct shmi_open_args args = {
		.kind = &shmi_kind_shm,
		.handle = sizeof(struct shmipc_shm),
		.flags = flags,
		.fds = fds,
	};
	struct shmi_object *object = NULL;
	int r;

	r = shmi_object_import(ipc, ret ? &object : NULL, &args);
	if (!object)
		return r;
	*ret = (struct shmipc_shm *)object;
	(*ret)->lock.pid_space = object->pid_space;
	return 0;
}

int shmipc_shm_export_fd(struct shmipc_shm *shm, int *ret)
{
	if (!shm || !ret)
		return shmi_report_static(-EINVAL, "region",
					  "the handle or the result is NULL");
	return shmi_object_export(&shm->object, ret);
}

void *shmipc_shm_addr(const struct shmipc_shm *shm)
{
	return shm ? (char *)shm->object.seg.addr + SHMIPC_HEADER_SIZE : NULL;
}

size_t shmipc_shm_size(const struct shmipc_shm *shm)
{
	return shm ? (size_t)shm->object.size : 0;
}

int shmipc_shm_created(const struct shmipc_shm *shm)
{
	return shm ? shm->object.created : 0;
}

int shmipc_shm_info(const struct shmipc_shm *shm, struct shmipc_info *ret)
{
	return shmi_object_info(shm ? &shm->object : NULL, "region", ret);
}

int shmipc_shm_close(struct shmipc_shm *shm)
{
	if (!shm)
		return 0;
	if (shmi_lock_node_in_use(&shm->lock))
		return shmi_report_static(-EBUSY, shm->object.subject,
					  "a thread of this process holds its "
					  "lock through this handle");
	shmi_object_close(&shm->object);
	return 0;
}

int shmipc_shm_unlink(struct shmipc *ipc, const char *name)
{
	return shmipc_unlink(ipc, SHMIPC_SHM, name);
}

/* ---- the lock ----------------------------------------------------------- */

/* May this handle use the lock? For the fast paths. */
static inline bool shm_is_usable(const struct shmipc_shm *shm)
{
	return __builtin_expect(shm && !shm->object.rdonly, 1);
}

static int shm_not_usable(const struct shmipc_shm *shm)
{
	if (!shm)
		return shmi_report_static(-EINVAL, "region",
					  "the handle is NULL");
	return shmi_report_static(-EACCES, shm->object.subject,
				  "it was opened with SHMIPC_RDONLY");
}

/* Say who has the lock, as far as /proc does. */
static int report_late(const struct shmipc_shm *shm)
{
	struct shmipc_info info = { .holder = 0 };
	int cancel = shmi_cancel_off();
	struct shmipc_user user;

	shmi_lockword_state(shmi_header_of(&shm->object.seg), &info);
	if (info.holder && shmi_user_of(info.holder, &user) == 0)
		(void)shmipc_backend_error(
			-ETIMEDOUT,
			"process %ld (%s), thread %ld, had the lock until the "
			"deadline",
			(long)user.pid, user.command, (long)info.holder);
	shmi_cancel_restore(cancel);
	return shmi_report(SHMI_LOCK, -ETIMEDOUT, shm->object.subject);
}

/* The protocol's code as a message. */
static int shm_report(const struct shmipc_shm *shm, int r)
{
	const char *subject = shm->object.subject;

	switch (r) {
	case -EOWNERDEAD:
		return shmi_report_static(
			r, subject,
			"its last holder died in it; you have the lock: see "
			"to the bytes, then shmipc_shm_mark_consistent()");
	case -EBUSY:
		return shmi_report_static(r, subject, "somebody has the lock");
	case -ETIMEDOUT:
		return report_late(shm);
	case -EPERM:
		return shmi_report_static(r, subject,
					  "the calling thread does not hold "
					  "the lock through this handle");
	default:
		return shmi_report(SHMI_LOCK, r, subject);
	}
}

static inline int shm_lock(struct shmipc_shm *shm, bool may_sleep,
			   const struct timespec *deadline)
{
	int r = shmi_lockword_lock(shm->object.seg.addr, &shm->lock, may_sleep,
				   deadline);

	return __builtin_expect(r == 0, 1) ? 0 : shm_report(shm, r);
}

int shmipc_shm_lock(struct shmipc_shm *shm, const struct timespec *deadline)
{
	if (!shm_is_usable(shm))
		return shm_not_usable(shm);
	if (deadline && !shmi_clock_is_valid(deadline))
		return shmi_report_static(-EINVAL, shm->object.subject,
					  "tv_nsec is not in 0 to 999999999");
	return shm_lock(shm, true, deadline);
}

int shmipc_shm_trylock(struct shmipc_shm *shm)
{
	if (!shm_is_usable(shm))
		return shm_not_usable(shm);
	return shm_lock(shm, false, NULL);
}

int shmipc_shm_unlock(struct shmipc_shm *shm)
{
	int r;

	if (!shm_is_usable(shm))
		return shm_not_usable(shm);
	r = shmi_lockword_unlock(shm->object.seg.addr, &shm->lock);
	return __builtin_expect(r == 0, 1) ? 0 : shm_report(shm, r);
}

int shmipc_shm_mark_consistent(struct shmipc_shm *shm)
{
	int r;

	if (!shm_is_usable(shm))
		return shm_not_usable(shm);
	r = shmi_lockword_mark_consistent(shm->object.seg.addr, &shm->lock);
	if (r == -EINVAL)
		return shmi_report_static(r, shm->object.subject,
					  "nobody has died in the lock");
	return r == 0 ? 0 : shm_report(shm, r);
}
