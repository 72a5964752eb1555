/* SPDX-License-Identifier: MIT */
/* Sleeping on a word of shared memory: futex(2). */
#ifndef SHMI_FUTEX_H
#define SHMI_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of 32-bit systems; their time_t may have 64 bits. */
#ifdef SYS_futex_time64
#define SHMI_SYS_FUTEX                                                         \
	(sizeof(time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex)
#else
#define SHMI_SYS_FUTEX SYS_futex
#endif

/*
 * FUTEX_WAIT_BITSET, whose deadline is absolute, on CLOCK_MONOTONIC, or
 * FUTEX_WAKE. Result and errno are futex(2)'s; with a deadline, EINTR follows
 * every signal handler.
 */
static inline long shmi_futex(_Atomic uint32_t *word, int op, uint32_t value,
			      const struct timespec *deadline)
{
	return syscall(SHMI_SYS_FUTEX, word, op, value, deadline, NULL,
		       FUTEX_BITSET_MATCH_ANY);
}

#endif
