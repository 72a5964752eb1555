/* SPDX-License-Identifier: MIT */
/* The directory of the broker: finding, checking, locking, leaving it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/rundir.h"

int rundir_find(struct rundir *ret)
{
	const char *given = secure_getenv("SHMIPC_RUNTIME_DIR");
	int n;

	ret->is_default = !given || !*given;
	if (ret->is_default)
		n = snprintf(ret->path, sizeof(ret->path), "/dev/shm/shmipc-%u",
			     (unsigned)geteuid());
	else
		n = snprintf(ret->path, sizeof(ret->path), "%s", given);
	if (ret->path[0] != '/' || n >= (int)sizeof(ret->path))
		return shmipc_backend_error(
			-ECONNREFUSED, "SHMIPC_RUNTIME_DIR is not an absolute "
				       "path, or too long");
	return 0;
}

static int open_directory(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return dir < 0 ? -errno : dir;
}

/* No other user may own or enter it. Async-signal-safe. */
static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static int distrust(const struct rundir *rundir, const struct stat *st)
{
	if (st->st_uid != geteuid())
		return shmipc_backend_error(
			-ECONNREFUSED,
			"the broker's directory %s belongs to "
			"uid %u; remove it, or set "
			"SHMIPC_RUNTIME_DIR to one of yours",
			rundir->path, (unsigned)st->st_uid);
	return shmipc_backend_error(
		-ECONNREFUSED,
		"the broker's directory %s can be entered by "
		"others (mode %04o); chmod it to 0700",
		rundir->path, (unsigned)st->st_mode & 07777);
}

int rundir_open(const struct rundir *rundir)
{
	struct stat st;
	int dir, r;

	dir = open_directory(rundir->path);
	if (dir == -ENOENT || dir == -EMFILE || dir == -ENFILE)
		return dir;
	if (dir < 0) {
		/* Another user's may be closed to us: say whose it is. */
		if (lstat(rundir->path, &st) == 0 && S_ISDIR(st.st_mode) &&
		    !is_private(&st))
			return distrust(rundir, &st);
		return shmipc_backend_error(
			-ECONNREFUSED,
			"the broker's directory %s cannot be "
			"opened: %s",
			rundir->path, strerror(-dir));
	}
	if (fstat(dir, &st) < 0) {
		r = -errno;
		goto err_close;
	}
	if (!is_private(&st)) {
		r = distrust(rundir, &st);
		goto err_close;
	}
	return dir;

err_close:
	close(dir);
	return r;
}

int rundir_connect(int dir, int sock)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	/* Through the descriptor: paths have 108 bytes, unix(7). */
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/thread-self/fd/%d/" RUNDIR_SOCKET, dir);
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return -ENOENT;
	case EINTR: /* while waiting for the backlog: it is full */
		return -EAGAIN;
	default:
		return -errno;
	}
}

static int step_failed(struct rundir_claim *claim, const char *step)
{
	claim->failed = step;
	return -errno;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The lock counts only while the path leads to what is locked. */
static int lock_directory(const struct rundir *rundir,
			  struct rundir_claim *claim)
{
	struct stat opened, named;

	if (fstat(claim->dir, &opened) < 0)
		return step_failed(claim, "fstat of the directory");
	if (!is_private(&opened)) {
		errno = EACCES;
		return step_failed(claim, "trusting the directory");
	}
	if (flock(claim->dir, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY
					    : step_failed(claim, "flock");
	if (lstat(rundir->path, &named) < 0 || !is_same_file(&opened, &named))
		return -EBUSY;
	return 0;
}

static int bind_socket(struct rundir_claim *claim)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX,
				       .sun_path = RUNDIR_SOCKET };
	int sock;

	/* By a relative path, so that its length does not matter. */
	if (fchdir(claim->dir) < 0)
		return step_failed(claim, "chdir to the directory");
	/* We hold the lock, so it belongs to a dead broker. */
	if (unlink(RUNDIR_SOCKET) < 0 && errno != ENOENT)
		return step_failed(claim, "unlink of a dead broker's socket");
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (sock < 0)
		return step_failed(claim, "socket");
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sock, RUNDIR_BACKLOG) < 0) {
		int r = step_failed(claim, "bind of the socket");

		close(sock);
		return r;
	}
	claim->sock = sock;
	return 0;
}

/* rundir_claim() without the socket. */
static int claim_directory(const struct rundir *rundir,
			   struct rundir_claim *claim)
{
	int r;

	umask(077);
	if (mkdir(rundir->path, 0700) < 0 && errno != EEXIST)
		return step_failed(claim, "mkdir of the directory");
	claim->dir = open_directory(rundir->path);
	if (claim->dir == -ENOENT)
		return -EBUSY; /* a leaving broker removed it: start over */
	if (claim->dir < 0) {
		claim->failed = "open of the directory";
		return claim->dir;
	}
	r = lock_directory(rundir, claim);
	if (r < 0)
		close(claim->dir);
	return r;
}

int rundir_claim(const struct rundir *rundir, struct rundir_claim *ret)
{
	struct rundir_claim claim = { .dir = -1, .sock = -1 };
	int r;

	r = claim_directory(rundir, &claim);
	if (r == 0) {
		r = bind_socket(&claim);
		if (r < 0)
			close(claim.dir);
	}
	*ret = claim;
	return r;
}

static bool is_bound_in(const struct rundir *rundir, int sock)
{
	struct sockaddr_un address = { .sun_path = "" };
	socklen_t size = sizeof(address);
	size_t n = strlen(rundir->path);

	return getsockname(sock, (struct sockaddr *)&address, &size) == 0 &&
	       address.sun_family == AF_UNIX &&
	       strncmp(address.sun_path, rundir->path, n) == 0 &&
	       strcmp(address.sun_path + n, "/" RUNDIR_SOCKET) == 0;
}

int rundir_claim_given(const struct rundir *rundir, int sock,
		       struct rundir_claim *ret)
{
	struct rundir_claim claim = { .sock = sock, .is_given = true };
	int r;

	r = claim_directory(rundir, &claim);
	if (r == 0 && !is_bound_in(rundir, sock)) {
		errno = EINVAL;
		r = step_failed(&claim, "finding the given socket in it");
		close(claim.dir);
	}
	/* systemd passes it without O_NONBLOCK, unless told otherwise. */
	if (r == 0)
		(void)fcntl(sock, F_SETFL, O_NONBLOCK);
	*ret = claim;
	return r;
}

bool rundir_is_held(const struct rundir *rundir,
		    const struct rundir_claim *claim)
{
	struct stat opened, named;

	return fstat(claim->dir, &opened) == 0 &&
	       lstat(rundir->path, &named) == 0 &&
	       is_same_file(&opened, &named);
}

bool rundir_has_socket(const struct rundir_claim *claim,
		       const struct stat *sock)
{
	struct stat st;

	return fstatat(claim->dir, RUNDIR_SOCKET, &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       is_same_file(&st, sock);
}

int rundir_bind_again(struct rundir_claim *claim, struct stat *sock)
{
	struct rundir_claim again = { .dir = claim->dir };
	int r;

	r = bind_socket(&again);
	if (r == 0 &&
	    fstatat(again.dir, RUNDIR_SOCKET, sock, AT_SYMLINK_NOFOLLOW) < 0) {
		r = -errno;
		close(again.sock);
	}
	if (r < 0)
		return r;
	close(claim->sock);
	claim->sock = again.sock;
	claim->is_given = false;
	return 0;
}

void rundir_leave(const struct rundir *rundir, const struct rundir_claim *claim)
{
	if (claim->is_given)
		return;
	(void)unlinkat(claim->dir, RUNDIR_SOCKET, 0);
	/* But not a directory that the user has named. */
	if (rundir->is_default && rundir_is_held(rundir, claim))
		(void)rmdir(rundir->path);
}
