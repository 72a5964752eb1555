/* SPDX-License-Identifier: MIT */
/* Huge pages for a new segment, where they are to be had without waiting. */
#ifndef SHMI_HUGE_H
#define SHMI_HUGE_H

#include <stddef.h>

/*
 * Where a new mapping of this length could have huge pages. A hint for mmap(2)
 * or shmat(2), and free a moment ago: with MAP_FIXED or SHM_REMAP it would
 * replace what another thread mapped meanwhile. NULL: anywhere will do.
 */
void *shmi_prefault_hint(size_t length);

/*
 * Give a mapping of a new and empty object huge pages, as long as that is
 * quicker than small ones. Those that it gets are reserved and mapped; all
 * others are left to the caller, and to say what is missing as well. What can
 * be had is to be asked before: shmi_limits_check().
 */
void shmi_prefault_huge(void *addr, size_t length);

#endif
