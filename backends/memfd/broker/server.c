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

/* With names and no requests: how often to look for dead users' objects. */
#define ORPHANS_MS 60000

/* Clients at once, and how long one may say nothing after it was greeted. */
#define CLIENTS_MAX 1024
#define SILENT_MS   5000

/* Who comes in at a time, at most: some 20 us each. */
#define WELCOMES 8

/* Descriptors that the supervisor may have and we not: we shall lack them first. */
#define FDS_LESS 8

struct client {
	int sock;   /* -1: free */
	long since; /* ms: greeted, or asked last */
	bool has_asked;
	bool was_lent; /* descriptors */
};

struct server {
	struct requests requests;
	struct client clients[CLIENTS_MAX];
	unsigned count;	 /* of clients */
	unsigned silent; /* of them */
	int epoll;
	int spare; /* given up to accept() and refuse at EMFILE */
	long idle_ms;
	bool ending;
};

static volatile sig_atomic_t told_to_leave;

static void on_term(int signal)
{
	(void)signal;
	told_to_leave = 1;
}

long server_idle_ms(void)
{
	const char *given = secure_getenv("SHMIPC_BROKER_IDLE_MS");
	char *end;
	long ms;

	if (!given || !*given)
		return 2000;
	ms = strtol(given, &end, 10);
	return *end || ms < 1 || ms > 86400000 ? -EINVAL : ms;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

/* ---- clients ------------------------------------------------------------- */

/* Those that are no clients are watched as these. */
#define WATCH_SOCK	 CLIENTS_MAX
#define WATCH_SUPERVISOR (CLIENTS_MAX + 1U)

static int watch(struct server *w, int fd, uint32_t as)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP,
				     .data = { .u32 = as } };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Closing ends the watch, too. why is NULL if it went by itself. */
static void drop(struct server *w, struct client *g, const char *why)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	if (why) {
		(void)getsockopt(g->sock, SOL_SOCKET, SO_PEERCRED, &peer,
				 &size);
		log_line("client %d dropped: %s", (int)peer.pid, why);
	}
	close(g->sock);
	g->sock = -1;
	w->count--;
	w->silent -= !g->has_asked;
}

/* When all places are taken. */
static struct client *longest_idle(struct server *w)
{
	struct client *found = w->clients;

	for (unsigned i = 1; i < CLIENTS_MAX; i++)
		if (w->clients[i].since < found->since)
			found = &w->clients[i];
	return found;
}

/* Room for one more: whoever has been idle longest makes it. */
static struct client *find_room(struct server *w)
{
	struct client *g = w->clients;

	if (w->count == CLIENTS_MAX)
		drop(w, longest_idle(w), "others want to come in");
	while (g->sock >= 0)
		g++;
	return g;
}

static void drop_silent(struct server *w)
{
	long now = now_ms();

	for (unsigned i = 0; i < CLIENTS_MAX && w->silent; i++) {
		struct client *g = &w->clients[i];

		if (g->sock >= 0 && !g->has_asked &&
		    now - g->since >= SILENT_MS)
			drop(w, g, "it says nothing");
	}
}

static struct wire hello(const struct server *w, int result)
{
	struct wire m = wire_make(WIRE_HELLO, 0, NULL);

	m.oldest = WIRE_OLDEST;
	m.broker_id = w->requests.broker_id;
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

static void greet(struct server *w, int sock)
{
	struct wire m = hello(w, 0);
	struct client *g = find_room(w);

	if (!is_own_user(sock) || wire_send(sock, &m, NULL) < 0 ||
	    watch(w, sock, (uint32_t)(g - w->clients)) < 0) {
		close(sock);
		return;
	}
	*g = (struct client){ .sock = sock, .since = now_ms() };
	w->count++;
	w->silent++;
}

static int spare_descriptor(void)
{
	return fcntl(SERVER_DIR_FD, F_DUPFD_CLOEXEC, 0);
}

/* No descriptor left: whoever waits must be told, not left waiting. */
static void refuse_one(struct server *w)
{
	struct wire full = hello(w, -EMFILE);
	int sock;

	close(w->spare);
	sock = accept4(SERVER_SOCK_FD, NULL, NULL, SOCK_CLOEXEC);
	if (sock >= 0) {
		(void)wire_send(sock, &full, NULL);
		close(sock);
	}
	w->spare = spare_descriptor();
}

/* Returns whether there was somebody. */
static bool welcome(struct server *w)
{
	int sock = accept4(SERVER_SOCK_FD, NULL, NULL,
			   SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock >= 0)
		greet(w, sock);
	else if (errno == EMFILE || errno == ENFILE)
		refuse_one(w);
	else
		return errno != EAGAIN && errno != EWOULDBLOCK;
	return true;
}

/*
 * All clients that ask have a turn between two of these: who stands behind
 * others in the backlog would wait for all of them, several times.
 */
static void welcome_some(struct server *w)
{
	for (int i = 0; i < WELCOMES && welcome(w); i++)
		;
}

/* ---- requests ---------------------------------------------------------- */

static const char *why_dropped(int err)
{
	switch (err) {
	case -EAGAIN:
		return "it does not read its answers";
	case -EBADF:
		return "it added what is no object";
	case -EPROTO:
		return "it talks nonsense";
	case -EPROTONOSUPPORT:
		return "it talks in a version that was not offered";
	default:
		return NULL; /* gone */
	}
}

static void serve(struct server *w, struct client *g, bool left)
{
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire request;
	int r;

	r = wire_receive(g->sock, WIRE_FROM_CLIENT, &request, &fds);
	if (r == -EAGAIN)
		return;
	g->since = now_ms();
	w->silent -= !g->has_asked;
	g->has_asked = true;
	if (r == 0) {
		unsigned known = (left ? REQUESTS_CLIENT_LEFT : 0) |
				 (g->was_lent ? REQUESTS_CLIENT_READS : 0);

		r = requests_handle(&w->requests, g->sock, known, &request,
				    &fds);
		g->was_lent |= requests_lends_fds(&request);
	} else if (r == -EMFILE) {
		request.result = -EMFILE;
		request.broker_id = w->requests.broker_id;
		r = wire_send(g->sock, &request, NULL);
	}
	if (r < 0)
		drop(w, g, why_dropped(r));
}

/* ---- life --------------------------------------------------------------- */

/*
 * Nobody wanted anything for a while, and nobody is here; or we were told to
 * leave.
 */
static bool may_leave(struct server *w)
{
	if (w->requests.table.count > 0)
		return false;
	if (told_to_leave)
		return true;
	/* The last look; see server.h. */
	return w->count == 0 && !welcome(w) && w->count == 0;
}

static void handle(struct server *w, const struct epoll_event *event)
{
	uint32_t as = event->data.u32;

	if (as == WATCH_SUPERVISOR)
		w->requests.alone = true; /* it never writes now: its end */
	else if (as == WATCH_SOCK)
		welcome_some(w);
	else
		serve(w, &w->clients[as],
		      event->events & (EPOLLRDHUP | EPOLLHUP));
}

/* How long nothing may happen before we look around. */
static int patience(const struct server *w, long idle)
{
	if (w->requests.owed)
		return JOURNAL_OWED_MS;
	if (w->silent || told_to_leave)
		return 1000;
	if (w->count && !w->requests.table.transient)
		return -1;
	return (int)idle;
}

static int run(struct server *w, const sigset_t *mask)
{
	long idle = w->idle_ms;
	long last = now_ms();

	while (!w->ending && !w->requests.alone) {
		struct epoll_event event;
		int n = epoll_pwait(w->epoll, &event, 1, patience(w, idle),
				    mask);

		if (n > 0) {
			handle(w, &event);
			idle = w->idle_ms;
			last = now_ms();
		}
		if (n <= 0)
			requests_nudge(&w->requests);
		if (w->silent)
			drop_silent(w);
		if (n <= 0 && (told_to_leave || now_ms() - last >= idle)) {
			requests_forget_orphans(&w->requests);
			w->ending = may_leave(w);
			idle = ORPHANS_MS;
		} else if (told_to_leave) {
			/* Somebody may ask all the time. */
			w->ending = may_leave(w);
		}
	}
	return w->requests.alone ? 1 : 0;
}

/* Those of the supervisor, but for a few: report.h needs room there. */
static void lower_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur < 4 * FDS_LESS)
		return;
	limit.rlim_cur -= FDS_LESS;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare(struct server *w, sigset_t *mask)
{
	struct sigaction leave = { .sa_handler = on_term };
	sigset_t term;

	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		w->clients[i].sock = -1;
	w->requests.supervisor = SERVER_SUPERVISOR_FD;
	w->requests.nudge = SERVER_NUDGE_FD;
	w->idle_ms = server_idle_ms();
	/* Seen in epoll_pwait() only. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, mask);
	sigdelset(mask, SIGTERM);
	sigaction(SIGTERM, &leave, NULL);
	lower_limit();
	w->spare = spare_descriptor();
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0 || watch(w, SERVER_SOCK_FD, WATCH_SOCK) < 0)
		return -errno;
	return 0;
}

int server_run(void)
{
	static struct server w;
	sigset_t mask;
	int r;

	/* fexecve() left the number of a descriptor there. */
	(void)prctl(PR_SET_NAME, "shmipc-broker");
	r = prepare(&w, &mask);
	if (r == 0)
		r = requests_take_over(&w.requests);
	/* After it: what it sends then is its end. */
	if (r == 0 && watch(&w, SERVER_SUPERVISOR_FD, WATCH_SUPERVISOR) < 0)
		r = -errno;
	if (r == 0)
		r = confine();
	if (r < 0) {
		log_line("server: %s", strerror(-r));
		return r == -EPROTONOSUPPORT ? SERVER_STRANGER : 1;
	}
	return run(&w, &mask);
}
