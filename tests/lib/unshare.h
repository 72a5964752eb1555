/* SPDX-License-Identifier: MIT */
/* Name spaces of a process's own, with privileges or without. */
#ifndef TESTS_UNSHARE_H
#define TESTS_UNSHARE_H

#include <stdbool.h>

/*
 * unshare(2) with these flags, CLONE_NEW*. A process without the privilege does
 * it as the root of a user name space of its own, in which its ids stay as they
 * are; for that it must have one thread only.
 *
 * False if that cannot be had here. Perhaps something was done nevertheless,
 * so that the process had better end.
 */
bool unshare_self(int flags);

/* The same, but the ids there are root's: the process may set its limits. */
bool unshare_as_root(int flags);

#endif
