/* SPDX-License-Identifier: MIT */
/*
 * All clients want a broker at the same moment, and no broker exists. There
 * must be one then, and it must be the same for all.
 *
 * Three things show that there was but one: the process that listens when all
 * clients have been served; the number of brokers that have become our
 * children; and that each client finds, over the connection that it has had
 * from the beginning, the object that the next one made.
 *
 * Before the next round it is killed, so that its socket's file is still there;
 * or all leave it, and it takes its socket away.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/broker/broker.h"

#define CLIENTS 32

static struct {
	struct meeting meeting;
	_Atomic int listener[CLIENTS]; /* each client writes its own */
	unsigned long rounds;
} * shared;

static pid_t first;

static void name_of(unsigned slot, char name[32])
{
	snprintf(name, 32, "c.%d.%u", (int)first, slot % CLIENTS);
}

/* All clients and the first process. */
static void meet_all(void)
{
	meet(&shared->meeting, CLIENTS + 1);
}

static void make(unsigned slot)
{
	struct shmipc_shm *shm;
	char name[32];

	name_of(slot, name);
	if (expect("create", name,
		   shmipc_shm_open(ipc, &shm, name, 8,
				   SHMIPC_CREATE | SHMIPC_EXCL, 0600),
		   0, 0) == 0)
		shmipc_shm_close(shm);
}

static void look(unsigned slot)
{
	struct shmipc_shm *shm;
	char name[32];

	name_of(slot, name);
	if (expect("open", name, shmipc_shm_open(ipc, &shm, name, 0, 0, 0), 0,
		   0) == 0)
		shmipc_shm_close(shm);
}

static void client(unsigned slot)
{
	for (unsigned long round = 0; round < shared->rounds; round++) {
		char name[32];

		name_of(slot, name);
		expect("open", "a connection", shmipc_open(&ipc, NULL), 0, 0);
		meet_all();
		make(slot);
		atomic_store(&shared->listener[slot],
			     find_supervisor(getenv("SHMIPC_RUNTIME_DIR")));
		meet_all();
		look(slot + 1);
		meet_all();
		if (round % 2)
			expect("unlink", name, shmipc_shm_unlink(ipc, name), 0,
			       0);
		shmipc_close(ipc);
		ipc = NULL;
		meet_all(); /* it may end now */
		meet_all(); /* it has */
	}
}

static void check(unsigned long round)
{
	pid_t pid;
	unsigned n = brokers(&pid);

	if (n != 1)
		complain("round %lu: %u brokers", round, n);
	for (unsigned i = 0; i < CLIENTS; i++)
		if (atomic_load(&shared->listener[i]) != pid)
			complain("round %lu: broker %d for client %u, not %d",
				 round, atomic_load(&shared->listener[i]), i,
				 (int)pid);
}

/* All of them, if there is more than one. Returns how many there were. */
static unsigned end_round(unsigned long round)
{
	pid_t pid;
	unsigned n = brokers(&pid);

	while (round % 2 == 0 && brokers(&pid)) {
		kill(pid, SIGKILL);
		while (!reap_brokers())
			nap_us(100);
	}
	(void)await_no_broker();
	return n;
}

void cold(unsigned long count)
{
	unsigned long served_by = 0;

	setenv("SHMIPC_BROKER_IDLE_MS", "20", 1);
	shared = share(sizeof(*shared));
	shared->rounds = count;
	first = getpid();
	for (unsigned i = 0; i < CLIENTS; i++)
		start_client(client, i);
	for (unsigned long round = 0; round < count; round++) {
		meet_all();
		meet_all();
		check(round);
		meet_all();
		meet_all();
		served_by += end_round(round);
		meet_all();
	}
	reap_clients();
	printf("broker: cold: %lu starts by %d clients, %lu brokers, "
	       "%lu errors\n",
	       count, CLIENTS, served_by, complaints());
}
