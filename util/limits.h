/* SPDX-License-Identifier: MIT */
/* Memory limits. */
#ifndef SHMI_LIMITS_H
#define SHMI_LIMITS_H

#include <stddef.h>

/*
 * Check that length bytes are available, as far as that is known beforehand.
 * Exceeding the memory of the machine or the control group wakes the
 * out-of-memory killer, which kills the program that asked.
 *   -ENOSPC  they are not; the message names the limit
 */
int shmi_limits_check(size_t length);

/*
 * What it means that mmap(2) or shmat(2) failed with this errno value.
 *   -ENOMEM  a limit; the message names it, if it is one of the process
 *   -err     otherwise
 */
int shmi_limits_mapping(int err);

/* The number of free blocks of 2^order pages; 0 if not known. */
size_t shmi_limits_free_blocks(unsigned order);

#endif
