/* SPDX-License-Identifier: MIT */
/* For white box tests: a directory of one's own, and the broker in it. */
#ifndef BROKERS_H
#define BROKERS_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include <shmipc.h>

#include "backends/memfd/wire.h"

/* Set for each test. */
extern char dir[2048];
extern char sock_path[sizeof(dir) + 8];
extern struct shmipc *ipc;

/* Nobody waits long for a broker that nobody needs. */
#define IDLE_MS 100

void broker_setup(void);
void broker_teardown(void); /* kills the broker */

void nap(void);

#define AWAIT(condition)                                                       \
	do {                                                                   \
		int naps_ = 0;                                                 \
		while (!(condition)) {                                         \
			ck_assert_int_lt(naps_++, 8000);                       \
			nap();                                                 \
		}                                                              \
	} while (0)

/* ---- processes ---------------------------------------------------------- */

/* The broker in our directory, or 0: the supervisor. */
pid_t broker_pid(void);

/* Its server, or 0. */
pid_t server_of(pid_t supervisor);

/* Kill the server, and wait until there is another. */
void kill_server(pid_t supervisor);

/* Only if it is still the one in our directory. */
void kill_broker(void);

/*
 * Start a broker by hand, what it says into log_path(); sock is passed to it
 * as by systemd, if it is not -1.
 */
pid_t start_by_hand(const char *program, int sock);
bool has_said(const char *words);

/* Wait for the end of one that was started by hand; its exit status, or -1. */
int status_of(pid_t pid);

void copy_program(const char *from, const char *to);

/* ---- objects ------------------------------------------------------------ */

/* Create and close a region. */
int create(const char *name);
struct shmipc_shm *create_open(const char *name, unsigned flags);

/* Open and close it. */
int open_it(const char *name);

/* What regions are made of, or -1. No assertions, for other programs. */
int make_memory(void);

/* ---- conversations ------------------------------------------------------ */

/* A connection past the library, or -1. */
int connect_raw(void);
int connect_greeted(void);

/*
 * Ask, with these descriptors or NULL. Returns the reply's result, or -EPIPE
 * if the connection ended.
 */
int ask_raw(int sock, const struct wire *request, const struct wire_fds *fds,
	    struct wire *reply);

/* A request about a region, and its reply's result only. */
int ask_about(int sock, enum wire_op op, const char *name);

/* A request that adds a region or a semaphore. */
struct wire add_of(uint32_t kind, const char *name);

/* ---- fake brokers ------------------------------------------------------- */

/* Fork one into our directory; returns as fork() does. */
pid_t fake_start(void);

/* What it does; it ends when it cannot. Requests come without descriptors. */
int fake_listen(void);
int fake_accept(int listening, unsigned version, unsigned oldest);
void fake_request(int sock, struct wire *ret);

#endif
