/* SPDX-License-Identifier: MIT */
/* What killed creators leave in System V's tables, made to order. */
#ifndef SYSV_LEFTOVERS_H
#define SYSV_LEFTOVERS_H

#include <stdbool.h>

/*
 * Make the region that a creator of this name leaves if it is killed before or
 * after it writes the name into it. Returns the segment's number.
 */
int sysv_leave_behind(const char *name, unsigned slot, bool with_name);

/* Whether this segment exists and is not marked for removal. */
bool sysv_segment_exists(int id);

#endif
