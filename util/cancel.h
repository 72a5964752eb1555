/* SPDX-License-Identifier: MIT */
/*
 * Cancellation (pthreads(7)). Most system calls are cancellation points, and a
 * thread that is cancelled there leaks descriptors, mappings and locks. Only
 * waits are cancellation points for our callers; all other calls run with
 * cancellation off.
 */
#ifndef SHMI_CANCEL_H
#define SHMI_CANCEL_H

#include <pthread.h>

/* Returns the argument for shmi_cancel_restore(). */
static inline int shmi_cancel_off(void)
{
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void shmi_cancel_restore(int before)
{
	int ignored;

	(void)pthread_setcancelstate(before, &ignored);
}

#endif
