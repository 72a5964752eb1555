/* SPDX-License-Identifier: MIT */
/* Unique numbers. */
#ifndef SHMI_RANDOM_H
#define SHMI_RANDOM_H

#include <stdint.h>
#include <sys/types.h>

/*
 * 64 bits that another call, in any thread or process, practically never
 * returns. getrandom(2) is called once; later calls cost a tenth of that.
 *
 *   self  the caller's process id, which it mostly knows: a forked child
 *         continues from its parent's state
 */
uint64_t shmi_random(pid_t self);

#endif
