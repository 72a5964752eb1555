/* SPDX-License-Identifier: MIT */
/*
 * The test of the memfd backend's broker: many start it, leave it, kill it, or
 * send it what they should not. See broker.c for how it is called.
 *
 * The first process is the one to which orphans are given, prctl(2): all
 * brokers that its children start become children of it, so that it knows how
 * many there were, and sees the end of each. Nothing here relies on what a
 * broker says of itself.
 */
#ifndef BROKER_H
#define BROKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/stress/children.h"

/* The most children that are no brokers. */
#define CLIENTS_MAX 40

/* They are known, and all others are brokers. 0: a free slot. */
extern pid_t clients[CLIENTS_MAX];

/* start() and reap(), and clients[slot] is what it should be. */
void start_client(void (*work)(unsigned slot), unsigned slot);
void reap_clients(void);

/* ---- brokers (processes.c) ---------------------------------------------- */

/* Connect past the library to the broker in this directory; or -errno. */
int connect_raw(const char *dir);

/* The process that listens for this connection; 0 if that is not known. */
pid_t listener_of(int sock);

/*
 * The process that listens in this directory, or 0: nobody listens. To be
 * called only after a client has been greeted: until then another process may
 * listen in the supervisor's stead.
 */
pid_t find_supervisor(const char *dir);

/* Its child, or 0: it has none, or is gone. */
pid_t server_of(pid_t supervisor);

/* The same, and wait for it. 0, and a complaint, after 10 s. */
pid_t await_server(pid_t supervisor, pid_t but_not);

/* Our children that are no clients, dead ones included. Returns how many. */
#define CHILDREN_MAX 256
unsigned list_brokers(pid_t ret[CHILDREN_MAX]);

/* Does this process run the broker's program? */
bool is_broker(pid_t pid);

/* How many brokers are our children, dead ones included; the first to *ret. */
unsigned brokers(pid_t *ret);

/* Reap those that have ended, and return how many that were. */
unsigned reap_brokers(void);

/* Wait until all have, and do so; a complaint after 20 s. */
unsigned await_no_broker(void);

/* ---- meeting (meeting.c) ------------------------------------------------ */

/* Zeroed, in shared memory. */
struct meeting {
	_Atomic unsigned arrived; /* of this time */
	_Atomic unsigned times;	  /* they were complete; all sleep on it */
};

/*
 * Wait until this number of processes is here. A process that has waited for a
 * minute complains and exits.
 */
void meet(struct meeting *meeting, unsigned all);

/* ---- time (latency.c) --------------------------------------------------- */

uint64_t now_ns(void);
void nap_us(unsigned us);

/* The times that something took, the last ones only. */
#define SAMPLES 200000
struct latency {
	_Atomic unsigned long count;
	uint32_t ns[SAMPLES];
};

void latency_add(struct latency *to, uint64_t ns);

/* The one that this share of them, of 1,000, does not exceed. Sorts them. */
double latency_us(struct latency *of, unsigned permille);

/*
 * Times are what they are when nothing else wants the processors. So this makes
 * the process and all children, brokers too, real-time ones, if it may.
 */
void be_undisturbed(void);

/* And this takes it back, in a child whose time does not matter. */
void be_disturbed(void);

/*
 * Do times say anything? In the long form only, which runs alone; not if that
 * was not allowed, nor when a sanitizer makes all of it several times slower.
 */
bool times_count(void);

/* A sanitizer also has memory of its own. */
bool is_sanitized(void);

/* The tests. Each prints its line. */
void cold(unsigned long count);
void idle(unsigned long count);
void kills(unsigned long count);
void restart(unsigned long count);
void hostile(unsigned long count);

/* Run a command while servers are killed. Returns its exit status. */
int killing(unsigned long ms, char **command);

#endif
