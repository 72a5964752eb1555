/* SPDX-License-Identifier: MIT */
/*
 * The process of the broker that clients talk to.
 *
 * It has one thread, which blocks only in epoll_wait(2) and when it sends a
 * journal entry (supervisor.h). It never maps the memory of clients, and reads
 * from it only a header, before it removes the name. It waits for no client: it
 * replies to each request at once, or drops a client that does not read the
 * reply. Clients that are dropped connect again by themselves and without
 * notice, so one that there is no room for is dropped, too.
 *
 * It exits when there are no names and no clients. Clients in the backlog of
 * the socket would be turned away, so it looks there last, and after that both
 * processes only exit. A client that connects in between sees its connection
 * end before the greeting, and starts over.
 */
#ifndef SHMI_MEMFD_SERVER_H
#define SHMI_MEMFD_SERVER_H

/* The descriptors that a server is started with. */
#define SERVER_SOCK_FD	     3 /* listening */
#define SERVER_DIR_FD	     4 /* the broker's directory, locked */
#define SERVER_SUPERVISOR_FD 5 /* the journal */
#define SERVER_NUDGE_FD	     6 /* eventfd(2): wakes the supervisor */
#define SERVER_FDS	     4

/*
 * Be a server to the end. Returns the exit status: 0 if no process needs the
 * broker, SERVER_OTHER_VERSION if the supervisor has another version, 1 on
 * failure.
 */
#define SERVER_OTHER_VERSION 3
int server_run(void);

#endif
