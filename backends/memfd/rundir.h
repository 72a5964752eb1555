/* SPDX-License-Identifier: MIT */
/*
 * Where the broker of a user is found: a directory that nobody else can enter,
 * with its socket in it.
 *
 * The lock of the directory (flock(2) on itself) is the right to be the
 * broker: whoever holds it may bind the socket, and the broker holds it for
 * life. The kernel drops it when the broker ends, however it ends. Programs
 * never hold it, since a program's other threads may fork, and a child that
 * lives on would keep it: a short-lived process between the two does, which
 * shares no descriptor with anybody.
 */
#ifndef SHMI_MEMFD_RUNDIR_H
#define SHMI_MEMFD_RUNDIR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Clients that may wait to be served. */
#define RUNDIR_BACKLOG 128

struct rundir {
	char path[PATH_MAX];
	bool is_default; /* /dev/shm/shmipc-<euid>: ours to remove */
};

/*
 * Where it is: $SHMIPC_RUNTIME_DIR, or /dev/shm/shmipc-<euid>.
 *   -ECONNREFUSED  SHMIPC_RUNTIME_DIR is not an absolute path, or too long
 */
int rundir_find(struct rundir *ret);

/*
 * Open the directory and check that it is ours alone. Always afresh: locks
 * belong to descriptions, and a forked child shares those that are open.
 * Returns a descriptor.
 *   -ENOENT        there is none
 *   -ECONNREFUSED  it cannot be trusted; the sentence says why
 */
int rundir_open(const struct rundir *rundir);

/*
 * Connect a socket to the broker in this directory.
 *   -ENOENT  nobody listens there
 *   -EAGAIN  too many are waiting to be served
 */
int rundir_connect(int dir, int sock);

/* The broker's right, and the socket that comes with it. */
struct rundir_claim {
	int dir;	    /* locked */
	int sock;	    /* bound and listening */
	bool is_given;	    /* the socket is not ours to remove */
	const char *failed; /* the step that failed, static, or NULL */
};

/*
 * Become the broker, or what stands in for it until it runs: make the
 * directory, lock it, and bind the socket in it. Changes the working directory
 * and the umask. Async-signal-safe. On success *ret is the caller's.
 *   -EBUSY  somebody else is; or the directory was removed just now
 *   others  of the system call that ret->failed names
 */
int rundir_claim(const struct rundir *rundir, struct rundir_claim *ret);

/*
 * The same without the socket, which somebody else has bound in it and passed
 * to us: ret->sock, and ret->is_given.
 */
int rundir_claim_given(const struct rundir *rundir, int sock,
		       struct rundir_claim *ret);

/* Does the directory's path still lead to this claim? */
bool rundir_is_held(const struct rundir *rundir,
		    const struct rundir_claim *claim);

/* The socket's file in the directory. */
#define RUNDIR_SOCKET "sock"

/* Is this, of which sock was told by stat(2), still in its place? */
bool rundir_has_socket(const struct rundir_claim *claim,
		       const struct stat *sock);

/* Bind another in its place: claim->sock, and *sock. The old one is closed. */
int rundir_bind_again(struct rundir_claim *claim, struct stat *sock);

/* Take the socket away, and the directory if it is ours to remove. */
void rundir_leave(const struct rundir *rundir,
		  const struct rundir_claim *claim);

#endif
