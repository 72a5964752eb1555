/* SPDX-License-Identifier: MIT */
/* Regions, as shmipc.h describes them. */
#include <config.h>

#include <errno.h>

#include "object.h"

/* A region needs nothing beside the object. */
struct shmipc_shm {
	struct shmi_object object;
};

int shmipc_shm_open(struct shmipc *ipc, struct shmipc_shm **ret,
		    const char *name, size_t size, unsigned flags, mode_t mode)
{
	struct shmi_request request = {
		.kind = SHMIPC_SHM,
		.handle = sizeof(struct shmipc_shm),
		.name = name,
		.size = size,
		.flags = flags,
		.mode = mode,
	};
	struct shmi_object *object;
	int r;

	r = shmi_object_open(ipc, ret ? &object : NULL, &request);
	if (r == 0)
		*ret = (struct shmipc_shm *)object;
	return r;
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

int shmipc_shm_close(struct shmipc_shm *shm)
{
	if (shm)
		shmi_object_close(&shm->object);
	return 0;
}

int shmipc_shm_unlink(struct shmipc *ipc, const char *name)
{
	return shmi_object_unlink(ipc, SHMIPC_SHM, name);
}
