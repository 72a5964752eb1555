/* SPDX-License-Identifier: MIT */
/* What the test cases of the sysv backend share. */
#ifndef SYSV_FIXTURE_H
#define SYSV_FIXTURE_H

#include <stdbool.h>

#include <shmipc.h>

/* A connection to sysv, and a name of this process's own. */
extern struct shmipc *sysv_ipc;
extern char sysv_name[64];

void sysv_setup(void);
void sysv_teardown(void);

/*
 * Make the region that a creator of sysv_name leaves if it is killed before or
 * after it writes the name into it. Returns the segment's number.
 */
int sysv_leave_behind(unsigned slot, bool with_name);

/* Whether this segment exists and is not marked for removal. */
bool sysv_segment_exists(int id);

#endif
