/* SPDX-License-Identifier: MIT */
/* How much memory may be had? */
#ifndef SHMI_LIMITS_H
#define SHMI_LIMITS_H

#include <stddef.h>

/*
 * Can so many bytes be had, as far as can be seen before? Asking for more than
 * the machine or the control group has wakes the out-of-memory killer, which
 * takes the program that asked.
 *   -ENOSPC  no; the sentence names the limit
 */
int shmi_limits_check(size_t length);

/* So many blocks of 2^order pages are free in one piece; 0 if not known. */
size_t shmi_limits_free_blocks(unsigned order);

#endif
