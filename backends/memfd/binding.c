/* SPDX-License-Identifier: MIT */
/* What a connection has open, should the broker lose its name. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backends/memfd/binding.h"
#include "backends/memfd/wire.h"
#include "core/header.h"

static uint64_t word_of(uint32_t broker_id, uint32_t count)
{
	return (uint64_t)broker_id << 32 | count;
}

static uint32_t broker_id_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static uint32_t count_of(uint64_t word)
{
	return (uint32_t)word;
}

uint32_t binding_broker_id(struct bindings *bindings)
{
	uint64_t word = atomic_load(&bindings->word);

	return count_of(word) ? broker_id_of(word) : 0;
}

/* ---- counting ----------------------------------------------------------- */

static bool count_in(struct bindings *bindings, uint32_t broker_id)
{
	uint64_t word = atomic_load(&bindings->word), next;

	do {
		if (count_of(word) && broker_id_of(word) != broker_id)
			return false;
		next = word_of(broker_id, count_of(word) + 1);
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
	/* In front; the others are full. */
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
	atomic_store(&item->kind, seg->kind);
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

/* A copy of the head of its header. Fails if it was unmapped meanwhile. */
static bool look_at(const struct binding *item, void *ret)
{
	struct iovec to = { ret, SHMIPC_HEADER_LOOK };
	struct iovec from = { (void *)atomic_load(&item->addr),
			      SHMIPC_HEADER_LOOK };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
	       SHMIPC_HEADER_LOOK;
}

static bool is_nameless(const struct binding *item)
{
	struct shmi_header head;

	return look_at(item, &head) &&
	       shmipc_segment_word(&head) == WIRE_NAMELESS;
}

bool binding_review(struct bindings *bindings)
{
	struct binding_block *items = NULL;
	struct binding *item;
	unsigned at = 0;

	while ((item = next_item(bindings, &items, &at))) {
		uint32_t state = atomic_load(&item->state);

		if (state > BINDING_FORGIVEN && is_nameless(item) &&
		    atomic_compare_exchange_strong(&item->state, &state,
						   BINDING_FORGIVEN))
			count_out(bindings);
	}
	return binding_broker_id(bindings) == 0;
}

static bool describe(const struct binding *item, struct shmipc_info *ret)
{
	struct shmi_header head;
	enum shmipc_kind kind = (enum shmipc_kind)atomic_load(&item->kind);

	*ret = (struct shmipc_info){
		.kind = kind, .uid = geteuid(), .gid = getegid(), .in_use = 1
	};
	if (!look_at(item, &head) ||
	    shmipc_segment_word(&head) == WIRE_NAMELESS ||
	    shmipc_segment_name(&head, SIZE_MAX, kind, ret->name) < 0)
		return false;
	ret->size = head.size;
	ret->created = head.created;
	ret->creator = head.creator;
	ret->transient = shmipc_segment_is_transient(&head);
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
		    describe(item, &info) && found(&info, arg))
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
