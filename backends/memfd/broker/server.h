/* SPDX-License-Identifier: MIT */
/*
 * The process of the broker that clients talk to.
 *
 * One thread, no blocking call but epoll_wait(2), and reports (keeper.h). It
 * never maps what clients give it (and reads of it a header, before it takes
 * the name away), waits for no client, and answers each question at once or
 * drops who does not take the answer. Its clients connect again, by themselves
 * and unnoticed, so who cannot be kept is dropped, too.
 *
 * It leaves when there are no names and no clients. Clients that are in the
 * socket's backlog would be turned away, so the last look at it is followed
 * only by the end of both processes; who slips in between sees the connection
 * end before a greeting, and starts over.
 */
#ifndef SHMI_MEMFD_WORKER_H
#define SHMI_MEMFD_WORKER_H

/* What a worker is started with. */
#define WORKER_SOCK_FD	 3 /* listening */
#define WORKER_DIR_FD	 4 /* the broker's directory, locked */
#define WORKER_KEEPER_FD 5 /* for reports */
#define WORKER_NUDGE_FD	 6 /* eventfd(2): there are reports */
#define WORKER_BOX_FD	 7 /* box.h; closed when it is mapped */
#define WORKER_FDS	 5

/*
 * How long nobody must want anything before it leaves: $SHMIPC_BROKER_IDLE_MS,
 * or 2000.
 *   -EINVAL  that is not a number from 1 to 86400000 (a day)
 */
long worker_idle_ms(void);

/*
 * Be a worker to the end. Returns the exit status: 0 if the broker is to leave,
 * WORKER_STRANGER if the keeper is of another version, 1 for what failed.
 */
#define WORKER_STRANGER 3
int worker_run(void);

#endif
