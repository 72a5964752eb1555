/* SPDX-License-Identifier: MIT */
/* A System V segment that this process has attached. */
#ifndef SHMI_SYSV_ATTACH_H
#define SHMI_SYSV_ATTACH_H

#include <errno.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "backends/sysv/key.h"

/* An unusual number, so that no stranger's set is taken for ours. */
#define SLOT_SET_SIZE 7

/* The value of its last semaphore, to tell it from a stranger's. */
#define SLOT_SET_MARK 0x5c5

/* A segment, attached, so that its id stays what it is. */
struct slot {
	int id;
	void *addr;
	size_t length;
	struct shmid_ds ds; /* shm_nattch: without us */
};

/* Did the kernel say that the id means nothing any more? */
static inline bool slot_is_gone(int err)
{
	return err == EINVAL || err == EIDRM;
}

/* What a failed shmat(2) means; -ENOENT: the segment is gone. */
static inline int slot_attach_error(int err)
{
	if (slot_is_gone(err))
		return -ENOENT;
	/* More would be locked than RLIMIT_MEMLOCK allows. */
	return err == EAGAIN ? -ENOMEM : -err;
}

#endif
