/* SPDX-License-Identifier: MIT */
/*
 * The process of the broker that has what must not be lost.
 *
 *   clients <-> server -> supervisor
 *
 * The supervisor holds the directory's lock (rundir.h), the listening socket, and a
 * table of all names with their descriptors. It reads nothing that a client
 * wrote; a server does (server.h), and entries what changes. Whatever happens
 * to the server, the supervisor starts another and hands it everything.
 *
 *   server                             supervisor
 *   [W1] takes a request
 *   [W2] changes its own table, which
 *        may fail
 *   [W3] entries
 *   [W4] answers
 *   [W5] now and then, nudges          [K0] wakes up
 *                                      [K1] puts all entries into its table
 *
 * A entry that has been sent is in the supervisor's socket, and stays there when
 * the server dies, so that nothing depends on when it is read. To be woken for
 * each would cost more than all the rest, so it sleeps on an eventfd(2): W5 is
 * after JOURNAL_OWED entries, at the latest after JOURNAL_OWED_MS, and at once
 * if much memory is to be freed.
 *
 * When the server dies, the supervisor starts over:
 *
 *   [K2] kills it, reaps it, and reads all entries; was the last one about a
 *        request, it goes to those that are done, with its nonce
 *   [K3] starts a server: a new process, the same program
 *   [K4] hands over: all names, all that is done; then reads entries again
 *
 * Clients see their connections end, connect again (the listening socket is
 * still open, so they wait in its backlog), and repeat their request with the
 * same nonce. Of all requests only the last that was journalled can be done and
 * unanswered. So one for each death of a server is remembered, and only the
 * last REQUESTS_DONE_MAX of them: clients repeat at once.
 *
 * The supervisor writes to the server only before GO, and the server to the supervisor
 * only after it: neither waits for the other to read.
 *
 * Death. The server's: before W3 nothing has happened, neither for the client
 * who repeats; from W3 on it has happened, and the repeated request is
 * answered from what is done. The supervisor's: its end of the pair closes, and the
 * server is killed with it (PR_SET_PDEATHSIG; it also ends at the end of file).
 * The server has the lock, too, so that no other broker starts before both are
 * gone. The names are lost then; who has objects open keeps them, and is told
 * when he needs a name: the next broker's broker id is another (binding.h). Who
 * has none open is not told, and makes new objects.
 * The client's: its name is added if W3 came first.
 *
 * Upgrade. Servers are started from the image of the last that got ready, which
 * the kernel keeps, whatever becomes of the file. SIGHUP ends the server and
 * makes the supervisor try the file that is in the program's place now, once.
 *
 * End. The server says, by its exit status, that nobody needs the broker; that
 * counts if there are no names when all is read. SIGTERM and SIGINT make it say
 * so as soon as there are no names, whoever is connected. SIGQUIT ends both at
 * once, and so does who removes the directory: all names are lost.
 */
#ifndef SHMI_MEMFD_SUPERVISOR_H
#define SHMI_MEMFD_SUPERVISOR_H

#include "backends/memfd/rundir.h"

/*
 * Be the supervisor to the end. The claim is its. Returns the exit status.
 */
int supervisor_run(const struct rundir *rundir,
		   const struct rundir_claim *claim);

#endif
