/* SPDX-License-Identifier: MIT */
/* Bindings: what a connection has open, and which broker its names are of. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backends/memfd/binding.h"
#include "backends/memfd/wire.h"

static uint64_t bound_word(uint32_t broker_id, uint32_t count)
{
	return (uint64_t)broker_id << 32 | count;
}

static uint32_t bound_id(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static uint32_t bound_count(uint64_t word)
{
	return (uint32_t)word;
}

uint32_t binding_broker_id(struct bindings *bindings)
{
	uint64_t word = atomic_load(&bindings->word);

	return bound_count(word) ? bound_id(word) : 0;
}

/* ---- counting ----------------------------------------------------------- */

static bool count_in(struct bindings *bindings, uint32_t broker_id)
{
	uint64_t word = atomic_load(&bindings->word), next;

	do {
		if (bound_count(word) && bound_id(word) != broker_id)
			return false;
		next = bound_word(broker_id, bound_count(word) + 1);
	} while (!atomic_compare_exchange_weak(&bindings->word, &word, next));
	return true;
}

static void count_out(struct bindings *bindings)
{
	atomic_fetch_sub(&bindings->word, 1);
}

/* ---- items -------------------------------------------------------------- */

static struct binding *next_item(struct bindings *bindings,
				 struct binding_block **items, unsigned *at)
{
	if (!*items)
		*items = atomic_load(&bindings->first);
	else if (*at == BINDINGS)
		*items = atomic_load(&(*items)->next);
	else
		return &(*items)->items[(*at)++];
	*at = 0;
	return *items ? &(*items)->items[(*at)++] : NULL;
}

static struct binding *claim_item(struct bindings *bindings)
{
	struct binding_block *items = NULL, *first;
	struct binding *item;
	unsigned at = 0;

	while ((item = next_item(bindings, &items, &at))) {
		uint32_t none = BINDING_FREE;

		if (atomic_load(&item->state) == BINDING_FREE &&
		    atomic_compare_exchange_strong(&item->state, &none,
						   BINDING_CLAIMED))
			return item;
	}
	items = calloc(1, sizeof(*items));
	if (!items)
		return NULL;
	item = &items->items[0];
	atomic_store(&item->state, BINDING_CLAIMED);
	/* Put it in front: the others are full. */
	first = atomic_load(&bindings->first);
	do
		atomic_store(&items->next, first);
	while (!atomic_compare_exchange_weak(&bindings->first, &first, items));
	return item;
}

int binding_add(struct bindings *bindings, uint32_t broker_id,
		const struct shmipc_segment *seg, struct binding **ret)
{
	struct binding *item;

	item = claim_item(bindings);
	if (!item)
		return -ENOMEM;
	if (!count_in(bindings, broker_id)) {
		atomic_store(&item->state, BINDING_FREE);
		return -ESTALE;
	}
	atomic_store(&item->addr, seg->addr);
	atomic_store(&item->kind, (uint32_t)seg->kind->kind);
	atomic_store(&item->state, broker_id);
	*ret = item;
	return 0;
}

void binding_remove(struct bindings *bindings, struct binding *item)
{
	if (item &&
	    atomic_exchange(&item->state, BINDING_FREE) > BINDING_FORGIVEN)
		count_out(bindings);
}

/* ---- the broker is gone ------------------------------------------------- */

/* Copy the start of its header. False if it was unmapped meanwhile. */
static bool read_binding(const struct binding *item, void *ret)
{
	struct iovec to = { ret, SHMIPC_HEADER_LOOK };
	struct iovec from = { (void *)atomic_load(&item->addr),
			      SHMIPC_HEADER_LOOK };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
	       SHMIPC_HEADER_LOOK;
}

static bool binding_is_nameless(const struct binding *item)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];

	return read_binding(item, header) &&
	       shmipc_segment_word(header) == WIRE_NAMELESS;
}

bool binding_review(struct bindings *bindings)
{
	struct binding_block *items = NULL;
	struct binding *item;
	unsigned at = 0;

	while ((item = next_item(bindings, &items, &at))) {
		uint32_t state = atomic_load(&item->state);

		if (state > BINDING_FORGIVEN && binding_is_nameless(item) &&
		    atomic_compare_exchange_strong(&item->state, &state,
						   BINDING_FORGIVEN))
			count_out(bindings);
	}
	return binding_broker_id(bindings) == 0;
}

static bool describe_binding(const struct binding *item,
			     struct shmipc_info *ret)
{
	_Alignas(max_align_t) char header[SHMIPC_HEADER_LOOK];
	struct shmipc_segment_facts facts = { .kind = 0 };

	if (!read_binding(item, header) ||
	    shmipc_segment_word(header) == WIRE_NAMELESS ||
	    shmipc_segment_identify(header, SIZE_MAX, &facts) < 0)
		return false;
	*ret = (struct shmipc_info){
		.kind = (enum shmipc_kind)atomic_load(&item->kind),
		.size = facts.size,
		.uid = geteuid(),
		.gid = getegid(),
		.created = facts.created,
		.creator = facts.creator,
		.in_use = 1,
		.transient = facts.transient,
	};
	strcpy(ret->name, facts.name);
	return true;
}

int binding_walk_lost(struct bindings *bindings, uint32_t broker_id,
		      int (*found)(const struct shmipc_info *info, void *arg),
		      void *arg)
{
	struct binding_block *items = NULL;
	struct binding *item;
	struct shmipc_info info;
	unsigned at = 0;

	while ((item = next_item(bindings, &items, &at))) {
		uint32_t state = atomic_load(&item->state);

		if (state > BINDING_FORGIVEN && state != broker_id &&
		    describe_binding(item, &info) && found(&info, arg))
			break;
	}
	return 0;
}

void binding_close(struct bindings *bindings)
{
	struct binding_block *items = atomic_load(&bindings->first), *next;

	for (; items; items = next) {
		next = atomic_load(&items->next);
		free(items);
	}
}
