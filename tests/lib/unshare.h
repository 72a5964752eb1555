/* SPDX-License-Identifier: MIT */
/* Name spaces of a process's own, with privileges or without. */
#ifndef APART_H
#define APART_H

#include <stdbool.h>

/*
 * unshare(2) with these flags, CLONE_NEW*. Who may not do that does it as the
 * root of a user name space of his own, in which his ids stay as they are; for
 * that he must have one thread only.
 *
 * False if that cannot be had here. Perhaps something was done nevertheless,
 * so that the process had better end.
 */
bool unshare_self(int flags);

/* The same, but his ids there are root's: its limits are his to set. */
bool unshare_as_root(int flags);

#endif
