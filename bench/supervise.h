/* SPDX-License-Identifier: MIT */
/* A process that sees another to its end, and removes what that one left. */
#ifndef BENCH_SUPERVISE_H
#define BENCH_SUPERVISE_H

/*
 * Run measure() in a child. Returns its result, or BENCH_FAILED if it was
 * killed, by us too: on SIGINT, SIGTERM or SIGHUP, or when it has not said for
 * a minute that it is alive. Nothing of it is left then.
 */
int supervise(int (*measure)(void));

/* For the child. */
void supervise_alive(void);

#endif
