/* SPDX-License-Identifier: MIT */
/*
 * Names in System V's key space: a key has 32 bits, and a name is longer.
 *
 *   key of a segment     0xC5 | slot (2 bits) | hash of kind and name (22)
 *   size of a segment    whole pages, less a tag: 0xA, or 0xB if transient
 *                        (4 bits) | hash (8)
 *   key of a companion,  0x80000000 | id of the segment that it belongs to
 *   a semaphore set or
 *   liveness segment
 *
 * A name may be in any of SYSV_SLOTS slots, so that it has another place if
 * another name took its key. The full name in the header decides. The kernel
 * keeps the size of a segment to the byte, shows it to every process and lets
 * no process change it. So the tag tells our segments from those of other
 * programs without attaching them, which a program that counts attaches could
 * notice. It also tells most names apart where the permission bits let us read
 * nothing. 0xC5 is no ASCII letter, and programs mostly give ftok(3) a letter.
 */
#ifndef SHMI_SYSV_KEY_H
#define SHMI_SYSV_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc-backend.h>

#define SYSV_SLOTS 4

/* The hash of kind and name. Only tests that want collisions change it. */
extern uint64_t (*sysvkey_hash)(enum shmipc_kind kind, const char *name);

key_t sysvkey_segment(enum shmipc_kind kind, const char *name, unsigned slot);

/* Is this the key of one of the name's slots? */
bool sysvkey_is_of(key_t key, enum shmipc_kind kind, const char *name);

/* The size to ask for, so that length bytes can be used. */
size_t sysvkey_size(enum shmipc_kind kind, const char *name, size_t length,
		    bool transient);

/* How many bytes an attach of a segment of this size maps: whole pages. */
size_t sysvkey_mapped(size_t size);

/* What the tag says. */
bool sysvkey_is_tagged(size_t size);
bool sysvkey_is_transient(size_t size);

/* Do key and size look like those of any segment of ours? */
bool sysvkey_is_ours(key_t key, size_t size);

/* Can a segment of this size be this name? */
bool sysvkey_fits(enum shmipc_kind kind, const char *name, size_t size);

/* The key of a companion, and the id that is in it. */
key_t sysvkey_companion(int segment_id);
int sysvkey_segment_id(key_t companion);

#endif
