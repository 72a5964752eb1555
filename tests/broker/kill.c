/* SPDX-License-Identifier: MIT */
/*
 * The broker's server is killed, at any moment, again and again, while clients
 * make names and remove them. They must not notice: what was acknowledged is
 * so, and no request is seen to twice.
 *
 * Each client has names of its own, and writes down in shared memory what it
 * was told of each. So it knows the reply to every request before it asks:
 * a name that was lost, or came back, is seen by it at once, or by the first
 * process in the end. Each object has a random stamp in it, so that it cannot
 * be another one of the same name.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/broker/broker.h"

#define CLIENTS 4
#define EACH	32 /* names */
#define CREATES 20 /* for each kill, at least */
#define KILLS	20 /* of each broker: its beginning counts, too */

/* The longest time to the next kill, us; a new server takes some of it. */
#define PAUSE 12000

static struct {
	struct entry {
		_Atomic int there; /* its client writes both */
		_Atomic uint32_t stamp;
	} log[CLIENTS][EACH];
	_Atomic unsigned long created, lost, orphans;
	_Atomic uint64_t slowest; /* call, ns */
	_Atomic int ending;
} * shared;

static pid_t first;

/* Of this client, what is transient and there. */
static struct shmipc_shm *held[EACH];

static bool is_sem(unsigned n)
{
	return n % 8 == 7;
}

static bool is_transient(unsigned n)
{
	return n % 8 == 6;
}

static void name_of(unsigned slot, unsigned n, char name[32])
{
	snprintf(name, 32, "k.%d.%u.%u", (int)first, slot, n);
}

static void lost(const char *name, const char *how)
{
	atomic_fetch_add(&shared->lost, 1);
	complain("%s is lost: %s: %s", name, how, shmipc_errmsg());
}

static void orphan(const char *name)
{
	atomic_fetch_add(&shared->orphans, 1);
	complain("%s is there, and should not be", name);
}

/* Enough was seen, and each request may take the whole peer timeout. */
static bool is_hopeless(void)
{
	return complaints() > 100;
}

static int make_shm(const char *name, unsigned n, uint32_t stamp)
{
	unsigned how = is_transient(n) ? SHMIPC_TRANSIENT : 0;
	struct shmipc_shm *shm;
	int r = shmipc_shm_open(ipc, &shm, name, 100,
				SHMIPC_CREATE | SHMIPC_EXCL | how, 0600);

	if (r < 0)
		return r;
	memcpy(shmipc_shm_addr(shm), &stamp, sizeof(stamp));
	if (is_transient(n))
		held[n] = shm;
	else
		shmipc_shm_close(shm);
	return 0;
}

static int make_sem(const char *name, uint32_t stamp)
{
	struct shmipc_sem *sem;
	int r = shmipc_sem_open(ipc, &sem, name, stamp,
				SHMIPC_CREATE | SHMIPC_EXCL, 0600);

	if (r == 0)
		shmipc_sem_close(sem);
	return r;
}

static void make(const char *name, unsigned n, struct entry *e)
{
	uint32_t stamp = 1 + dice(1000000000);
	int r = is_sem(n) ? make_sem(name, stamp) : make_shm(name, n, stamp);

	if (r == -EEXIST)
		orphan(name);
	if (expect("create", name, r, 0, 0) < 0)
		return;
	atomic_store(&e->stamp, stamp);
	atomic_store(&e->there, 1);
	atomic_fetch_add(&shared->created, 1);
}

/* Returns the stamp in the object; 0 if it cannot be opened. */
static int stamp_of(const char *name, unsigned n, uint32_t *ret)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	int r, value = 0;

	if (is_sem(n)) {
		r = shmipc_sem_open(ipc, &sem, name, 0, 0, 0);
		if (r < 0)
			return r;
		r = shmipc_sem_getvalue(sem, &value);
		shmipc_sem_close(sem);
		*ret = (uint32_t)value;
		return r;
	}
	r = shmipc_shm_open(ipc, &shm, name, 0, 0, 0);
	if (r < 0)
		return r;
	memcpy(ret, shmipc_shm_addr(shm), sizeof(*ret));
	shmipc_shm_close(shm);
	return 0;
}

static void look(const char *name, unsigned n, const struct entry *e)
{
	uint32_t stamp = 0;
	int r = stamp_of(name, n, &stamp);

	if (!atomic_load(&e->there)) {
		if (r == 0)
			orphan(name);
		else
			expect("look for", name, r, -ENOENT, 0);
	} else if (r < 0) {
		lost(name, "open");
	} else if (stamp != atomic_load(&e->stamp)) {
		lost(name, "another one is there");
	}
}

static void remove_it(const char *name, unsigned n, struct entry *e)
{
	int r = 0;

	if (!is_transient(n) || dice(2))
		r = is_sem(n) ? shmipc_sem_unlink(ipc, name)
			      : shmipc_shm_unlink(ipc, name);
	if (r == -ENOENT)
		lost(name, "unlink");
	else
		expect("unlink", name, r, 0, 0);
	if (is_transient(n)) {
		shmipc_shm_close(held[n]);
		held[n] = NULL;
	}
	atomic_store(&e->there, 0);
}

static void act(unsigned slot, unsigned n)
{
	struct entry *e = &shared->log[slot][n];
	uint64_t start = now_ns(), took;
	char name[32];

	name_of(slot, n, name);
	if (dice(8) == 0)
		look(name, n, e);
	else if (atomic_load(&e->there))
		remove_it(name, n, e);
	else
		make(name, n, e);
	took = now_ns() - start;
	if (took > atomic_load(&shared->slowest)) /* about */
		atomic_store(&shared->slowest, took);
}

static void client(unsigned slot)
{
	while (!atomic_load(&shared->ending) && !is_hopeless())
		act(slot, dice(EACH));
	for (unsigned n = 0; n < EACH; n++) {
		char name[32];

		name_of(slot, n, name);
		if (is_transient(n) && held[n])
			remove_it(name, n, &shared->log[slot][n]);
	}
}

/* Every name that there is must be one that was made and not removed. */
static int listed(const struct shmipc_info *info, void *arg)
{
	unsigned slot, n;
	int pid;

	(void)arg;
	if (sscanf(info->name, "k.%d.%u.%u", &pid, &slot, &n) != 3 ||
	    pid != first || slot >= CLIENTS || n >= EACH ||
	    is_sem(n) != (info->kind == SHMIPC_SEM) ||
	    !atomic_load(&shared->log[slot][n].there))
		orphan(info->name);
	return 0;
}

/* The first process, when all clients have ended. */
static void compare(void)
{
	expect("list", "names", shmipc_list(ipc, listed, NULL), 0, 0);
	for (unsigned i = 0; i < CLIENTS * EACH && !is_hopeless(); i++) {
		struct entry *e = &shared->log[i / EACH][i % EACH];
		char name[32];

		name_of(i / EACH, i % EACH, name);
		look(name, i % EACH, e);
		if (atomic_load(&e->there))
			remove_it(name, i % EACH, e);
	}
	expect("list", "names", shmipc_list(ipc, listed, NULL), 0, 0);
}

/* Until this many were made in all. */
static void await_creates(unsigned long many)
{
	long deadline = now_ms() + 20000;

	while (atomic_load(&shared->created) < many && !is_hopeless()) {
		if (now_ms() > deadline) {
			complain("nothing is created for twenty seconds");
			return;
		}
		nap_us(100);
	}
}

/*
 * Every second server is killed at any moment of its life, and the others when
 * they have done some work: a slow machine gets on, too. In all, *done.
 */
static void kill_servers(unsigned long count, unsigned long *done)
{
	pid_t supervisor = find_supervisor(getenv("SHMIPC_RUNTIME_DIR")),
	      server = 0;

	while (count-- && !is_hopeless()) {
		server = await_server(supervisor, server);
		if (!server)
			break;
		if (*done % 2)
			await_creates(CREATES * (*done + 1));
		nap_us(dice(PAUSE));
		if (kill(server, SIGKILL) == 0)
			++*done;
	}
	if (find_supervisor(getenv("SHMIPC_RUNTIME_DIR")) != supervisor)
		complain("the broker %d is gone", (int)supervisor);
}

/* One broker, from its start to its end. */
static void one_broker(unsigned long count, unsigned long *done)
{
	unsigned long before = atomic_load(&shared->created);

	atomic_store(&shared->ending, 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		start_client(client, i);
	/* Until then somebody may stand in for the supervisor. */
	while (atomic_load(&shared->created) == before && !is_hopeless())
		nap_us(100);
	kill_servers(count, done);
	atomic_store(&shared->ending, 1);
	reap_clients();
	compare();
	/* It leaves when we have left. */
	shmipc_close(ipc);
	ipc = NULL;
	if (!is_hopeless()) {
		(void)await_no_broker();
		expect("open", "a connection", shmipc_open(&ipc, NULL), 0, 0);
	}
}

void kills(unsigned long count)
{
	unsigned long done = 0, brokers_had = 0;

	setenv("SHMIPC_BROKER_IDLE_MS", "10", 1);
	shared = share(sizeof(*shared));
	first = getpid();
	for (; done < count && !is_hopeless(); brokers_had++)
		one_broker(count - done < KILLS ? count - done : KILLS, &done);
	printf("broker: kill: %lu kills of the server of %lu brokers, %lu "
	       "creates, %lu lost, %lu orphans, %lu errors, slowest %.0f ms\n",
	       done, brokers_had, atomic_load(&shared->created),
	       atomic_load(&shared->lost), atomic_load(&shared->orphans),
	       complaints(), (double)atomic_load(&shared->slowest) / 1e6);
}
