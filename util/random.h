/* SPDX-License-Identifier: MIT */
/* Numbers that nobody else draws. */
#ifndef SHMI_RANDOM_H
#define SHMI_RANDOM_H

#include <stdint.h>
#include <sys/types.h>

/*
 * 64 bits that another call, in whatever thread or process, has as good as
 * never. getrandom(2) is asked once; after that it costs a tenth of that.
 *
 * self	the caller's process id, which he mostly knows: a forked child goes on
 *	from its parent's state
 */
uint64_t shmi_random(pid_t self);

#endif
