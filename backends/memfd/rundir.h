/* SPDX-License-Identifier: MIT */
/*
 * Where the broker of a user is found: a directory that no other user can
 * enter, with the broker's socket in it.
 *
 * The lock of the directory (flock(2) on the directory itself) is the right to
 * be the broker: its holder may bind the socket, and the broker holds it for
 * life. The kernel drops the lock when the broker exits, even by a crash.
 * Programs never hold it: another of their threads may fork, and a child that
 * lives on would keep it. A short-lived process between program and broker
 * takes the lock; it shares no descriptor with any other process.
 */
#ifndef SHMI_MEMFD_RUNDIR_H
#define SHMI_MEMFD_RUNDIR_H

#include <stdbool.h>
#include <sys/stat.h>

/* Clients that may wait for accept(2). */
#define RUNDIR_BACKLOG 128

/* Less than PATH_MAX, since clients keep such a path on the stack. */
#define RUNDIR_PATH_MAX 1024

struct rundir {
	char path[RUNDIR_PATH_MAX];
	bool is_default; /* /dev/shm/shmipc-<euid>: we remove it */
};

/*
 * The path of the directory: $SHMIPC_RUNTIME_DIR, or /dev/shm/shmipc-<euid>.
 *   -ECONNREFUSED  SHMIPC_RUNTIME_DIR is not an absolute path, or too long
 */
int rundir_find(struct rundir *ret);

/*
 * Open the directory and check that only we can enter it. Every call makes a
 * new open file description: locks belong to descriptions, and a forked child
 * shares those that are open. Returns a descriptor.
 *   -ENOENT        no such directory
 *   -ECONNREFUSED  it cannot be trusted; the message says why
 */
int rundir_open(const struct rundir *rundir);

/*
 * Connect a socket to the broker in this directory.
 *   -ENOENT  no broker listens there
 *   -EAGAIN  the backlog is full
 */
int rundir_connect(int dir, int sock);

/* The right to be the broker: the lock and the socket. */
struct rundir_claim {
	int dir;	    /* locked */
	int sock;	    /* bound and listening */
	bool is_given;	    /* not ours to remove: bound by another process */
	const char *failed; /* the step that failed, static, or NULL */
};

/*
 * Get the right to be the broker, for the broker or for the process that starts
 * it: make the directory, lock it, and bind the socket in it. Changes the
 * working directory and the umask. Async-signal-safe. On success *ret is the
 * caller's.
 *   -EBUSY  another process has it; or the directory was just removed
 *   others  of the system call that ret->failed names
 */
int rundir_claim(const struct rundir *rundir, struct rundir_claim *ret);

/*
 * The same with a socket that another process has bound in the directory and
 * passed to us. Sets ret->sock and ret->is_given.
 */
int rundir_claim_given(const struct rundir *rundir, int sock,
		       struct rundir_claim *ret);

/* Does the directory's path still lead to this claim? */
bool rundir_is_held(const struct rundir *rundir,
		    const struct rundir_claim *claim);

/* The file name of the socket in the directory. */
#define RUNDIR_SOCKET "sock"

/* Is the socket that stat(2) described as sock still in its place? */
bool rundir_has_socket(const struct rundir_claim *claim,
		       const struct stat *sock);

/* Bind another in its place, close the old one, and set claim->sock, *sock. */
int rundir_bind_again(struct rundir_claim *claim, struct stat *sock);

/* Remove the socket, and the directory if it is the default one. */
void rundir_leave(const struct rundir *rundir,
		  const struct rundir_claim *claim);

#endif
