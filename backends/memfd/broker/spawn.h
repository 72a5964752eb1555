/* SPDX-License-Identifier: MIT */
/* Starting the supervisor's server. */
#ifndef SHMI_MEMFD_SPAWN_H
#define SHMI_MEMFD_SPAWN_H

#include <sys/types.h>

#include "backends/memfd/rundir.h"

/*
 * How long the server may do nothing while it takes over, which is all that it
 * does then.
 */
#define SPAWN_IDLE_S 5

/*
 * A program to start servers from, whatever becomes of its file: a descriptor,
 * or a negative errno value.
 */
int spawn_open_image(const char *path);

struct spawned {
	pid_t pid;
	int pair;  /* our end of it; sending gives up after SPAWN_IDLE_S */
	int nudge; /* becomes readable when there are enough entries */
};

/* Start a server. What it does after that, it says in entries. */
int spawn_server(int image, const struct rundir_claim *claim,
		 struct spawned *ret);

/* It is reaped: let go of what we had of it. */
void spawn_bury(struct spawned *server);

#endif
