/* SPDX-License-Identifier: MIT */
/* Mapping every page of a segment at once, not one fault after another. */
#ifndef SHMI_POPULATE_H
#define SHMI_POPULATE_H

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
 * were not reserved, shmi_memory_check() is to be asked before.
 *   -ENOSPC  they cannot be had; the sentence says so
 */
int shmi_populate(void *addr, size_t length, bool writable);

#endif
