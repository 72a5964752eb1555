/* SPDX-License-Identifier: MIT */
/* The backends that this process knows: three built in, and registered ones. */
#include <config.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "call.h"

/* Each stands in a folder of backends/; memfd only where the system has it. */
extern const struct shmipc_backend shmi_backend_posix;
extern const struct shmipc_backend shmi_backend_sysv;
extern const struct shmipc_backend shmi_backend_memfd;

/* In order of preference. */
static const struct shmipc_backend *const built_in[] = {
	&shmi_backend_posix,
	&shmi_backend_sysv,
#ifdef SHMI_HAVE_MEMFD
	&shmi_backend_memfd,
#endif
};

#define BUILT_IN       (sizeof(built_in) / sizeof(built_in[0]))
#define REGISTERED_MAX (SHMIPC_BACKENDS_MAX - BUILT_IN)

/*
 * Filled from the front, never emptied. A slot goes from NULL to a table once,
 * by compare-and-swap: a lock could stay locked after a fork. Release there and
 * acquire in shmi_backend_at() pair: a thread that sees the pointer sees the
 * table.
 */
static const struct shmipc_backend *_Atomic registered[REGISTERED_MAX];

const struct shmipc_backend *shmi_backend_at(unsigned index)
{
	if (index < BUILT_IN)
		return built_in[index];
	index -= BUILT_IN;
	if (index >= REGISTERED_MAX)
		return NULL;
	return atomic_load_explicit(&registered[index], memory_order_acquire);
}

const struct shmipc_backend *shmi_backend_find(const char *name, size_t length)
{
	const struct shmipc_backend *b;

	for (unsigned i = 0; (b = shmi_backend_at(i)); i++)
		if (strlen(b->name) == length && !memcmp(b->name, name, length))
			return b;
	return NULL;
}

static int broken(const char *rule)
{
	return shmipc_backend_error(
		-EINVAL, "the backend's table is not valid: %s", rule);
}

static bool name_is_valid(const char *name)
{
	size_t length = strnlen(name, SHMIPC_BACKEND_NAME_MAX + 1);

	return length >= 1 && length <= SHMIPC_BACKEND_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

int shmi_backend_check(const struct shmipc_backend *ops)
{
	const uint32_t known =
		SHMIPC_CAP_OTHER_USERS | SHMIPC_CAP_FDS | SHMIPC_CAP_EARLY_NAME;
	const bool fds = ops->caps & SHMIPC_CAP_FDS;

	if (ops->abi != SHMIPC_BACKEND_ABI)
		return broken("abi is not SHMIPC_BACKEND_ABI");
	if (ops->caps & ~known)
		return broken("unknown bits in caps");
	if (!ops->name || !name_is_valid(ops->name))
		return broken("name is not 1 to 31 of a-z 0-9 _ -");
	if (!ops->objects || !*ops->objects)
		return broken("objects is empty");
	if (ops->conn_size > SHMIPC_BACKEND_PRIVATE_MAX ||
	    ops->segment_size > SHMIPC_BACKEND_PRIVATE_MAX)
		return broken("conn_size or segment_size is above "
			      "SHMIPC_BACKEND_PRIVATE_MAX");
	if (!ops->probe)
		return broken("probe is missing");
	if (!ops->segment_create || !ops->segment_publish ||
	    !ops->segment_open || !ops->segment_close || !ops->segment_stat ||
	    !ops->segment_unlink || !ops->segment_list || !ops->gc)
		return broken("a segment operation is missing");
	if (!!ops->segment_export != fds || !!ops->segment_import != fds)
		return broken("segment_export, segment_import and "
			      "SHMIPC_CAP_FDS go together");
	if (!ops->ksem_create || !ops->ksem_open || !ops->ksem_wait ||
	    !ops->ksem_post || !ops->ksem_close)
		return broken("a ksem operation is missing");
	return 0;
}

static int add(const struct shmipc_backend *ops)
{
	for (size_t i = 0; i < REGISTERED_MAX; i++) {
		const struct shmipc_backend *there = NULL;

		/*
		 * Check in the loop: of two racing calls with one name the
		 * second sees the first, because all slots before i are filled.
		 */
		if (shmi_backend_find(ops->name, strlen(ops->name)))
			return shmipc_backend_error(
				-EEXIST, "a backend named %s is known already",
				ops->name);
		if (atomic_compare_exchange_strong_explicit(
			    &registered[i], &there, ops, memory_order_release,
			    memory_order_relaxed))
			return 0;
	}
	return shmipc_backend_error(-ENOSPC, "more than %d backends",
				    SHMIPC_BACKENDS_MAX);
}

int shmipc_backend_register(const struct shmipc_backend *ops)
{
	struct shmi_call call;
	int r;

	shmi_call_begin_on(&call, SHMI_CONNECT, "backend");
	if (!ops)
		return shmi_call_end(&call, shmi_bad("the table is NULL"));
	r = shmi_backend_check(ops);
	if (r == 0)
		r = add(ops);
	return shmi_call_end(&call, r);
}

static void describe(const struct shmipc_backend *b,
		     struct shmipc_backend_info *ret,
		     char reason[SHMI_CAUSE_MAX])
{
	reason[0] = '\0';
	*ret = (struct shmipc_backend_info){
		.name = b->name,
		.objects = b->objects,
		.caps = b->caps & (SHMIPC_CAP_OTHER_USERS | SHMIPC_CAP_FDS),
		.works = b->probe() == 0,
		.reason = reason,
	};
	/* Copied because visit() may call us and fail. */
	if (!ret->works)
		snprintf(reason, SHMI_CAUSE_MAX, "%s", shmipc_backend_cause());
}

int shmipc_backends(int (*visit)(const struct shmipc_backend_info *, void *),
		    void *arg)
{
	const struct shmipc_backend *b;
	struct shmi_call call;
	int shown = 0;

	shmi_call_begin_on(&call, SHMI_CONNECT, "backends");
	if (!visit)
		return shmi_call_end(&call, shmi_bad("visit is NULL"));
	for (unsigned i = 0; (b = shmi_backend_at(i)); i++) {
		struct shmipc_backend_info info;
		char reason[SHMI_CAUSE_MAX];

		describe(b, &info, reason);
		shown++;
		if (visit(&info, arg))
			break;
	}
	return shmi_call_end(&call, shown);
}
