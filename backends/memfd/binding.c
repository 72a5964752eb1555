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

static uint64_t word_of(uint32_t incarnation, uint32_t count)
{
	return (uint64_t)incarnation << 32 | count;
}

static uint32_t incarnation_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static uint32_t count_of(uint64_t word)
{
	return (uint32_t)word;
}

uint32_t held_incarnation(struct held *held)
{
	uint64_t word = atomic_load(&held->word);

	return count_of(word) ? incarnation_of(word) : 0;
}

/* ---- counting ----------------------------------------------------------- */

static bool count_in(struct held *held, uint32_t incarnation)
{
	uint64_t word = atomic_load(&held->word), next;

	do {
		if (count_of(word) && incarnation_of(word) != incarnation)
			return false;
		next = word_of(incarnation, count_of(word) + 1);
	} while (!atomic_compare_exchange_weak(&held->word, &word, next));
	return true;
}

static void count_out(struct held *held)
{
	atomic_fetch_sub(&held->word, 1);
}

/* ---- items -------------------------------------------------------------- */

static struct held_item *next_item(struct held *held, struct held_items **items,
				   unsigned *at)
{
	if (!*items)
		*items = atomic_load(&held->first);
	else if (*at == HELD_ITEMS)
		*items = atomic_load(&(*items)->next);
	else
		return &(*items)->items[(*at)++];
	*at = 0;
	return *items ? &(*items)->items[(*at)++] : NULL;
}

static struct held_item *claim_item(struct held *held)
{
	struct held_items *items = NULL, *first;
	struct held_item *item;
	unsigned at = 0;

	while ((item = next_item(held, &items, &at))) {
		uint32_t none = HELD_FREE;

		if (atomic_load(&item->state) == HELD_FREE &&
		    atomic_compare_exchange_strong(&item->state, &none,
						   HELD_CLAIMED))
			return item;
	}
	items = calloc(1, sizeof(*items));
	if (!items)
		return NULL;
	item = &items->items[0];
	atomic_store(&item->state, HELD_CLAIMED);
	/* In front; the others are full. */
	first = atomic_load(&held->first);
	do
		atomic_store(&items->next, first);
	while (!atomic_compare_exchange_weak(&held->first, &first, items));
	return item;
}

int held_enter(struct held *held, uint32_t incarnation,
	       const struct shmipc_segment *seg, struct held_item **ret)
{
	struct held_item *item;

	item = claim_item(held);
	if (!item)
		return -ENOMEM;
	if (!count_in(held, incarnation)) {
		atomic_store(&item->state, HELD_FREE);
		return -ESTALE;
	}
	atomic_store(&item->addr, seg->addr);
	atomic_store(&item->kind, seg->kind);
	atomic_store(&item->state, incarnation);
	*ret = item;
	return 0;
}

void held_leave(struct held *held, struct held_item *item)
{
	if (item && atomic_exchange(&item->state, HELD_FREE) > HELD_FORGIVEN)
		count_out(held);
}

/* ---- the broker is gone ------------------------------------------------- */

/* A copy of the head of its header. Fails if it was unmapped meanwhile. */
static bool look_at(const struct held_item *item, void *ret)
{
	struct iovec to = { ret, SHMIPC_HEADER_LOOK };
	struct iovec from = { (void *)atomic_load(&item->addr),
			      SHMIPC_HEADER_LOOK };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
	       SHMIPC_HEADER_LOOK;
}

static bool is_nameless(const struct held_item *item)
{
	struct shmi_header head;

	return look_at(item, &head) &&
	       shmipc_segment_note(&head) == WIRE_NAMELESS;
}

bool held_review(struct held *held)
{
	struct held_items *items = NULL;
	struct held_item *item;
	unsigned at = 0;

	while ((item = next_item(held, &items, &at))) {
		uint32_t state = atomic_load(&item->state);

		if (state > HELD_FORGIVEN && is_nameless(item) &&
		    atomic_compare_exchange_strong(&item->state, &state,
						   HELD_FORGIVEN))
			count_out(held);
	}
	return held_incarnation(held) == 0;
}

static bool describe(const struct held_item *item, struct shmipc_info *ret)
{
	struct shmi_header head;
	enum shmipc_kind kind = (enum shmipc_kind)atomic_load(&item->kind);

	*ret = (struct shmipc_info){
		.kind = kind, .uid = geteuid(), .gid = getegid(), .in_use = 1
	};
	if (!look_at(item, &head) ||
	    shmipc_segment_note(&head) == WIRE_NAMELESS ||
	    shmipc_segment_name(&head, SIZE_MAX, kind, ret->name) < 0)
		return false;
	ret->size = head.size;
	ret->created = head.created;
	ret->creator = head.creator;
	ret->transient = shmipc_segment_is_transient(&head);
	return true;
}

int held_walk_lost(struct held *held, uint32_t incarnation,
		   int (*found)(const struct shmipc_info *info, void *arg),
		   void *arg)
{
	struct held_items *items = NULL;
	struct held_item *item;
	struct shmipc_info info;
	unsigned at = 0;

	while ((item = next_item(held, &items, &at))) {
		uint32_t state = atomic_load(&item->state);

		if (state > HELD_FORGIVEN && state != incarnation &&
		    describe(item, &info) && found(&info, arg))
			break;
	}
	return 0;
}

void held_close(struct held *held)
{
	struct held_items *items = atomic_load(&held->first), *next;

	for (; items; items = next) {
		next = atomic_load(&items->next);
		free(items);
	}
}
