/* SPDX-License-Identifier: MIT */
/* Starting the broker. */
#ifndef SHMI_MEMFD_START_H
#define SHMI_MEMFD_START_H

#include "backends/memfd/rundir.h"

/*
 * The path of the broker's program: where it will be installed, or, in programs
 * of the build tree, where it was built. It has a file of its own (where.c), so
 * that the rest of the library is the same in both.
 */
extern const char shmi_broker_path[];

/*
 * The program to start: $SHMIPC_BROKER, for trees that are not installed, or
 * shmi_broker_path.
 */
const char *start_program(void);

/*
 * How long the server waits for a request before it exits, if it has no names:
 * $SHMIPC_BROKER_IDLE_MS, or 2000.
 *   -ECONNREFUSED  the variable is not a number from 1 to 86400000 (a day), and
 *                  no broker can start
 */
long start_idle_ms(void);

/*
 * Start a broker for this directory, unless another process is doing so, and
 * return when it has the socket; it sends a greeting when it is ready.
 *   -EBUSY         another process is the broker, or is becoming or leaving
 *   -EMFILE        no descriptor left to do it
 *   -ECONNREFUSED  it cannot be started; the message says why
 */
int start_broker(const struct rundir *rundir);

/* The descriptors that a started broker receives. */
#define START_SOCK_FD 3
#define START_LOCK_FD 4

/* Found by trying: with less, one name and one client have no room. */
#define START_FDS_MIN 13

#endif
