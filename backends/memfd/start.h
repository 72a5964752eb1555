/* SPDX-License-Identifier: MIT */
/* Starting the broker. */
#ifndef SHMI_MEMFD_START_H
#define SHMI_MEMFD_START_H

#include "backends/memfd/rundir.h"

/*
 * The broker's program: where it will be installed, or, in programs of the
 * build tree, where it was built. One line of its own, so that the rest of
 * the library is the same in both.
 */
extern const char shmi_broker_path[];

/*
 * Which program is the broker: $SHMIPC_BROKER, for trees that are not
 * installed, or shmi_broker_path.
 */
const char *start_program(void);

/*
 * Start a broker for this directory, if nobody else does, and return when it
 * runs; it greets when it is ready.
 *   -EBUSY         somebody else is the broker, or just becoming or leaving
 *   -EMFILE        no descriptor left to do it
 *   -ECONNREFUSED  it cannot be started; the sentence says why
 */
int start_broker(const struct rundir *rundir);

/* How the broker receives what start_broker() prepared. */
#define START_SOCK_FD 3
#define START_LOCK_FD 4

#endif
