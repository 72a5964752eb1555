/* SPDX-License-Identifier: MIT */
/* Kinds of objects: two built in, and registered ones. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "kind.h"

#define ALL_KINDS                                                              \
	(SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_RDONLY | SHMIPC_TRANSIENT)

const struct shmi_kind shmi_kind_shm = {
	.info = {
		.kind = SHMIPC_SHM,
		.name = "shm",
		.noun = "region",
		.has_bytes = 1,
		.flags = ALL_KINDS | SHMIPC_LAZY | SHMIPC_PREFAULT,
	},
	.state = shmi_lockword_state,
};

const struct shmi_kind shmi_kind_sem = {
	.info = {
		.kind = SHMIPC_SEM,
		.name = "sem",
		.noun = "semaphore",
		.ksems = 1,
		.flags = ALL_KINDS,
	},
	.state = shmi_semword_state,
};

#define KINDS_MAX 8

/* Filled from the front. */
static const struct shmi_kind *kinds[KINDS_MAX] = {
	&shmi_kind_shm,
	&shmi_kind_sem,
};

static const struct shmi_kind *kind_at(unsigned index)
{
	return index < KINDS_MAX ? kinds[index] : NULL;
}

const struct shmi_kind *shmi_kind_find(uint32_t number)
{
	const struct shmi_kind *kind;

	for (unsigned i = 0; (kind = kind_at(i)); i++)
		if ((uint32_t)kind->info.kind == number)
			return kind;
	return NULL;
}

int shmi_kind_register(const struct shmi_kind *kind)
{
	for (unsigned i = 0; i < KINDS_MAX; i++) {
		if (!kinds[i]) {
			kinds[i] = kind;
			return 0;
		}
		if (kinds[i]->info.kind == kind->info.kind ||
		    !strcmp(kinds[i]->info.name, kind->info.name))
			return -EEXIST;
	}
	return -ENOSPC;
}

const struct shmipc_kind_info *shmipc_kind_at(unsigned index)
{
	const struct shmi_kind *kind = kind_at(index);

	return kind ? &kind->info : NULL;
}

const struct shmipc_kind_info *shmipc_kind_find(enum shmipc_kind number)
{
	const struct shmi_kind *kind = shmi_kind_find((uint32_t)number);

	return kind ? &kind->info : NULL;
}
