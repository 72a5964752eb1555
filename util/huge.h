/* SPDX-License-Identifier: MIT */
/* Huge pages for a new segment, if available without waiting. */
#ifndef SHMI_HUGE_H
#define SHMI_HUGE_H

#include <stddef.h>

/*
 * An address where a new mapping of this length could have huge pages. It is a
 * hint for mmap(2) or shmat(2), and was free a moment ago: MAP_FIXED or
 * SHM_REMAP would replace another thread's new mapping. NULL: use any address.
 */
void *shmi_prefault_hint(size_t length);

/*
 * Give a mapping of a new and empty object huge pages, as long as that is
 * quicker than small ones. These pages are then reserved and mapped; the caller
 * handles all others and reports failures. Call shmi_limits_check() before
 * this.
 */
void shmi_prefault_huge(void *addr, size_t length);

#endif
