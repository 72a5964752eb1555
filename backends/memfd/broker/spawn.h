/* SPDX-License-Identifier: MIT */
/* Starting a server. */
#ifndef SHMI_MEMFD_SPAWN_H
#define SHMI_MEMFD_SPAWN_H

#include <sys/types.h>

#include "backends/memfd/rundir.h"

/* How long a server may make no progress while it takes over. */
#define SPAWN_IDLE_S 5

/*
 * A descriptor of a program, to start servers from even if its file is replaced
 * or removed; or a negative errno value.
 */
int spawn_open_image(const char *path);

struct spawned {
	pid_t pid;
	int pair;  /* our end of it; sending gives up after SPAWN_IDLE_S */
	int nudge; /* readable when the server wakes us */
};

/* Start a server. It says in journal entries what it does after that. */
int spawn_server(int image, const struct rundir_claim *claim,
		 struct spawned *ret);

/* Release what belongs to a server that has been reaped. */
void spawn_release(struct spawned *server);

#endif
