/* SPDX-License-Identifier: MIT */
/*
 * The process of the broker that has what must not be lost.
 *
 *   clients <-> server -> supervisor
 *
 * The supervisor holds the lock of the directory (rundir.h), the listening
 * socket, and a table of all names with their descriptors. It reads nothing
 * that a client wrote. A server does (server.h), and writes every change into
 * the journal (journal.h). Whatever happens to the server, the supervisor
 * starts another and hands everything over to it.
 *
 *   server                             supervisor
 *   [V1] receives a request
 *   [V2] changes its own table, which
 *        may fail
 *   [V3] sends a journal entry
 *   [V4] replies to the client
 *   [V5] now and then, nudges          [U0] wakes up
 *                                      [U1] applies all entries to its table
 *
 * An entry that has been sent is in the supervisor's socket and stays there
 * when the server dies, so it does not matter when it is read. Waking the
 * supervisor for each entry would cost more than all the rest. So it sleeps on
 * an eventfd(2), and V5 comes after JOURNAL_OWED entries, at the latest after
 * JOURNAL_OWED_MS, and at once if much memory is to be freed.
 *
 * When the server dies, the supervisor starts over:
 *
 *   [U2] kills and reaps it, and reads all entries; if the last one was about a
 *        request, it is remembered as done, with its nonce
 *   [U3] starts a server: a new process of the same program
 *   [U4] hands over all names and all that is done; then reads entries again
 *
 * Clients see their connections end, connect again (the listening socket stays
 * open, so they wait in its backlog), and repeat their request with the same
 * nonce. Of all requests, only the last in the journal can be done and not
 * answered. So one is remembered for each death of a server, and only the last
 * REQUESTS_DONE_MAX of them, since clients repeat at once.
 *
 * The supervisor writes to the server only before GO, and the server to the
 * supervisor only after it. So neither waits until the other reads.
 *
 * Death. If the server dies before V3, nothing has happened, neither for the
 * client, which repeats its request; from V3 on it has happened, and the
 * repeated request gets its reply from what is done. If the supervisor dies,
 * its end of the pair closes, and the server is killed with it
 * (PR_SET_PDEATHSIG; it also exits at the end of file). The server has the
 * lock, too, so that no other broker starts before both are gone. All names are
 * lost then. Processes that have objects open keep them, and get an error when
 * they need a name, since the next broker has another broker id (binding.h).
 * Processes that have none open make new objects without an error. If the
 * client dies, its name is added if V3 came first.
 *
 * Upgrade. Servers are started from the image of the last one that got ready,
 * which the kernel keeps, whatever happens to the file. SIGHUP ends the server
 * and makes the supervisor try, once, the file that is now in the program's
 * place.
 *
 * End. The exit status of the server says that no process needs the broker;
 * that counts if no names are left when all entries are read. SIGTERM and
 * SIGINT make the server exit like that as soon as no names are left, even if
 * clients are connected. SIGQUIT ends both processes at once, and so does
 * removing the directory: all names are lost. A supervisor without names ends
 * if no server gets ready, again and again; with names it keeps trying.
 */
#ifndef SHMI_MEMFD_SUPERVISOR_H
#define SHMI_MEMFD_SUPERVISOR_H

#include "backends/memfd/rundir.h"

/* Be the supervisor and own the claim, to the end. Returns the exit status. */
int supervisor_run(const struct rundir *rundir,
		   const struct rundir_claim *claim);

#endif
