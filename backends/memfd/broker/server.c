/* SPDX-License-Identifier: MIT */
/* The process of the broker that clients talk to. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/broker/requests.h"
#include "backends/memfd/broker/confine.h"
#include "backends/memfd/broker/log.h"
#include "backends/memfd/broker/server.h"
#include "backends/memfd/start.h"

/* How often to look for orphans while there are names and no requests. */
#define ORPHANS_MS 60000

/* Most clients at once, and how long one may wait with its first request. */
#define CLIENTS_MAX 1024
#define SILENT_MS   5000

/* Clients that are accepted at a time, some 20 us each. */
#define ACCEPTS 8

/* The limit of descriptors is lower by this than the supervisor's. */
#define FDS_LESS 8

struct client {
	int sock;   /* -1: free */
	long since; /* ms: the time of the greeting or of the last request */
	bool has_asked;
	bool was_lent; /* it was sent descriptors */
};

struct server {
	struct requests requests;
	struct client clients[CLIENTS_MAX];
	unsigned count;	 /* of clients */
	unsigned silent; /* of them, without a request yet */
	int epoll;
	int spare; /* closed at EMFILE to accept a client and refuse it */
	long idle_ms;
	bool ending;
};

static volatile sig_atomic_t server_must_exit;

static void note_server_signal(int signal)
{
	(void)signal;
	server_must_exit = 1;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

/* ---- clients ------------------------------------------------------------ */

/* What epoll reports for descriptors that are not clients. */
#define WATCH_SOCK	 CLIENTS_MAX
#define WATCH_SUPERVISOR (CLIENTS_MAX + 1U)

static int watch_fd(struct server *s, int fd, uint32_t as)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP,
				     .data = { .u32 = as } };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Closing also ends the watch. why is NULL if the client is gone already. */
static void drop_client(struct server *s, struct client *c, const char *why)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	if (why) {
		(void)getsockopt(c->sock, SOL_SOCKET, SO_PEERCRED, &peer,
				 &size);
		log_line("client %d dropped: %s", (int)peer.pid, why);
	}
	close(c->sock);
	c->sock = -1;
	s->count--;
	s->silent -= !c->has_asked;
}

/* All entries are taken. */
static struct client *longest_idle(struct server *s)
{
	struct client *found = s->clients;

	for (unsigned i = 1; i < CLIENTS_MAX; i++)
		if (s->clients[i].since < found->since)
			found = &s->clients[i];
	return found;
}

/* A free entry; if all are taken, the client that is idle longest goes. */
static struct client *get_free_client(struct server *s)
{
	struct client *c = s->clients;

	if (s->count == CLIENTS_MAX)
		drop_client(s, longest_idle(s), "other clients need its place");
	while (c->sock >= 0)
		c++;
	return c;
}

static void drop_silent(struct server *s)
{
	long now = now_ms();

	for (unsigned i = 0; i < CLIENTS_MAX && s->silent; i++) {
		struct client *c = &s->clients[i];

		if (c->sock >= 0 && !c->has_asked &&
		    now - c->since >= SILENT_MS)
			drop_client(s, c, "it sends no request");
	}
}

static struct wire hello(const struct server *s, int result)
{
	struct wire m = wire_make(WIRE_HELLO, 0, NULL);

	m.oldest = WIRE_OLDEST;
	m.broker_id = s->requests.broker_id;
	m.result = result;
	return m;
}

static bool is_own_user(int sock)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       peer.uid == geteuid();
}

static void greet_client(struct server *s, int sock)
{
	struct wire m = hello(s, 0);
	struct client *c = get_free_client(s);

	if (!is_own_user(sock) || wire_send(sock, &m, NULL) < 0 ||
	    watch_fd(s, sock, (uint32_t)(c - s->clients)) < 0) {
		close(sock);
		return;
	}
	*c = (struct client){ .sock = sock, .since = now_ms() };
	s->count++;
	s->silent++;
}

static int spare_descriptor(void)
{
	return fcntl(SERVER_DIR_FD, F_DUPFD_CLOEXEC, 0);
}

/* No descriptor left: a client that waits must be told so. */
static void refuse_one(struct server *s)
{
	struct wire full = hello(s, -EMFILE);
	int sock;

	close(s->spare);
	sock = accept4(SERVER_SOCK_FD, NULL, NULL, SOCK_CLOEXEC);
	if (sock >= 0) {
		(void)wire_send(sock, &full, NULL);
		close(sock);
	}
	s->spare = spare_descriptor();
}

/* Returns whether a client was waiting. */
static bool accept_client(struct server *s)
{
	int sock = accept4(SERVER_SOCK_FD, NULL, NULL,
			   SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock >= 0)
		greet_client(s, sock);
	else if (errno == EMFILE || errno == ENFILE)
		refuse_one(s);
	else
		return errno != EAGAIN && errno != EWOULDBLOCK;
	return true;
}

/*
 * Between two calls, all clients with a request have a turn. Otherwise a client
 * that is far back in the backlog would wait for all before it, several times.
 */
static void accept_some(struct server *s)
{
	for (int i = 0; i < ACCEPTS && accept_client(s); i++)
		;
}

/* ---- requests ----------------------------------------------------------- */

static const char *why_dropped(int err)
{
	switch (err) {
	case -EAGAIN:
		return "it does not read its replies";
	case -EBADF:
		return "it added descriptors that are no object";
	case -EPROTO:
		return "it sent an invalid message";
	case -EPROTONOSUPPORT:
		return "it used a version that the broker does not speak";
	default:
		return NULL; /* gone */
	}
}

static void serve_client(struct server *s, struct client *c, bool left)
{
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire request;
	int r;

	r = wire_receive(c->sock, WIRE_FROM_CLIENT, &request, &fds);
	if (r == -EAGAIN)
		return;
	c->since = now_ms();
	s->silent -= !c->has_asked;
	c->has_asked = true;
	if (r == 0) {
		unsigned known = (left ? REQUESTS_CLIENT_LEFT : 0) |
				 (c->was_lent ? REQUESTS_CLIENT_READS : 0);

		r = requests_handle(&s->requests, c->sock, known, &request,
				    &fds);
		c->was_lent |= requests_lends_fds(&request);
	} else if (r == -EMFILE) {
		request.result = -EMFILE;
		request.broker_id = s->requests.broker_id;
		r = wire_send(c->sock, &request, NULL);
	}
	if (r < 0)
		drop_client(s, c, why_dropped(r));
}

/* ---- life --------------------------------------------------------------- */

/* May the server exit, as it has been idle, or was told to? */
static bool may_exit(struct server *s)
{
	if (s->requests.table.count > 0)
		return false;
	if (server_must_exit)
		return true;
	/* The last look into the backlog: server.h. */
	return s->count == 0 && !accept_client(s) && s->count == 0;
}

static void handle_event(struct server *s, const struct epoll_event *event)
{
	uint32_t as = event->data.u32;

	if (as == WATCH_SUPERVISOR)
		s->requests.alone = true; /* end of file: it never writes now */
	else if (as == WATCH_SOCK)
		accept_some(s);
	else
		serve_client(s, &s->clients[as],
			     event->events & (EPOLLRDHUP | EPOLLHUP));
}

/* How long to wait for an event, in ms. */
static int wait_ms(const struct server *s, long idle)
{
	if (s->requests.owed)
		return JOURNAL_OWED_MS;
	if (s->silent || server_must_exit)
		return 1000;
	if (s->count && !s->requests.table.transient)
		return -1;
	return (int)idle;
}

static int serve_all(struct server *s, const sigset_t *mask)
{
	long idle = s->idle_ms;
	long last = now_ms();

	while (!s->ending && !s->requests.alone) {
		struct epoll_event event;
		int n = epoll_pwait(s->epoll, &event, 1, wait_ms(s, idle),
				    mask);

		if (n > 0) {
			handle_event(s, &event);
			idle = s->idle_ms;
			last = now_ms();
		}
		if (n <= 0)
			requests_nudge(&s->requests);
		if (s->silent)
			drop_silent(s);
		if (n <= 0 && (server_must_exit || now_ms() - last >= idle)) {
			requests_forget_orphans(&s->requests);
			s->ending = may_exit(s);
			idle = ORPHANS_MS;
		} else if (server_must_exit) {
			/* Requests may come all the time. */
			s->ending = may_exit(s);
		}
	}
	return s->requests.alone ? 1 : 0;
}

/* So that the supervisor has room for what the server sends it. */
static void lower_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur < 4 * FDS_LESS)
		return;
	limit.rlim_cur -= FDS_LESS;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare_server(struct server *s, sigset_t *mask)
{
	struct sigaction leave = { .sa_handler = note_server_signal };
	sigset_t term;

	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		s->clients[i].sock = -1;
	s->requests.supervisor = SERVER_SUPERVISOR_FD;
	s->requests.nudge = SERVER_NUDGE_FD;
	s->idle_ms = start_idle_ms();
	/* SIGTERM is delivered only in epoll_pwait(). */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, mask);
	sigdelset(mask, SIGTERM);
	sigaction(SIGTERM, &leave, NULL);
	lower_limit();
	s->spare = spare_descriptor();
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 || watch_fd(s, SERVER_SOCK_FD, WATCH_SOCK) < 0)
		return -errno;
	return 0;
}

int server_run(void)
{
	static struct server s;
	sigset_t mask;
	int r;

	/* fexecve(3) has made a descriptor number of it. */
	(void)prctl(PR_SET_NAME, "shmipc-broker");
	r = prepare_server(&s, &mask);
	if (r == 0)
		r = requests_take_over(&s.requests);
	/* After that: from now on its socket becomes readable at its end. */
	if (r == 0 && watch_fd(&s, SERVER_SUPERVISOR_FD, WATCH_SUPERVISOR) < 0)
		r = -errno;
	if (r == 0)
		r = confine();
	if (r < 0) {
		log_line("server: %s", strerror(-r));
		return r == -EPROTONOSUPPORT ? SERVER_OTHER_VERSION : 1;
	}
	return serve_all(&s, &mask);
}
