/* SPDX-License-Identifier: MIT */
/*
 * How long does a new server take that has thousands of names to learn? Clients
 * open names all the time; the server is killed; of each kill, what counts is
 * the longest that any of them waited for an reply.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/broker/broker.h"

#define NAMES	4096
#define CLIENTS 2
#define MOST_MS 50

static struct {
	_Atomic unsigned long answers[CLIENTS]; /* each writes its own */
	_Atomic uint64_t worst; /* ns; since somebody set it to 0 */
	_Atomic int ending;
	struct latency restarts;
} * shared;

static pid_t first;

static bool is_sem(unsigned n)
{
	return n % 4 == 3;
}

static void name_of(unsigned n, char name[32])
{
	snprintf(name, 32, "r.%d.%u", (int)first, n);
}

static int open_close(unsigned n, unsigned flags)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	char name[32];
	int r;

	name_of(n, name);
	r = is_sem(n) ? shmipc_sem_open(ipc, &sem, name, 1, flags, 0600)
		      : shmipc_shm_open(ipc, &shm, name, flags ? 8 : 0, flags,
					0600);
	if (expect("open", name, r, 0, 0) < 0)
		return r;
	if (is_sem(n))
		shmipc_sem_close(sem);
	else
		shmipc_shm_close(shm);
	return 0;
}

static void client(unsigned slot)
{
	while (!atomic_load(&shared->ending)) {
		uint64_t start = now_ns(), took;
		uint64_t worst = atomic_load(&shared->worst);

		(void)open_close(dice(NAMES), 0);
		took = now_ns() - start;
		while (took > worst && !atomic_compare_exchange_weak(
					       &shared->worst, &worst, took))
			;
		atomic_fetch_add(&shared->answers[slot], 1);
		nap_us(200);
	}
}

/* Two replies: the second request was asked after this began. */
static void await_answers(void)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		unsigned long before = atomic_load(&shared->answers[i]);
		long deadline = now_ms() + 10000;

		while (atomic_load(&shared->answers[i]) < before + 2) {
			if (now_ms() > deadline) {
				complain("nobody replies for ten seconds");
				return;
			}
			nap_us(500);
		}
	}
}

static void kill_servers(unsigned long count)
{
	pid_t supervisor = find_supervisor(getenv("SHMIPC_RUNTIME_DIR"));
	pid_t server = await_server(supervisor, 0);

	for (unsigned long i = 0; i < count && server && !complaints(); i++) {
		await_answers();
		nap_us(dice(10000));
		atomic_store(&shared->worst, 0);
		kill(server, SIGKILL);
		server = await_server(supervisor, server);
		await_answers();
		latency_add(&shared->restarts, atomic_load(&shared->worst));
	}
}

static void remove_names(void)
{
	for (unsigned n = 0; n < NAMES; n++) {
		char name[32];

		name_of(n, name);
		expect("unlink", name,
		       is_sem(n) ? shmipc_sem_unlink(ipc, name)
				 : shmipc_shm_unlink(ipc, name),
		       0, 0);
	}
}

void restart(unsigned long count)
{
	double p99;

	shared = share(sizeof(*shared));
	first = getpid();
	be_undisturbed();
	for (unsigned n = 0; n < NAMES; n++)
		if (open_close(n, SHMIPC_CREATE | SHMIPC_EXCL) < 0)
			return;
	for (unsigned i = 0; i < CLIENTS; i++)
		start_client(client, i);
	kill_servers(count);
	atomic_store(&shared->ending, 1);
	reap_clients();
	remove_names();
	p99 = latency_us(&shared->restarts, 990) / 1e3;
	if (p99 > MOST_MS && times_count())
		complain("a restart takes %.0f ms", p99);
	printf("broker: restart: %lu kills with %d names, half within %.1f ms, "
	       "99 %% within %.1f ms%s, %lu errors\n",
	       count, NAMES, latency_us(&shared->restarts, 500) / 1e3, p99,
	       times_count() ? "" : " (does not count)", complaints());
}
