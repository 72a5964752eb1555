/* SPDX-License-Identifier: MIT */
/*
 * A connection to the broker.
 *
 * To find the broker: connect; if no broker listens, call start_broker(), which
 * does nothing if another process is starting one; connect again, until the
 * deadline. A connection that ends before the greeting led to a broker that was
 * leaving, or to a server that was killed: connect again.
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

/* Brokers that may exit at once before the caller is told. */
#define STARTS_MAX 3

/* How long recvmsg(2) itself waits for a reply. */
#define SOCKET_WAIT_MS 100

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
 * Most replies come soon: the socket waits SOCKET_WAIT_MS, so that one system
 * call both waits for the reply and fetches it.
 */
static int make_blocking(int sock)
{
	const struct timeval brief = { .tv_usec = SOCKET_WAIT_MS * 1000L };

	if (setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief)) <
		    0 ||
	    fcntl(sock, F_SETFL, 0) < 0)
		return -errno;
	return 0;
}

static int speaks_another_version(const struct wire *hello)
{
	return shmipc_backend_error(
		-ECONNREFUSED,
		"the running broker speaks versions %u to %u of the protocol, "
		"this program %u to %u; SIGHUP makes the broker continue with "
		"the program that is installed now",
		(unsigned)(hello->oldest ? hello->oldest : hello->version),
		(unsigned)hello->version, WIRE_OLDEST, WIRE_VERSION);
}

int connection_receive(int sock, const struct timespec *deadline,
		       struct wire *ret, struct wire_fds *fds)
{
	for (;;) {
		int r = wire_receive(sock, WIRE_FROM_BROKER, ret, fds);

		if (r == -EPROTONOSUPPORT)
			return speaks_another_version(ret);
		if (r == -EPROTO)
			return shmipc_backend_error(
				-ECONNREFUSED, "the process that replies in "
					       "the broker's place is not a "
					       "broker");
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
				    "objects that are not needed, or start it "
				    "with a higher RLIMIT_NOFILE");
}

/* Other users cannot enter the directory; this check does not rely on it. */
static int check_peer(int sock)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid != geteuid())
		return shmipc_backend_error(
			-ECONNREFUSED, "the running broker belongs to uid %u",
			(unsigned)peer.uid);
	return 0;
}

/*
 * Does this number belong to something else by now? The program may have closed
 * descriptors that it did not know, as daemons do. Then we must neither use nor
 * close it.
 */
static bool is_not_ours(int sock)
{
	struct sockaddr_un peer = { .sun_family = AF_UNSPEC };
	socklen_t size = sizeof(peer);
	const char *end;

	if (getpeername(sock, (struct sockaddr *)&peer, &size) < 0)
		return errno == EBADF || errno == ENOTSOCK;
	/* Bound by us relative to the directory, or by systemd by full path. */
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
 * Connect and wait for the greeting, once.
 *   -ENOENT  no broker listens
 *   -EAGAIN  the backlog is full
 *   -ECONNRESET -EPIPE  the broker was leaving
 */
static int connect_once(const struct rundir *rundir, struct connection *ret,
			const struct timespec *deadline)
{
	struct connection connection = { .uid = geteuid(), .pid = getpid() };
	int dir, r;

	dir = rundir_open(rundir);
	if (dir < 0)
		return dir;
	/* Nonblocking at first: connect() could wait forever for a backlog. */
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
		r = -EIO; /* a broker does listen */
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
					"the broker %s exits as soon as it is "
					"started",
					start_program());
			r = start_broker(&rundir);
			if (r == 0) {
				shmi_debug("started the broker %s in %s",
					   start_program(), rundir.path);
				starts++;
				continue; /* it listens: no need to wait */
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

/* ---- slots -------------------------------------------------------------- */

bool connection_take(struct connection_slot *slot, pid_t self,
		     struct connection *ret)
{
	/* Acquire pairs with the release in connection_park(). */
	struct connection *kept = atomic_exchange_explicit(
		&slot->kept, NULL, memory_order_acquire);
	struct connection connection;

	if (!kept)
		return false;
	connection = *kept;
	free(kept);
	if (is_not_ours(connection.sock))
		return false;
	/* To the broker of our user id, which may have changed. */
	if (connection.pid == self && connection.uid == geteuid()) {
		*ret = connection;
		return true;
	}
	close(connection.sock); /* or a copy of our parent's */
	return false;
}

bool connection_park(struct connection_slot *slot,
		     const struct connection *connection)
{
	struct connection *none = NULL, *kept = malloc(sizeof(*kept));

	if (!kept)
		return false;
	*kept = *connection;
	/* Release: a thread that takes the pointer sees what it points to. */
	if (atomic_compare_exchange_strong_explicit(&slot->kept, &none, kept,
						    memory_order_release,
						    memory_order_relaxed))
		return true;
	free(kept);
	return false;
}

void connection_keep(struct connection_slot *slot,
		     const struct connection *connection)
{
	if (!connection_park(slot, connection))
		close(connection->sock);
}
