/* SPDX-License-Identifier: MIT */
/* Names in System V's key space: the arithmetic. */
#include <config.h>

#include <stdatomic.h>
#include <unistd.h>

#include "backends/sysv/key.h"

#define KEY_MARK       0xC5U
#define TAG_PERSISTENT 0xAU
#define TAG_TRANSIENT  0xBU

/*
 * FNV-1a, 64 bits. Offset basis and prime are from the authors' page, "FNV
 * Hash", by Fowler, Noll and Vo. Any hash would do, but it must never change:
 * one version finds the objects of another by it.
 */
static uint64_t fnv_hash(enum shmipc_kind kind, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = (h ^ (uint64_t)kind) * UINT64_C(0x100000001b3);
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t (*sysvkey_hash)(enum shmipc_kind kind, const char *name) = fnv_hash;

key_t sysvkey_segment(enum shmipc_kind kind, const char *name, unsigned slot)
{
	uint64_t h = sysvkey_hash(kind, name);
	/* Fold it: the low bits of FNV alone mix the last bytes badly. */
	uint32_t low = (uint32_t)(h ^ h >> 22 ^ h >> 44) & 0x3fffff;

	return (key_t)(KEY_MARK << 24 | slot << 22 | low);
}

bool sysvkey_is_of(key_t key, enum shmipc_kind kind, const char *name)
{
	for (unsigned slot = 0; slot < SYSV_SLOTS; slot++) {
		key_t own = sysvkey_segment(kind, name, slot);

		if (key == own)
			return true;
	}
	return false;
}

static unsigned tag_hash(enum shmipc_kind kind, const char *name)
{
	return (unsigned)(sysvkey_hash(kind, name) >> 52 & 0xff);
}

/* Kept, because every object needs it about ten times. */
static size_t page_size(void)
{
	static _Atomic size_t kept; /* relaxed: no other data depends on it */
	size_t page = atomic_load_explicit(&kept, memory_order_relaxed);

	if (page == 0) {
		page = (size_t)sysconf(_SC_PAGESIZE);
		atomic_store_explicit(&kept, page, memory_order_relaxed);
	}
	return page;
}

/* The size of a page is a power of two. */
size_t sysvkey_mapped(size_t size)
{
	size_t page = page_size();

	return (size + page - 1) & ~(page - 1);
}

size_t sysvkey_size(enum shmipc_kind kind, const char *name, size_t length,
		    bool transient)
{
	unsigned mark = transient ? TAG_TRANSIENT : TAG_PERSISTENT;

	return sysvkey_mapped(length) - (mark << 8 | tag_hash(kind, name));
}

static unsigned tag_of(size_t size)
{
	return (unsigned)(sysvkey_mapped(size) - size);
}

bool sysvkey_is_transient(size_t size)
{
	return tag_of(size) >> 8 == TAG_TRANSIENT;
}

bool sysvkey_is_tagged(size_t size)
{
	return tag_of(size) >> 8 == TAG_PERSISTENT ||
	       sysvkey_is_transient(size);
}

bool sysvkey_is_ours(key_t key, size_t size)
{
	return (uint32_t)key >> 24 == KEY_MARK && sysvkey_is_tagged(size);
}

bool sysvkey_fits(enum shmipc_kind kind, const char *name, size_t size)
{
	unsigned hash = tag_hash(kind, name);

	return sysvkey_is_tagged(size) && (tag_of(size) & 0xff) == hash;
}

key_t sysvkey_companion(int segment_id)
{
	return (key_t)(0x80000000U | (uint32_t)segment_id);
}

int sysvkey_segment_id(key_t companion)
{
	return companion & 0x7fffffff;
}
