/* SPDX-License-Identifier: MIT */
/*
 * shmipc-broker: keeps the names of one user's memfd objects.
 *
 * One process, one thread, no blocking call but epoll_wait(2). It never maps
 * what clients give it (and reads of it a header, before it takes the name
 * away), waits for no client, and answers each question in one packet or drops
 * who does not take it. It holds the lock of its directory (rundir.h) for
 * life, and leaves when it has no names and no clients. It forgets a transient
 * object when it finds nobody using it: fdmem/users.h.
 *
 * Leaving. Clients that are in the socket's backlog would be turned away, so
 * the last look at it is followed only by taking the socket away; who slips
 * in between sees the connection end before a greeting, and starts over.
 *
 * Death. Killed at any point, the kernel drops the lock and closes all: the
 * objects live on with those who have them open, their names are gone. The
 * socket's file stays; the next broker removes it.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/fdmem/users.h"
#include "backends/memfd/rundir.h"
#include "backends/memfd/start.h"
#include "backends/memfd/table.h"
#include "core/header.h"
#include "core/name.h"

/* How long nobody must want anything before it leaves. */
#define IDLE_MS 2000

/*
 * With names and no questions: how often to see that it can still be found,
 * and whose last users were killed.
 */
#define ORPHAN_MS 60000

struct broker {
	struct rundir rundir;
	struct rundir_claim claim;
	struct table table;
	int epoll;
	int spare; /* given up to accept() and refuse at EMFILE */
	unsigned clients;
	bool ending;
};

/* ---- transient objects -------------------------------------------------- */

static bool is_ghost(const struct table_entry *e)
{
	return e->transient && users_look(e->fds.fd[0]) == -ESTALE;
}

/* Is this one without a user? Then it is forgotten. */
static bool forget_ghost(struct broker *b, struct table_entry *e)
{
	if (!is_ghost(e) || users_claim(e->fds.fd[0]) < 0)
		return false;
	/* Clients may still have this description, too. */
	users_leave(e->fds.fd[0]);
	table_remove(&b->table, e);
	return true;
}

static void forget_all_ghosts(struct broker *b)
{
	for (size_t i = 0; i < SHMI_KINDS && b->table.transient; i++) {
		struct table_entry *e = table_next(&b->table, shmi_kinds[i], 0);

		while (e) {
			uint32_t slot = e->slot;

			(void)forget_ghost(b, e);
			e = table_next(&b->table, shmi_kinds[i], slot + 1);
		}
	}
}

static struct table_entry *look_up(struct broker *b, const struct wire *about)
{
	struct table_entry *e = table_find(&b->table, about->kind, about->name);

	return e && forget_ghost(b, e) ? NULL : e;
}

/* ---- questions ---------------------------------------------------------- */

/* Is this what an object is made of? The kernel tells, not the client. */
static bool are_sound(const struct wire *question, const struct wire_fds *fds)
{
	int seals = fcntl(fds->fd[0], F_GET_SEALS);

	if (seals < 0 || (seals & WIRE_SEALS) != WIRE_SEALS)
		return false;
	/* users_claim() takes one for writing. */
	if ((fcntl(fds->fd[0], F_GETFL) & O_ACCMODE) != O_RDWR)
		return false;
	/* Handing out a descriptor that blocks would make waiters block. */
	return question->kind != SHMIPC_SEM ||
	       fcntl(fds->fd[1], F_GETFL) & O_NONBLOCK;
}

static bool is_transient(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_mode & S_ISVTX;
}

static int answer_add(struct broker *b, const struct wire *question,
		      struct wire_fds *fds)
{
	int r;

	if (!are_sound(question, fds))
		return -EPROTO;
	(void)look_up(b, question); /* a ghost has no right to the name */
	r = table_add(&b->table, question->kind, question->name,
		      is_transient(fds->fd[0]), fds);
	if (r == 0)
		*fds = WIRE_NO_FDS; /* the table's now */
	return r;
}

static int answer_open(struct broker *b, struct wire *answer,
		       struct wire_fds *fds)
{
	struct table_entry *e = look_up(b, answer);

	if (!e)
		return -ENOENT;
	answer->fds = wire_fds_of(e->kind);
	*fds = e->fds;
	return 0;
}

/*
 * Would the client find it sound? It is he who shares it with others: his word
 * size and libc count, and not ours.
 */
static bool is_sound_for(const struct table_entry *e, uint32_t abi)
{
	struct shmi_header copy;
	struct stat st;

	if (fstat(e->fds.fd[0], &st) < 0 ||
	    pread(e->fds.fd[0], &copy, sizeof(copy), 0) != sizeof(copy))
		return false;
	copy.abi = copy.abi == abi ? shmi_header_abi : ~shmi_header_abi;
	return shmipc_segment_look(&copy, (size_t)st.st_size,
				   (enum shmipc_kind)e->kind, e->name) == 0 &&
	       shmipc_segment_is_transient(&copy) == e->transient;
}

static int answer_unlink(struct broker *b, const struct wire *question)
{
	struct table_entry *e = look_up(b, question);

	if (!e)
		return -ENOENT;
	if (!is_sound_for(e, question->abi))
		return -EPROTO;
	table_remove(&b->table, e);
	return 0;
}

static int answer_let_go(struct broker *b, const struct wire *question)
{
	struct table_entry *e =
		table_find(&b->table, question->kind, question->name);

	if (!e)
		return -ENOENT;
	return forget_ghost(b, e) ? 0 : -EBUSY;
}

static int answer_next(struct broker *b, struct wire *answer)
{
	struct table_entry *e =
		table_next(&b->table, answer->kind, answer->cursor);

	if (!e)
		return -ENOENT;
	strcpy(answer->name, e->name);
	answer->cursor = e->slot + 1;
	return 0;
}

/* The first ghost in this slot or behind it; forgotten, if that is wanted. */
static int answer_next_ghost(struct broker *b, const struct wire *question,
			     struct wire *answer)
{
	bool forget = question->flags & WIRE_FORGET;
	uint32_t slot = question->cursor;

	for (;;) {
		struct table_entry *e =
			table_next(&b->table, question->kind, slot);

		if (!e)
			return -ENOENT;
		slot = e->slot + 1;
		/* Forgetting frees it. Zero to the end, as wire.h says. */
		memset(answer->name, 0, sizeof(answer->name));
		strcpy(answer->name, e->name);
		if (forget ? forget_ghost(b, e) : is_ghost(e))
			break;
	}
	answer->cursor = slot;
	return 0;
}

/* Answer one question. fds came with it, and are the callee's to close. */
static int answer(struct broker *b, int sock, const struct wire *question,
		  struct wire_fds *fds)
{
	struct wire_fds lent = WIRE_NO_FDS;
	struct wire reply =
		wire_make(question->op, question->kind, question->name);
	int r;

	reply.nonce = question->nonce;
	reply.cursor = question->cursor;
	switch (question->op) {
	case WIRE_ADD:
		reply.result = answer_add(b, question, fds);
		break;
	case WIRE_OPEN:
		reply.result = answer_open(b, &reply, &lent);
		break;
	case WIRE_UNLINK:
		reply.result = answer_unlink(b, question);
		break;
	case WIRE_LET_GO:
		reply.result = answer_let_go(b, question);
		break;
	case WIRE_NEXT:
		reply.result = answer_next(b, &reply);
		break;
	case WIRE_NEXT_GHOST:
		reply.result = answer_next_ghost(b, question, &reply);
		break;
	}
	wire_close_fds(fds);
	r = wire_send(sock, &reply, &lent);
	/* Who does not wait for the answer was told that it failed. */
	if (r < 0 && question->op == WIRE_ADD && reply.result == 0)
		table_remove(&b->table, table_find(&b->table, question->kind,
						   question->name));
	return r;
}

/* ---- clients ------------------------------------------------------------ */

static bool is_own_user(int sock)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       peer.uid == geteuid();
}

static int watch(struct broker *b, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };

	return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void greet(struct broker *b, int sock)
{
	struct wire hello = wire_make(WIRE_HELLO, 0, NULL);

	if (!is_own_user(sock) || wire_send(sock, &hello, NULL) < 0 ||
	    watch(b, sock) < 0) {
		close(sock);
		return;
	}
	b->clients++;
}

static int spare_descriptor(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor left: whoever waits must be told, not left waiting. */
static void refuse_one(struct broker *b)
{
	struct wire full = wire_make(WIRE_HELLO, 0, NULL);
	int sock;

	full.result = -EMFILE;
	close(b->spare);
	sock = accept4(b->claim.sock, NULL, NULL, SOCK_CLOEXEC);
	if (sock >= 0) {
		(void)wire_send(sock, &full, NULL);
		close(sock);
	}
	b->spare = spare_descriptor();
}

/* Returns whether there was somebody. */
static bool welcome(struct broker *b)
{
	int sock = accept4(b->claim.sock, NULL, NULL,
			   SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock >= 0)
		greet(b, sock);
	else if (errno == EMFILE || errno == ENFILE)
		refuse_one(b);
	else
		return errno != EAGAIN && errno != EWOULDBLOCK;
	return true;
}

static void serve(struct broker *b, int sock)
{
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire question;
	int r;

	r = wire_receive(sock, WIRE_FROM_CLIENT, &question, &fds);
	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = answer(b, sock, &question, &fds);
	if (r == -EMFILE) {
		question.result = -EMFILE;
		r = wire_send(sock, &question, NULL);
	}
	if (r < 0) {
		/* Gone, or not one that we can talk to. Closing unwatches. */
		close(sock);
		b->clients--;
	}
}

/* ---- life --------------------------------------------------------------- */

/*
 * Nobody wanted anything for a while, and nobody is here. May we leave? With
 * names only if nobody can find us any more, as after rm -r of our directory.
 */
static bool may_leave(struct broker *b)
{
	if (b->table.count > 0 && rundir_is_held(&b->rundir, &b->claim))
		return false;
	/* The last look; see the head of this file. */
	return !welcome(b) && b->clients == 0;
}

static void run(struct broker *b)
{
	int idle = IDLE_MS;

	while (!b->ending) {
		bool busy = b->clients && !b->table.transient;
		struct epoll_event event;
		int n = epoll_wait(b->epoll, &event, 1, busy ? -1 : idle);

		if (n == 0) {
			forget_all_ghosts(b);
			b->ending = !b->clients && may_leave(b);
			idle = ORPHAN_MS;
		} else if (n > 0) {
			idle = IDLE_MS;
			if (event.data.fd == b->claim.sock)
				(void)welcome(b);
			else
				serve(b, event.data.fd);
		}
	}
}

/* They are of the program that happened to start us: lift the soft ones. */
static void raise_limit(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(resource, &limit);
	}
}

/* Did somebody pass us socket and lock (start.c)? */
static bool were_passed(struct rundir_claim *claim)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid() ||
	    strtol(fds, NULL, 10) != 2)
		return false;
	claim->sock = START_SOCK_FD;
	claim->dir = START_LOCK_FD;
	(void)fcntl(claim->sock, F_SETFD, FD_CLOEXEC);
	(void)fcntl(claim->dir, F_SETFD, FD_CLOEXEC);
	return true;
}

static int take_place(struct broker *b)
{
	int r = rundir_find(&b->rundir);

	if (r < 0) {
		fprintf(stderr, "shmipc-broker: SHMIPC_RUNTIME_DIR is not an "
				"absolute path, or too long\n");
		return r;
	}
	if (were_passed(&b->claim))
		return listen(b->claim.sock,
			      RUNDIR_BACKLOG); /* SO_PEERCRED is ours now */
	r = rundir_claim(&b->rundir, &b->claim);
	if (r == -EBUSY)
		fprintf(stderr, "shmipc-broker: there is one already in %s\n",
			b->rundir.path);
	else if (r < 0)
		fprintf(stderr, "shmipc-broker: %s: %s: %s\n", b->rundir.path,
			b->claim.failed, strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	struct broker b = { .epoll = -1 };

	(void)argv;
	if (argc > 1) {
		fprintf(stderr, "usage: shmipc-broker\n"
				"Keeps the names of memfd objects. Programs "
				"start it when they need it.\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	raise_limit(RLIMIT_NOFILE); /* two descriptors a semaphore */
	raise_limit(RLIMIT_CPU);
	if (take_place(&b) < 0)
		return 1;
	b.spare = spare_descriptor();
	b.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b.epoll < 0 || watch(&b, b.claim.sock) < 0) {
		fprintf(stderr, "shmipc-broker: epoll: %s\n", strerror(errno));
		return 1;
	}
	run(&b);
	rundir_leave(&b.rundir, &b.claim);
	return 0;
}
