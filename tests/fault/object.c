/* SPDX-License-Identifier: MIT */
/* Like the library's functions, for a region or a semaphore. */
#include <string.h>

#include "tests/fault/faultwalk.h"

/* Not a multiple of anything that pages are made of. */
#define SIZE  5000U
#define VALUE 3

/* A size that can have huge pages, and ends in small ones. */
#define LARGE (((size_t)4 << 20) + SIZE)

/* Only regions know SHMIPC_PREFAULT. */
static size_t size_with(unsigned flags)
{
	if (!(flags & SHMIPC_CREATE))
		return 0;
	return flags & SHMIPC_PREFAULT ? LARGE : SIZE;
}

int object_open(struct shmipc *conn, enum shmipc_kind kind, const char *name,
		unsigned flags, struct handle *ret)
{
	/* Without an open object, ret->open does not change. */
	struct shmipc_shm *shm = ret->open;
	struct shmipc_sem *sem = ret->open;
	int r;

	ret->kind = kind;
	if (kind == SHMIPC_SHM) {
		r = shmipc_shm_open(conn, &shm, name, size_with(flags), flags,
				    0600);
		ret->open = shm;
	} else {
		r = shmipc_sem_open(conn, &sem, name, VALUE,
				    flags & ~SHMIPC_PREFAULT, 0600);
		ret->open = sem;
	}
	return r;
}

int object_export(const struct handle *handle, int fds[2])
{
	return handle->kind == SHMIPC_SHM
		       ? shmipc_shm_export_fd(handle->open, &fds[0])
		       : shmipc_sem_export_fds(handle->open, fds);
}

int object_import(struct shmipc *conn, enum shmipc_kind kind, const int fds[2],
		  struct handle *ret)
{
	struct shmipc_shm *shm = ret->open;
	struct shmipc_sem *sem = ret->open;
	int r;

	ret->kind = kind;
	if (kind == SHMIPC_SHM) {
		r = shmipc_shm_import_fd(conn, &shm, fds[0], 0);
		ret->open = shm;
	} else {
		r = shmipc_sem_import_fds(conn, &sem, fds, 0);
		ret->open = sem;
	}
	return r;
}

void object_close(struct handle *handle)
{
	if (handle->kind == SHMIPC_SHM)
		shmipc_shm_close(handle->open);
	else
		shmipc_sem_close(handle->open);
	handle->open = NULL;
}

int object_unlink(struct shmipc *conn, enum shmipc_kind kind, const char *name)
{
	return kind == SHMIPC_SHM ? shmipc_shm_unlink(conn, name)
				  : shmipc_sem_unlink(conn, name);
}

void object_fill(struct handle *handle, int byte)
{
	if (handle->kind == SHMIPC_SHM)
		memset(shmipc_shm_addr(handle->open), byte,
		       shmipc_shm_size(handle->open));
}

bool object_is_sound(struct handle *handle, int byte)
{
	const unsigned char *bytes;
	size_t size;
	int value;

	if (handle->kind == SHMIPC_SEM)
		return shmipc_sem_getvalue(handle->open, &value) == 0 &&
		       value == VALUE;
	size = shmipc_shm_size(handle->open);
	if (size != SIZE && size != LARGE)
		return false;
	bytes = shmipc_shm_addr(handle->open);
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}
