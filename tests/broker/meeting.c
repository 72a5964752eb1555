/* SPDX-License-Identifier: MIT */
/* Processes that wait for each other, asleep: there are more than cores. */
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/broker/broker.h"

#define PATIENCE_S 60

void meet(struct meeting *meeting, unsigned all)
{
	const struct timespec patience = { .tv_sec = PATIENCE_S };
	unsigned before = atomic_load(&meeting->times);
	long deadline = now_ms() + PATIENCE_S * 1000L;

	if (atomic_fetch_add(&meeting->arrived, 1) + 1 == all) {
		atomic_store(&meeting->arrived, 0);
		atomic_fetch_add(&meeting->times, 1);
		syscall(SYS_futex, &meeting->times, FUTEX_WAKE, INT_MAX, NULL,
			NULL, 0);
		return;
	}
	while (atomic_load(&meeting->times) == before) {
		if (now_ms() > deadline) {
			complain("somebody does not come");
			_exit(1);
		}
		syscall(SYS_futex, &meeting->times, FUTEX_WAIT, before,
			&patience, NULL, 0);
	}
}
