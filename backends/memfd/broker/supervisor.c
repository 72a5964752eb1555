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
#include "util/clock.h"

/*
 * How often we see whether we can still be found; more often, if that is how
 * long nobody must want anything before we leave.
 */
#define LOOK_MS 5000

/* Servers that did not get ready, one after the other: then more slowly. */
#define FAILURES_FAST 3
#define FAILURES_MS   200

/* What has a name. */
struct kept {
	uint32_t kind;
	struct wire_fds fds; /* owned */
	char name[WIRE_NAME];
};

struct supervisor {
	const struct rundir *rundir;
	struct rundir_claim claim;
	struct kept **slots;
	uint32_t room; /* of slots */
	uint32_t count;
	struct journal_entry done[REQUESTS_DONE_MAX]; /* a ring */
	unsigned done_next;
	struct journal_entry last; /* of the server; op 0: nothing yet */
	uint32_t broker_id;
	struct stat sock; /* its file */
	bool missing;	  /* that was not there at the last look */
	long look_ms;
	struct timespec next_look;
	char program[PATH_MAX]; /* where a newer one would be */
	int image;		/* of the server that got ready last */
	int newer;		/* to be tried once, or -1 */
	struct spawned server;
	bool ready;
	bool passed_on; /* that it is to leave */
	unsigned failures;
};

static volatile sig_atomic_t told_to_leave, told_to_quit, told_to_renew;

static void on_signal(int signal)
{
	if (signal == SIGQUIT)
		told_to_quit = 1;
	else if (signal == SIGHUP)
		told_to_renew = 1;
	else
		told_to_leave = 1;
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

/* They come only while we wait for entries. */
static void catch_signals(sigset_t *waiting)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;

	sigemptyset(&ours);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&ours, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &ours, waiting);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigdelset(waiting, signals[i]);
}

/* ---- what is kept ------------------------------------------------------- */

static int make_room(struct supervisor *k, uint32_t slot)
{
	uint32_t room = k->room ? k->room : 64;
	struct kept **slots;

	while (room <= slot)
		room *= 2;
	if (room == k->room)
		return 0;
	slots = reallocarray(k->slots, room, sizeof(struct kept *));
	if (!slots)
		return -ENOMEM;
	memset(slots + k->room, 0, (room - k->room) * sizeof(struct kept *));
	k->slots = slots;
	k->room = room;
	return 0;
}

static int keep(struct supervisor *k, const struct journal_entry *r,
		struct wire_fds *fds)
{
	struct kept *kept;

	if (make_room(k, r->slot) < 0 || !(kept = calloc(1, sizeof(*kept))))
		return -ENOMEM;
	if (k->slots[r->slot]) {
		free(kept);
		return -EPROTO;
	}
	kept->kind = r->kind;
	kept->fds = *fds;
	memcpy(kept->name, r->name, sizeof(kept->name));
	*fds = WIRE_NO_FDS;
	k->slots[r->slot] = kept;
	k->count++;
	return 0;
}

/* The entry gets what it was about. */
static int forget(struct supervisor *k, struct journal_entry *r)
{
	struct kept *kept = r->slot < k->room ? k->slots[r->slot] : NULL;

	if (!kept)
		return -EPROTO;
	r->kind = kept->kind;
	memcpy(r->name, kept->name, sizeof(r->name));
	wire_close_fds(&kept->fds);
	free(kept);
	k->slots[r->slot] = NULL;
	k->count--;
	return 0;
}

/* Whatever it is, it works. */
static void get_ready(struct supervisor *k)
{
	k->ready = true;
	k->failures = 0;
	if (k->newer >= 0) {
		close(k->image);
		k->image = k->newer;
		k->newer = -1;
	}
}

/* [K1] */
static int note(struct supervisor *k, struct journal_entry *r,
		struct wire_fds *fds)
{
	int err;

	if (r->op == JOURNAL_READY) {
		get_ready(k);
		return 0;
	}
	err = r->op == JOURNAL_KEEP ? keep(k, r, fds) : forget(k, r);
	wire_close_fds(fds);
	if (err == 0)
		k->last = *r;
	return err;
}

/* ---- a server's life ---------------------------------------------------- */

/* [K3] */
static int start_server(struct supervisor *k)
{
	k->last.op = 0;
	k->ready = k->passed_on = false;
	return spawn_server(k->newer >= 0 ? k->newer : k->image, &k->claim,
			    &k->server);
}

/* Too many descriptors may be on their way: the server's reading helps. */
static int hand(struct supervisor *k, const struct journal_entry *r,
		const struct wire_fds *fds)
{
	struct shmi_tries tries = { .count = 0 };
	int err;

	do {
		err = journal_send(k->server.pair, r, fds);
		if (err == -EAGAIN)
			err = -ETIMEDOUT;
		if (err == -ETOOMANYREFS)
			err = -EAGAIN;
	} while (shmi_try_again(&tries, &err));
	return err;
}

/* [K4] */
static int hand_over(struct supervisor *k)
{
	struct journal_entry go = journal_make(JOURNAL_GO, 0, NULL);
	int err = 0;

	for (uint32_t slot = 0; slot < k->room && err == 0; slot++) {
		const struct kept *kept = k->slots[slot];
		struct journal_entry r;

		if (!kept)
			continue;
		r = journal_make(JOURNAL_TAKE, kept->kind, kept->name);
		r.slot = slot;
		r.fds = (uint16_t)wire_count_fds(&kept->fds);
		err = hand(k, &r, &kept->fds);
	}
	for (unsigned i = 0; i < REQUESTS_DONE_MAX && err == 0; i++)
		if (k->done[i].op)
			err = hand(k, &k->done[i], NULL);
	go.nonce = k->broker_id;
	return err == 0 ? hand(k, &go, NULL) : err;
}

/* Pass on what we were told. Returns whether to go on. */
static bool obey(struct supervisor *k)
{
	if (told_to_quit) {
		log_line("told to quit: %u names are lost", k->count);
		return false;
	}
	/* One that is ended before it is ready would count as a failure. */
	if (told_to_renew && k->ready) {
		log_line("told to start a new server");
		told_to_renew = 0;
		if (k->newer < 0)
			k->newer = spawn_open_image(k->program);
		return false;
	}
	if (told_to_leave && k->ready && !k->passed_on) {
		if (k->count)
			log_line("told to leave: as soon as the last of %u "
				 "names is gone",
				 k->count);
		k->passed_on = true;
		(void)kill(k->server.pid, SIGTERM);
	}
	return true;
}

/*
 * Can clients find us? Whoever removed the directory wanted to be rid of us,
 * as of all that is in /dev/shm. The socket alone can be bound again; but it
 * may be missing because the directory is just being removed, so only at the
 * second look. Returns whether to go on with this server.
 */
static bool look_around(struct supervisor *k)
{
	if (!shmi_clock_reached(&k->next_look))
		return true;
	k->next_look = shmi_clock_in(k->look_ms);
	if (!rundir_is_held(k->rundir, &k->claim)) {
		log_line("the directory is gone: %u names are lost", k->count);
		told_to_quit = 1;
		return false;
	}
	if (rundir_has_socket(&k->claim, &k->sock)) {
		k->missing = false;
		return true;
	}
	if (!k->missing) {
		k->missing = true;
		return true;
	}
	log_line("the socket is gone: binding another");
	k->missing = false;
	return rundir_bind_again(&k->claim, &k->sock) < 0;
}

/*
 * Wait until there are enough entries, or for what else there is to do. That
 * the server is gone is seen in any case.
 */
static int await(struct supervisor *k, const sigset_t *waiting)
{
	const struct timespec idle = { .tv_sec = SPAWN_IDLE_S };
	struct timespec left = shmi_clock_left(&k->next_look);
	struct pollfd p[] = {
		{ .fd = k->server.nudge, .events = POLLIN },
		{ .fd = k->server.pair, .events = k->ready ? 0 : POLLIN },
	};
	int n = ppoll(p, 2, k->ready ? &left : &idle, waiting);
	uint64_t nudges;

	/* [K0] Before the entries: those that come later nudge again. */
	if (n > 0 && p[0].revents)
		(void)!read(k->server.nudge, &nudges, sizeof(nudges));
	return n == 0 && !k->ready ? -ETIMEDOUT : 0;
}

/*
 * Read entries until the server's end, or until it must be ended. What we say
 * and do ourselves is done when we know of all.
 */
static int follow(struct supervisor *k, const sigset_t *waiting)
{
	struct wire_fds fds;
	struct journal_entry r;
	int err;

	do {
		err = journal_receive(k->server.pair, JOURNAL_FROM_SERVER, &r,
				      &fds, MSG_DONTWAIT);
		if (err == 0)
			err = note(k, &r, &fds);
		else if (err == -EAGAIN)
			err = obey(k) && look_around(k) ? await(k, waiting)
							: -EINTR;
	} while (err == 0);
	return err;
}

/*
 * All entries that were sent count, whatever made us end it. If it has not read
 * all, the socket says that first: go on.
 */
static void read_the_rest(struct supervisor *k)
{
	struct wire_fds fds;
	struct journal_entry r;
	int err;

	do {
		err = journal_receive(k->server.pair, JOURNAL_FROM_SERVER, &r,
				      &fds, 0);
		if (err == 0)
			(void)note(k, &r, &fds);
	} while (err == 0 || err == -EAGAIN || err == -ECONNRESET);
}

/* Those whose sentence would say nothing new. */
static const char *sentence(int err)
{
	return err == 0 || err == -EPIPE || err == -ECONNRESET || err == -EINTR
		       ? "it is gone"
		       : strerror(-err);
}

/* [K2] Returns whether nobody needs us any more. */
static bool end_server(struct supervisor *k, int why)
{
	int status = 1 << 8; /* "exit(1)", if it cannot be had */

	/* At its end of file it is ending by itself, which this lets be. */
	(void)kill(k->server.pid, SIGKILL);
	while (waitpid(k->server.pid, &status, 0) < 0 && errno == EINTR)
		;
	read_the_rest(k);
	spawn_bury(&k->server);
	if (k->last.op && k->last.nonce) {
		k->last.op = JOURNAL_DONE;
		k->last.fds = 0;
		k->done[k->done_next++ % REQUESTS_DONE_MAX] = k->last;
	}
	if (told_to_quit)
		return true;
	if (k->count == 0 &&
	    (told_to_leave || (WIFEXITED(status) && !WEXITSTATUS(status))))
		return true;
	if (!k->ready) {
		k->failures++;
		if (k->newer >= 0)
			close(k->newer);
		k->newer = -1;
	}
	log_line("the server has ended (%s %d): %s; starting another",
		 WIFSIGNALED(status) ? "signal" : "status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		 sentence(why));
	return false;
}

/* ---- life --------------------------------------------------------------- */

static void wait_after_failure(const struct supervisor *k,
			       const sigset_t *waiting)
{
	struct timespec t = { .tv_nsec = FAILURES_MS * 1000000L };

	if (k->failures > FAILURES_FAST)
		(void)ppoll(NULL, 0, &t, waiting);
}

static int begin(struct supervisor *k, const struct rundir *rundir,
		 const struct rundir_claim *claim)
{
	ssize_t n;

	k->rundir = rundir;
	k->claim = *claim;
	k->newer = -1;
	k->look_ms = server_idle_ms() < LOOK_MS ? server_idle_ms() : LOOK_MS;
	k->next_look = shmi_clock_in(k->look_ms);
	k->image = spawn_open_image("/proc/self/exe");
	/* Before an upgrade takes it away; proc(5) says so in this name. */
	n = readlink("/proc/self/exe", k->program, sizeof(k->program) - 1);
	if (k->image < 0 || n < 0 ||
	    getrandom(&k->broker_id, sizeof(k->broker_id), 0) < 0 ||
	    fstatat(claim->dir, RUNDIR_SOCKET, &k->sock, AT_SYMLINK_NOFOLLOW) <
		    0)
		return -errno;
	k->broker_id |= 0x80000000U; /* 0 is none, and some are binding.h's */
	return 0;
}

int supervisor_run(const struct rundir *rundir,
		   const struct rundir_claim *claim)
{
	static struct supervisor k;
	sigset_t waiting;
	bool over = false;
	int r;

	r = begin(&k, rundir, claim);
	if (r < 0) {
		log_line("cannot start: %s", strerror(-r));
		return 1;
	}
	(void)signal(SIGCHLD, SIG_DFL); /* ignored, it would leave no status */
	catch_signals(&waiting);
	while (!over) {
		wait_after_failure(&k, &waiting);
		r = start_server(&k);
		if (r < 0) {
			log_line("no server can be started: %s", strerror(-r));
			k.failures++;
			over = told_to_quit || (told_to_leave && !k.count);
			continue;
		}
		r = hand_over(&k);
		if (r == 0 || r == -EPIPE || r == -ECONNRESET)
			r = follow(&k, &waiting);
		over = end_server(&k, r);
	}
	log_line("leaving");
	rundir_leave(rundir, &k.claim);
	return 0;
}
