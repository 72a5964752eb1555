/* SPDX-License-Identifier: MIT */
/* Mapping every page of a segment at once, not by one fault after another. */
#ifndef SHMI_PREFAULT_H
#define SHMI_PREFAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

/* Since Linux 5.14; the numbers are from asm-generic/mman-common.h. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/*
 * Allocate and map all pages of a mapping that starts at a page. If they were
 * not reserved, call shmi_limits_check() before.
 *   -ENOSPC  they are not available; the message says so
 */
int shmi_prefault(void *addr, size_t length, bool writable);

#endif
