/* SPDX-License-Identifier: MIT */
/* What proc(5) tells about other processes. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* State ('R', 'S', 'T', 'Z' ...) and parent; false if it does not exist. */
bool process_look(pid_t pid, char *state, pid_t *parent);

/*
 * Stop a process, and wait until it has stopped: for a moment after kill(2) it
 * can still act on what is sent to it. False if it does not exist.
 */
bool process_stop(pid_t pid);

/*
 * How many descriptors it has, with one for this look if it is the caller; 0 if
 * it does not exist.
 */
unsigned process_fds(pid_t pid);

#endif
