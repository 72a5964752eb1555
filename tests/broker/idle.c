/* SPDX-License-Identifier: MIT */
/*
 * The broker exits when it has no clients, and just then a client comes. No
 * call may fail for that.
 *
 * Some clients come and go until all are gone at the same time. From then on
 * the broker's idle time runs, and they come again when it ends, each a little
 * before or after.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/broker/broker.h"

#define CLIENTS 4
#define IDLE_US 1000
#define WINDOW	1500 /* us; epoll_wait(2) and the scheduler come late */

static struct {
	struct meeting meeting;
	_Atomic unsigned long connects, most;
	_Atomic uint64_t last; /* somebody left, ns */
	_Atomic int ending;
} * shared;

static void visit(unsigned slot)
{
	struct shmipc_shm *shm;
	char name[32];

	snprintf(name, sizeof(name), "i.%d.%u", (int)getppid(), slot);
	if (expect("open", "a connection", shmipc_open(&ipc, NULL), 0, 0) < 0)
		return;
	if (expect("create", name,
		   shmipc_shm_open(ipc, &shm, name, 8,
				   SHMIPC_CREATE | SHMIPC_EXCL, 0600),
		   0, 0) == 0) {
		shmipc_shm_close(shm);
		expect("unlink", name, shmipc_shm_unlink(ipc, name), 0, 0);
		atomic_fetch_add(&shared->connects, 1);
	}
	shmipc_close(ipc);
	ipc = NULL;
}

static void wait_until(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000U),
				    .tv_nsec = (long)(ns % 1000000000U) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void client(unsigned slot)
{
	shmipc_close(ipc); /* it has not asked anything yet */
	for (;;) {
		meet(&shared->meeting, CLIENTS);
		if (slot == 0 && atomic_load(&shared->connects) >= shared->most)
			atomic_store(&shared->ending, 1);
		wait_until(atomic_load(&shared->last) +
			   (IDLE_US - 100 + dice(WINDOW)) * 1000UL);
		visit(slot);
		atomic_store(&shared->last, now_ns());
		meet(&shared->meeting, CLIENTS);
		if (atomic_load(&shared->ending))
			break;
	}
	ipc = NULL;
}

void idle(unsigned long count)
{
	unsigned long ended = 0;

	setenv("SHMIPC_BROKER_IDLE_MS", "1", 1);
	shared = share(sizeof(*shared));
	shared->most = count;
	for (unsigned i = 0; i < CLIENTS; i++)
		start_client(client, i);
	while (!atomic_load(&shared->ending)) {
		ended += reap_brokers();
		nap_us(1000);
	}
	reap_clients();
	ended += await_no_broker();
	/* Otherwise it was somebody else's test. */
	if (ended < count / 100)
		complain("only %lu brokers have left", ended);
	printf("broker: idle: %lu connects by %d clients, %lu brokers left, "
	       "%lu errors\n",
	       atomic_load(&shared->connects), CLIENTS, ended, complaints());
}
