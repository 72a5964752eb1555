/* SPDX-License-Identifier: MIT */
/*
 * The process of the broker that clients talk to.
 *
 * One thread, no blocking call but epoll_wait(2), and entries (supervisor.h). It
 * never maps what clients give it (and reads of it a header, before it takes
 * the name away), waits for no client, and replies each request at once or
 * drops who does not take the reply. Its clients connect again, by themselves
 * and unnoticed, so who cannot be kept is dropped, too.
 *
 * It leaves when there are no names and no clients. Clients that are in the
 * socket's backlog would be turned away, so the last look at it is followed
 * only by the end of both processes; who slips in between sees the connection
 * end before a greeting, and starts over.
 */
#ifndef SHMI_MEMFD_SERVER_H
#define SHMI_MEMFD_SERVER_H

/* What a server is started with. */
#define SERVER_SOCK_FD	     3 /* listening */
#define SERVER_DIR_FD	     4 /* the broker's directory, locked */
#define SERVER_SUPERVISOR_FD 5 /* for entries */
#define SERVER_NUDGE_FD	     6 /* eventfd(2): there are entries */
#define SERVER_FDS	     4

/*
 * How long nobody must want anything before it leaves: $SHMIPC_BROKER_IDLE_MS,
 * or 2000.
 *   -EINVAL  that is not a number from 1 to 86400000 (a day)
 */
long server_idle_ms(void);

/*
 * Be a server to the end. Returns the exit status: 0 if the broker is to leave,
 * SERVER_STRANGER if the supervisor is of another version, 1 for what failed.
 */
#define SERVER_STRANGER 3
int server_run(void);

#endif
