/* SPDX-License-Identifier: MIT */
/*
 * Names in System V's key space: keys have 32 bits, and names are longer.
 *
 *   key of a segment    0xC5 | slot (2 bits) | hash of kind and name (22)
 *   size of a segment   whole pages, less a tag: 0xA, if it is transient 0xB
 *                       (4 bits) | hash (8)
 *   key of a set        0x80000000 | id of its segment; of an anchor the same
 *
 * A name may stand in any of SYSV_SLOTS slots, so that it can go elsewhere
 * when another name has its key; the full name in the header decides. The
 * kernel keeps a segment's size to the byte, shows it to everybody and lets
 * nobody change it, so the
 * tag tells ours from a stranger's without attaching (which a program that
 * counts attaches could notice), and tells most names apart even where their
 * modes let us read nothing. 0xC5 is no ASCII letter, as ftok(3) is mostly
 * given.
 */
#ifndef SHMI_SYSV_KEY_H
#define SHMI_SYSV_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc-backend.h>

#define SYSV_SLOTS 4

/* The hash of kind and name. Constant, but for tests that want collisions. */
extern uint64_t (*sysvkey_hash)(enum shmipc_kind kind, const char *name);

key_t sysvkey_segment(enum shmipc_kind kind, const char *name, unsigned slot);

/* Is this the key of one of the name's slots? */
bool sysvkey_is_of(key_t key, enum shmipc_kind kind, const char *name);

/* The size to ask for, so that length bytes can be used. */
size_t sysvkey_size(enum shmipc_kind kind, const char *name, size_t length,
		    bool transient);

/* Bytes mapped when a segment of this size is attached: whole pages. */
size_t sysvkey_mapped(size_t size);

/* What the tag tells. */
bool sysvkey_is_tagged(size_t size);
bool sysvkey_is_transient(size_t size);

/* Do key and size look like one of ours at all? Like this name? */
bool sysvkey_is_ours(key_t key, size_t size);
bool sysvkey_fits(enum shmipc_kind kind, const char *name, size_t size);

/* The key of the set, or anchor, that belongs to this segment. */
key_t sysvkey_companion(int segment_id);

#endif
