/* SPDX-License-Identifier: MIT */
/* The process of the broker that has what must not be lost. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/memfd/broker/requests.h"
#include "backends/memfd/broker/supervisor.h"
#include "backends/memfd/broker/log.h"
#include "backends/memfd/broker/journal.h"
#include "backends/memfd/broker/spawn.h"
#include "backends/memfd/broker/server.h"
#include "backends/memfd/start.h"
#include "util/clock.h"

/*
 * How often the supervisor checks that clients can find it; more often if
 * SHMIPC_BROKER_IDLE_MS is shorter.
 */
#define LOOK_MS 5000

/* After this many servers in a row that did not get ready, wait before each. */
#define FAILURES_FAST 3
#define FAILURES_MS   200

/* After this many, a supervisor that has no names leaves: some 3 s. */
#define FAILURES_MAX 20

/* An object that has a name. */
struct kept {
	uint32_t kind;
	struct wire_fds fds; /* owned */
	char name[WIRE_NAME];
};

struct supervisor {
	const struct rundir *rundir;
	struct rundir_claim claim;
	struct kept **slots;
	uint32_t room;				      /* number of slots */
	uint32_t count;				      /* of names */
	struct journal_entry done[REQUESTS_DONE_MAX]; /* a ring */
	unsigned done_next;
	struct journal_entry last; /* of the server; op 0: nothing yet */
	uint32_t broker_id;
	struct stat sock; /* the file of the socket */
	bool missing;	  /* the last check did not find it */
	long look_ms;
	struct timespec next_look;
	char program[PATH_MAX]; /* our program, or what has replaced it */
	int image;		/* the program of the last ready server */
	int newer;		/* a program to be tried once, or -1 */
	struct spawned server;
	bool ready;
	bool passed_on; /* the server was told to exit */
	unsigned failures;
};

static volatile sig_atomic_t asked_to_exit, asked_to_quit, asked_to_renew;

static void note_supervisor_signal(int signal)
{
	if (signal == SIGQUIT)
		asked_to_quit = 1;
	else if (signal == SIGHUP)
		asked_to_renew = 1;
	else
		asked_to_exit = 1;
}

static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

/* Signals are delivered only while we wait for entries. */
static void catch_signals(sigset_t *waiting)
{
	struct sigaction action = { .sa_handler = note_supervisor_signal };
	sigset_t ours;

	sigemptyset(&ours);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		sigaddset(&ours, caught[i]);
		sigaction(caught[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &ours, waiting);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigdelset(waiting, caught[i]);
}

/* ---- the table of names ------------------------------------------------- */

static int make_kept_slot(struct supervisor *s, uint32_t slot)
{
	uint32_t room = s->room ? s->room : 64;
	struct kept **slots;

	while (room <= slot)
		room *= 2;
	if (room == s->room)
		return 0;
	slots = reallocarray(s->slots, room, sizeof(struct kept *));
	if (!slots)
		return -ENOMEM;
	memset(slots + s->room, 0, (room - s->room) * sizeof(struct kept *));
	s->slots = slots;
	s->room = room;
	return 0;
}

static int keep_object(struct supervisor *s, const struct journal_entry *r,
		       struct wire_fds *fds)
{
	struct kept *kept;

	if (make_kept_slot(s, r->slot) < 0 ||
	    !(kept = calloc(1, sizeof(*kept))))
		return -ENOMEM;
	if (s->slots[r->slot]) {
		free(kept);
		return -EPROTO;
	}
	kept->kind = r->kind;
	kept->fds = *fds;
	memcpy(kept->name, r->name, sizeof(kept->name));
	*fds = WIRE_NO_FDS;
	s->slots[r->slot] = kept;
	s->count++;
	return 0;
}

/* Fills in the kind and the name of the entry. */
static int forget_object(struct supervisor *s, struct journal_entry *r)
{
	struct kept *kept = r->slot < s->room ? s->slots[r->slot] : NULL;

	if (!kept)
		return -EPROTO;
	r->kind = kept->kind;
	memcpy(r->name, kept->name, sizeof(r->name));
	wire_close_fds(&kept->fds);
	free(kept);
	s->slots[r->slot] = NULL;
	s->count--;
	return 0;
}

/* The server is ready, so its program works. */
static void accept_server(struct supervisor *s)
{
	s->ready = true;
	s->failures = 0;
	if (s->newer >= 0) {
		close(s->image);
		s->image = s->newer;
		s->newer = -1;
	}
}

/* [U1] */
static int apply_entry(struct supervisor *s, struct journal_entry *r,
		       struct wire_fds *fds)
{
	int err;

	if (r->op == JOURNAL_READY) {
		accept_server(s);
		return 0;
	}
	err = r->op == JOURNAL_KEEP ? keep_object(s, r, fds)
				    : forget_object(s, r);
	wire_close_fds(fds);
	if (err == 0)
		s->last = *r;
	return err;
}

/* ---- the life of a server ----------------------------------------------- */

/* [U3] */
static int start_server(struct supervisor *s)
{
	s->last.op = 0;
	s->ready = s->passed_on = false;
	return spawn_server(s->newer >= 0 ? s->newer : s->image, &s->claim,
			    &s->server);
}

/* Too many descriptors may be in flight; fewer when the server has read. */
static int send_to_server(struct supervisor *s, const struct journal_entry *r,
			  const struct wire_fds *fds)
{
	struct shmi_tries tries = { .count = 0 };
	int err;

	do {
		err = journal_send(s->server.pair, r, fds);
		if (err == -EAGAIN)
			err = -ETIMEDOUT;
		if (err == -ETOOMANYREFS)
			err = -EAGAIN;
	} while (shmi_try_again(&tries, &err));
	return err;
}

/* [U4] */
static int hand_over(struct supervisor *s)
{
	struct journal_entry go = journal_make(JOURNAL_GO, 0, NULL);
	int err = 0;

	for (uint32_t slot = 0; slot < s->room && err == 0; slot++) {
		const struct kept *kept = s->slots[slot];
		struct journal_entry r;

		if (!kept)
			continue;
		r = journal_make(JOURNAL_TAKE, kept->kind, kept->name);
		r.slot = slot;
		r.fds = (uint16_t)wire_count_fds(&kept->fds);
		err = send_to_server(s, &r, &kept->fds);
	}
	for (unsigned i = 0; i < REQUESTS_DONE_MAX && err == 0; i++)
		if (s->done[i].op)
			err = send_to_server(s, &s->done[i], NULL);
	go.nonce = s->broker_id;
	return err == 0 ? send_to_server(s, &go, NULL) : err;
}

/* Act on signals. Returns whether to continue with this server. */
static bool follow_signals(struct supervisor *s)
{
	if (asked_to_quit) {
		log_line("told to quit: %u names are lost", s->count);
		return false;
	}
	/* A server that ends before it is ready counts as a failure. */
	if (asked_to_renew && s->ready) {
		log_line("told to start a new server");
		asked_to_renew = 0;
		if (s->newer < 0)
			s->newer = spawn_open_image(s->program);
		return false;
	}
	if (asked_to_exit && s->ready && !s->passed_on) {
		if (s->count)
			log_line("told to exit: as soon as the last of %u "
				 "names is gone",
				 s->count);
		s->passed_on = true;
		(void)kill(s->server.pid, SIGTERM);
	}
	return true;
}

/*
 * Can clients find us? Removing the directory is a way to end the broker, as
 * for anything else in /dev/shm. If only the socket is missing, bind another;
 * but not before the second check, since the directory may be about to be
 * removed, too. Returns whether to continue with this server.
 */
static bool check_directory(struct supervisor *s)
{
	if (!shmi_clock_reached(&s->next_look))
		return true;
	s->next_look = shmi_clock_in(s->look_ms);
	if (!rundir_is_held(s->rundir, &s->claim)) {
		log_line("the directory is gone: %u names are lost", s->count);
		asked_to_quit = 1;
		return false;
	}
	if (rundir_has_socket(&s->claim, &s->sock)) {
		s->missing = false;
		return true;
	}
	if (!s->missing) {
		s->missing = true;
		return true;
	}
	log_line("the socket is gone: binding another");
	s->missing = false;
	return rundir_bind_again(&s->claim, &s->sock) < 0;
}

/*
 * Wait until the server wakes us or is gone, a signal comes, or the next check
 * is due.
 */
static int await_entries(struct supervisor *s, const sigset_t *waiting)
{
	const struct timespec idle = { .tv_sec = SPAWN_IDLE_S };
	struct timespec left = shmi_clock_left(&s->next_look);
	struct pollfd p[] = {
		{ .fd = s->server.nudge, .events = POLLIN },
		{ .fd = s->server.pair, .events = s->ready ? 0 : POLLIN },
	};
	int n = ppoll(p, 2, s->ready ? &left : &idle, waiting);
	uint64_t nudges;

	/* [U0] Before reading entries: later ones nudge again. */
	if (n > 0 && p[0].revents)
		(void)!read(s->server.nudge, &nudges, sizeof(nudges));
	return n == 0 && !s->ready ? -ETIMEDOUT : 0;
}

/*
 * Read entries until the server is gone or must be ended. Act on signals and
 * check the directory only when all entries have been read.
 */
static int follow_server(struct supervisor *s, const sigset_t *waiting)
{
	struct wire_fds fds;
	struct journal_entry r;
	int err;

	do {
		err = journal_receive(s->server.pair, JOURNAL_FROM_SERVER, &r,
				      &fds, MSG_DONTWAIT);
		if (err == 0)
			err = apply_entry(s, &r, &fds);
		else if (err == -EAGAIN)
			err = follow_signals(s) && check_directory(s)
				      ? await_entries(s, waiting)
				      : -EINTR;
	} while (err == 0);
	return err;
}

/*
 * Every entry that was sent counts, whatever the reason to end the server. If
 * the server has not read everything, the socket reports that first: continue.
 */
static void read_the_rest(struct supervisor *s)
{
	struct wire_fds fds;
	struct journal_entry r;
	int err;

	do {
		err = journal_receive(s->server.pair, JOURNAL_FROM_SERVER, &r,
				      &fds, 0);
		if (err == 0)
			(void)apply_entry(s, &r, &fds);
	} while (err == 0 || err == -EAGAIN || err == -ECONNRESET);
}

static const char *reason_to_end(int err)
{
	return err == 0 || err == -EPIPE || err == -ECONNRESET || err == -EINTR
		       ? "it is gone"
		       : strerror(-err);
}

/*
 * No server got ready. Is it of no use to try again? Names are worth another
 * try, as long as clients can find us; the limit that was hit may be raised.
 */
static bool must_give_up(struct supervisor *s)
{
	s->failures++;
	if (asked_to_quit)
		return true;
	if (!rundir_is_held(s->rundir, &s->claim)) {
		log_line("the directory is gone: %u names are lost", s->count);
		return true;
	}
	return s->count == 0 && (asked_to_exit || s->failures > FAILURES_MAX);
}

/* [U2] Returns whether the broker is to exit. */
static bool end_server(struct supervisor *s, int why)
{
	int status = 1 << 8; /* exit(1), if waitpid(2) fails */

	/* This does not change the status of a server that is exiting. */
	(void)kill(s->server.pid, SIGKILL);
	while (waitpid(s->server.pid, &status, 0) < 0 && errno == EINTR)
		;
	read_the_rest(s);
	spawn_release(&s->server);
	if (s->last.op && s->last.nonce) {
		s->last.op = JOURNAL_DONE;
		s->last.fds = 0;
		s->done[s->done_next++ % REQUESTS_DONE_MAX] = s->last;
	}
	if (asked_to_quit)
		return true;
	if (s->count == 0 &&
	    (asked_to_exit || (WIFEXITED(status) && !WEXITSTATUS(status))))
		return true;
	if (!s->ready) {
		if (s->newer >= 0)
			close(s->newer);
		s->newer = -1;
		if (must_give_up(s))
			return true;
	}
	log_line("the server has ended (%s %d): %s; starting another",
		 WIFSIGNALED(status) ? "signal" : "status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		 reason_to_end(why));
	return false;
}

/* ---- the life of the broker --------------------------------------------- */

static void wait_after_failure(const struct supervisor *s,
			       const sigset_t *waiting)
{
	struct timespec t = { .tv_nsec = FAILURES_MS * 1000000L };

	if (s->failures > FAILURES_FAST)
		(void)ppoll(NULL, 0, &t, waiting);
}

static int prepare_supervisor(struct supervisor *s, const struct rundir *rundir,
			      const struct rundir_claim *claim)
{
	ssize_t n;

	s->rundir = rundir;
	s->claim = *claim;
	s->newer = -1;
	s->look_ms = start_idle_ms() < LOOK_MS ? start_idle_ms() : LOOK_MS;
	s->next_look = shmi_clock_in(s->look_ms);
	s->image = spawn_open_image("/proc/self/exe");
	/* Now: after an upgrade, proc(5) adds " (deleted)" to this path. */
	n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
	if (s->image < 0 || n < 0 ||
	    getrandom(&s->broker_id, sizeof(s->broker_id), 0) < 0 ||
	    fstatat(claim->dir, RUNDIR_SOCKET, &s->sock, AT_SYMLINK_NOFOLLOW) <
		    0)
		return -errno;
	s->broker_id |= 0x80000000U; /* not 0 and no BINDING_* of binding.h */
	return 0;
}

int supervisor_run(const struct rundir *rundir,
		   const struct rundir_claim *claim)
{
	static struct supervisor s;
	sigset_t waiting;
	bool over = false;
	int r;

	r = prepare_supervisor(&s, rundir, claim);
	if (r < 0) {
		log_line("cannot start: %s", strerror(-r));
		return 1;
	}
	(void)signal(SIGCHLD, SIG_DFL); /* if ignored, wait() has no status */
	catch_signals(&waiting);
	while (!over) {
		wait_after_failure(&s, &waiting);
		r = start_server(&s);
		if (r < 0) {
			log_line("no server can be started: %s", strerror(-r));
			over = must_give_up(&s);
			continue;
		}
		r = hand_over(&s);
		if (r == 0 || r == -EPIPE || r == -ECONNRESET)
			r = follow_server(&s, &waiting);
		over = end_server(&s, r);
	}
	log_line("exiting");
	rundir_leave(rundir, &s.claim);
	return 0;
}
