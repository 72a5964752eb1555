/* SPDX-License-Identifier: MIT */
/*
 * Hostile clients at the broker, and honest ones that it has to serve. After
 * all of it the broker must have the descriptors and the memory that it had
 * before, and its server must be the same process. Before is after a part of
 * the attack, so that what is allocated once does not count.
 *
 * Quiet and attack take turns, so that whatever else this machine does meets
 * both. Attackers are no real-time processes, if the others are: it is the
 * broker that is tried here, and not the scheduler. And honest clients rest now
 * and then.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/broker/hostile.h"

#define HONEST	  2
#define ATTACKERS 4
#define NAMES	  16
#define TURNS	  20
#define LEAST_MS  50 /* of quiet in a turn */
#define MOST_MS	  500

/*
 * How long honest clients may wait for an open, compared to quiet. A client
 * that connects for it waits for the broker twice more, each time behind
 * attackers that have a core, too: 1.1 to 2.2 times as long, depending on the
 * machine.
 */
#define MOST_TIMES	      2
#define MOST_TIMES_CONNECTING 3
#define ENOUGH		      5000 /* to say so; of less, 99 % is chance */

/* KiB. A process touches a page of its program for the first time. */
#define RSS_SLACK 256

struct hostile *hostile_shared;

static pid_t first;

static void name_of(unsigned n, char name[32])
{
	snprintf(name, 32, "h.%d.%u", (int)first, n);
}

static void make_names(void)
{
	for (unsigned n = 0; n < NAMES; n++) {
		struct shmipc_shm *shm;
		char name[32];

		name_of(n, name);
		if (expect("create", name,
			   shmipc_shm_open(ipc, &shm, name, 8,
					   SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			   0, 0) == 0)
			shmipc_shm_close(shm);
	}
}

static void remove_names(void)
{
	for (unsigned n = 0; n < NAMES; n++) {
		char name[32];

		name_of(n, name);
		expect("unlink", name, shmipc_shm_unlink(ipc, name), 0, 0);
	}
}

static void open_one(void)
{
	struct shmipc_shm *shm;
	char name[32];

	name_of(dice(NAMES), name);
	if (expect("open", name, shmipc_shm_open(ipc, &shm, name, 0, 0, 0), 0,
		   0) == 0)
		shmipc_shm_close(shm);
	atomic_fetch_add(&hostile_shared->opens, 1);
}

/* The first has one connection, the second a new one each time. */
static void honest(unsigned slot)
{
	for (;;) {
		int phase = atomic_load(&hostile_shared->phase);
		uint64_t start = now_ns();

		if (phase == END)
			return;
		if (slot) {
			shmipc_close(ipc);
			ipc = NULL;
		}
		if (phase == REST) {
			nap_us(1000);
			continue;
		}
		if (slot)
			expect("open", "a connection", shmipc_open(&ipc, NULL),
			       0, 0);
		open_one();
		if (atomic_load(&hostile_shared->phase) == phase)
			latency_add(slot ? &hostile_shared->fresh[phase]
					 : &hostile_shared->kept[phase],
				    now_ns() - start);
		nap_us(slot ? 500 : 100);
	}
}

static void attack_disturbed(unsigned slot)
{
	be_disturbed();
	attack(slot);
}

static unsigned fds_of(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* KiB. Not of status, which is a guess: proc(5). */
static unsigned long rss_of(pid_t pid)
{
	char path[64], line[256];
	unsigned long rss = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Rss: %lu kB", &rss) == 1)
			break;
	if (file)
		fclose(file);
	return rss;
}

static struct footprint {
	pid_t pid;
	unsigned fds;
	unsigned long rss;
} measure(pid_t pid)
{
	return (struct footprint){ pid, fds_of(pid), rss_of(pid) };
}

/* Wait until the broker has seen that all these clients are gone. */
static void rest(pid_t pid)
{
	long deadline = now_ms() + 10000, same_since = now_ms();
	unsigned fds = fds_of(pid);

	atomic_store(&hostile_shared->phase, REST);
	while (now_ms() < deadline && now_ms() < same_since + 300) {
		unsigned before = fds;

		nap_us(10000);
		fds = fds_of(pid);
		if (fds != before)
			same_since = now_ms();
	}
}

static void compare(const char *who, const struct footprint *before)
{
	struct footprint after = measure(before->pid);

	if (after.fds != before->fds)
		complain("the %s has %u descriptors, and had %u", who,
			 after.fds, before->fds);
	if (after.rss > before->rss + RSS_SLACK && !is_sanitized())
		complain("the %s has %lu KiB, and had %lu", who, after.rss,
			 before->rss);
	printf("broker: hostile: %s: %u descriptors, %lu KiB; before %u, "
	       "%lu\n",
	       who, after.fds, after.rss, before->fds, before->rss);
}

/* Attack until the total of packets sent is reached, then rest as long. */
static void one_turn(unsigned long packets)
{
	long start = now_ms(), took;

	atomic_store(&hostile_shared->phase, ATTACK);
	while (atomic_load(&hostile_shared->packets) < packets &&
	       now_ms() < start + 120000)
		nap_us(1000);
	if (atomic_load(&hostile_shared->packets) < packets)
		complain("the attackers do not come forward");
	took = now_ms() - start;
	atomic_store(&hostile_shared->phase, QUIET);
	if (took > MOST_MS)
		took = MOST_MS;
	nap_us((unsigned)(took < LEAST_MS ? LEAST_MS : took) * 1000);
}

static void entry(const char *who, struct latency of[2], double most)
{
	double quiet = latency_us(&of[QUIET], 990);
	double attacked = latency_us(&of[ATTACK], 990);
	bool counts = times_count() && atomic_load(&of[ATTACK].count) >= ENOUGH;

	if (attacked > most * quiet && counts)
		complain("%s: clients wait %.0f us for 99 %% of all opens, and "
			 "%.0f in quiet",
			 who, attacked, quiet);
	printf("broker: hostile: %s: %lu opens in quiet, half within %.0f us, "
	       "99 %% within %.0f us; %lu under attack, %.0f us, %.0f us: "
	       "%.2f%s\n",
	       who, atomic_load(&of[QUIET].count), latency_us(&of[QUIET], 500),
	       quiet, atomic_load(&of[ATTACK].count),
	       latency_us(&of[ATTACK], 500), attacked, attacked / quiet,
	       counts ? "" : " (does not count)");
}

void hostile(unsigned long count)
{
	struct footprint supervisor, server;
	pid_t pid;

	hostile_shared = share(sizeof(*hostile_shared));
	first = getpid();
	be_undisturbed();
	make_names();
	/* Its connection would be the first to make room for others. */
	shmipc_close(ipc);
	expect("open", "a connection", shmipc_open(&ipc, NULL), 0, 0);
	for (unsigned i = 0; i < HONEST; i++)
		start_client(honest, i);
	for (unsigned i = 0; i < ATTACKERS; i++)
		start_client(attack_disturbed, HONEST + i);
	one_turn(count / TURNS);
	pid = find_supervisor(getenv("SHMIPC_RUNTIME_DIR"));
	rest(await_server(pid, 0));
	supervisor = measure(pid);
	server = measure(await_server(pid, 0));
	for (unsigned turn = 2; turn <= TURNS; turn++)
		one_turn(count * turn / TURNS);
	rest(server.pid);
	compare("supervisor", &supervisor);
	compare("server", &server);
	atomic_store(&hostile_shared->phase, END);
	reap_clients();
	if (server_of(pid) != server.pid)
		complain("the server was driven out");
	remove_names();
	entry("connected", hostile_shared->kept, MOST_TIMES);
	entry("connecting", hostile_shared->fresh, MOST_TIMES_CONNECTING);
	printf("broker: hostile: %lu packets, %lu connects, %lu opens, "
	       "%lu errors\n",
	       atomic_load(&hostile_shared->packets),
	       atomic_load(&hostile_shared->connects),
	       atomic_load(&hostile_shared->opens), complaints());
}
