/* SPDX-License-Identifier: MIT */
/*
 * A connection to the broker.
 *
 * Finding it: connect; if nobody is there, start_broker(), which does nothing
 * if somebody else does; connect again, until patience ends. A connection that
 * ends before the greeting was to a broker that was leaving, or to a server
 * that was killed: the same again.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/connection.h"
#include "backends/memfd/rundir.h"
#include "backends/memfd/start.h"
#include "util/clock.h"
#include "util/debug.h"

/* Brokers that may die at once before we say so. */
#define STARTS_MAX 3

/* How long the socket itself waits for an reply. */
#define BRIEF_MS 100

/* ---- one connection ----------------------------------------------------- */

bool connection_has_ended(int err)
{
	return err == -ECONNRESET || err == -EPIPE;
}

static int wait_readable(int sock, const struct timespec *deadline)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	for (;;) {
		struct timespec left = shmi_clock_left(deadline);
		int n = ppoll(&p, 1, &left, NULL);

		if (n > 0)
			return 0;
		if (n == 0)
			return shmipc_backend_error(
				-ETIMEDOUT, "the broker did not reply in "
					    "time");
		if (errno != EINTR)
			return -errno;
	}
}

/*
 * The reply comes soon, mostly: the socket waits BRIEF_MS for it, in the call
 * that fetches it.
 */
static int make_blocking(int sock)
{
	const struct timeval brief = { .tv_usec = BRIEF_MS * 1000L };

	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief)) <
		    0 ||
	    fcntl(sock, F_SETFL, 0) < 0)
		return -errno;
	return 0;
}

static int is_stranger(const struct wire *hello)
{
	return shmipc_backend_error(
		-ECONNREFUSED,
		"the broker that runs speaks versions %u to %u, this "
		"program "
		"%u to %u; SIGHUP makes the broker go on with the program that "
		"is installed now",
		(unsigned)(hello->oldest ? hello->oldest : hello->version),
		(unsigned)hello->version, WIRE_OLDEST, WIRE_VERSION);
}

int connection_receive(int sock, const struct timespec *deadline,
		       struct wire *ret, struct wire_fds *fds)
{
	for (;;) {
		int r = wire_receive(sock, WIRE_FROM_BROKER, ret, fds);

		if (r == -EPROTONOSUPPORT)
			return is_stranger(ret);
		if (r == -EPROTO)
			return shmipc_backend_error(
				-ECONNREFUSED, "what replies in the broker's "
					       "place is no broker");
		if (r != -EAGAIN)
			return r;
		r = wait_readable(sock, deadline);
		if (r < 0)
			return r;
	}
}

int connection_no_fds_left(void)
{
	return shmipc_backend_error(-EMFILE,
				    "the broker has no descriptor left; unlink "
				    "what is not needed, or start it with a "
				    "higher RLIMIT_NOFILE");
}

/* The directory keeps others out; this is the second lock on that door. */
static int check_peer(int sock)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid != geteuid())
		return shmipc_backend_error(
			-ECONNREFUSED, "the broker that runs belongs to uid %u",
			(unsigned)peer.uid);
	return 0;
}

/*
 * Is this number something else's by now? The program may have closed what it
 * did not know, as daemons do. Then it is neither to be talked to nor closed.
 */
static bool is_anothers(int sock)
{
	struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
	socklen_t size = sizeof(peer);
	const char *end;

	if (getpeername(sock, (struct sockaddr *)&peer, &size) < 0)
		return errno == EBADF || errno == ENOTSOCK;
	/* Bound by us in the directory, or by systemd with all of the path. */
	end = strrchr(peer.sun_path, '/');
	return peer.sun_family != AF_UNIX ||
	       strcmp(end ? end + 1 : peer.sun_path, RUNDIR_SOCKET) != 0;
}

static int await_greeting(struct connection *connection,
			  const struct timespec *deadline)
{
	struct wire_fds none;
	struct wire hello;
	int r;

	r = check_peer(connection->sock);
	if (r < 0)
		return r;
	r = connection_receive(connection->sock, deadline, &hello, &none);
	if (r < 0)
		return r;
	if (hello.op == WIRE_HELLO && hello.result == -EMFILE)
		return connection_no_fds_left();
	if (hello.op != WIRE_HELLO)
		return shmipc_backend_error(-ECONNREFUSED,
					    "the broker did not greet");
	connection->broker_id = hello.broker_id;
	shmi_debug("connected to the broker, broker id %08x",
		   (unsigned)hello.broker_id);
	return 0;
}

/*
 * Connect and be greeted.
 *   -ENOENT  nobody listens
 *   -EAGAIN  too many others are waiting
 *   -ECONNRESET -EPIPE  it was leaving
 */
static int connect_once(const struct rundir *rundir, struct connection *ret,
			const struct timespec *deadline)
{
	struct connection connection = { .uid = geteuid(), .pid = getpid() };
	int dir, r;

	dir = rundir_open(rundir);
	if (dir < 0)
		return dir;
	/* Nonblocking at first: connect() could wait for ever for a backlog. */
	connection.sock = socket(
		AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connection.sock < 0) {
		r = -errno;
		goto out_dir;
	}
	r = rundir_connect(dir, connection.sock);
	if (r < 0)
		goto out_sock;
	r = make_blocking(connection.sock);
	if (r == 0)
		r = await_greeting(&connection, deadline);
	if (r == 0)
		*ret = connection;
	if (r == -ENOENT)
		r = -EIO; /* somebody does listen */
out_sock:
	if (r < 0)
		close(connection.sock);
out_dir:
	close(dir);
	return r;
}

int connection_open(bool start, struct connection *ret,
		    const struct timespec *deadline)
{
	struct rundir rundir;
	int starts = 0, r;

	r = rundir_find(&rundir);
	if (r < 0)
		return r;
	for (unsigned attempt = 0;; attempt++) {
		r = connect_once(&rundir, ret, deadline);
		if (r == -ENOENT) {
			if (!start)
				return r;
			if (starts == STARTS_MAX)
				return shmipc_backend_error(
					-ECONNREFUSED,
					"the broker %s ends as soon as it is "
					"started",
					start_program());
			r = start_broker(&rundir);
			if (r == 0) {
				shmi_debug("started the broker %s in %s",
					   start_program(), rundir.path);
				starts++;
				continue; /* it runs: no need to wait */
			}
			if (r != -EBUSY)
				return r;
		} else if (r != -EAGAIN && !connection_has_ended(r)) {
			return r;
		}
		if (shmi_clock_reached(deadline))
			return shmipc_backend_error(
				-ETIMEDOUT,
				"the broker in %s did not reply "
				"in time",
				rundir.path);
		shmi_clock_back_off(attempt);
	}
}

/* ---- the kept one ------------------------------------------------------- */

bool connection_take(struct connection *_Atomic *slot, pid_t self,
		     struct connection *ret)
{
	/* Acquire and release pair with connection_keep(): one user at a time. */
	struct connection *kept =
		atomic_exchange_explicit(slot, NULL, memory_order_acq_rel);
	struct connection connection;

	if (!kept)
		return false;
	connection = *kept;
	free(kept);
	if (is_anothers(connection.sock))
		return false;
	/* The broker of whom we are now: we may have changed our user id. */
	if (connection.pid == self && connection.uid == geteuid()) {
		*ret = connection;
		return true;
	}
	close(connection.sock); /* or our copy of our parent's */
	return false;
}

void connection_keep(struct connection *_Atomic *slot,
		     const struct connection *connection)
{
	struct connection *none = NULL, *kept = malloc(sizeof(*kept));

	if (kept)
		*kept = *connection;
	if (kept && atomic_compare_exchange_strong_explicit(
			    slot, &none, kept, memory_order_acq_rel,
			    memory_order_relaxed))
		return;
	free(kept);
	close(connection->sock); /* another thread kept its own */
}
