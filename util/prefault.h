/* SPDX-License-Identifier: MIT */
/* Mapping every page of a segment at once, not one fault after another. */
#ifndef SHMI_PREFAULT_H
#define SHMI_PREFAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

/* Since Linux 5.14; the numbers are of asm-generic/mman-common.h. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/*
 * Have all pages of a mapping, which starts at a page, and map them. If they
 * were not reserved, shmi_limits_check() is to be asked before.
 *   -ENOSPC  they cannot be had; the sentence says so
 */
int shmi_prefault(void *addr, size_t length, bool writable);

#endif
