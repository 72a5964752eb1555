/* SPDX-License-Identifier: MIT */
/* Mapping every page of a segment at once, not one fault after another. */
#ifndef SHMI_POPULATE_H
#define SHMI_POPULATE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Have all pages of a mapping, which starts at a page, and map them. If they
 * were not reserved, shmi_memory_check() is to be asked before.
 *   -ENOSPC  they cannot be had; the sentence says so
 */
int shmi_populate(void *addr, size_t length, bool writable);

#endif
