/* SPDX-License-Identifier: MIT */
/* Processes that have an object open, and what a process is called. */
#ifndef SHMI_USERS_H
#define SHMI_USERS_H

#include <shmipc-backend.h>

/*
 * Describe the process of this thread or process id of our pid name space.
 * Allocates nothing. A cancellation point.
 *   -ESRCH  it no longer exists, or /proc does not show it
 */
int shmi_user_of(pid_t tid, struct shmipc_user *ret);

#endif
