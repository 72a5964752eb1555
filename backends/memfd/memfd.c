/* SPDX-License-Identifier: MIT */
/*
 * memfd: memfd_create(2) memory and eventfd(2) semaphores.
 *
 * No mount and no limit but memory, sealed so that no peer can truncate it
 * under our feet. But descriptors have no names: a broker, two processes for
 * each user, keeps them (backends/memfd/). So objects are one user's, their
 * names go with the broker if that is killed, and every open takes a round trip
 * to it; a listing takes one for WIRE_BATCH of them. An eventfd wakes all who
 * read it, and sends all but one to sleep again.
 *
 * A descriptor that was passed on is the same description for all, and who is
 * locked in cannot be told from who is not. So everybody maps a description
 * of his own, reopened through /proc, which also makes the kernel check the
 * mode; the broker has the one that it was given. Each handle keeps a
 * descriptor of his, so that it can be handed over past the broker
 * (fdmem_export()).
 *
 * A transient object's users are known as on posix (fdmem/usemark.h). Who closes
 * one lets the broker see whether there is another user; the broker sees it by
 * itself when it is asked for the name, and now and then, so that nothing rests
 * on this message.
 *
 * Death. The broker learns of an object when it is complete (WIRE_ADD). A
 * creator killed before leaves nothing: the kernel frees what has no
 * descriptor. Killed after the request, the object has its name if the broker
 * could send the reply. What the broker's own death means: memfd/supervisor.h.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/fdmem/fdmem.h"
#include "backends/memfd/client.h"
#include "backends/memfd/event.h"
#include "backends/memfd/listing.h"
#include "backends/memfd/memfd.h"
#include "backends/memfd/start.h"
#include "util/clock.h"

/* Since Linux 6.3; the numbers are of linux/memfd.h. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

struct memfd {
	struct fdmem mem; /* first: fdmem.h */
	int given;	  /* +1: the description that the broker will have */
	int events[SHMIPC_KSEMS_MAX]; /* the ksems: +1 */
	bool published;
	struct binding *binding; /* or NULL */
};

static struct memfd *memfd_of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

static void close_kept(int *fd_plus_1)
{
	if (*fd_plus_1)
		close(*fd_plus_1 - 1);
	*fd_plus_1 = 0;
}

/* ---- ksems -------------------------------------------------------------- */

static void memfd_ksem_close(struct shmipc_segment *seg)
{
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		close_kept(&memfd_of(seg)->events[i]);
}

static int memfd_ksem_create(struct shmipc_segment *seg, mode_t mode)
{
	(void)mode; /* who gets the descriptor may use it */
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);

		if (fd < 0) {
			int r = -errno;

			memfd_ksem_close(seg);
			return r;
		}
		memfd_of(seg)->events[i] = fd + 1;
	}
	return 0;
}

static int memfd_ksem_open(struct shmipc_segment *seg)
{
	/* They came with the segment. */
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		if (!memfd_of(seg)->events[i])
			return -EPROTO;
	return 0;
}

static int memfd_ksem_wait(struct shmipc_segment *seg, unsigned index,
			   const struct timespec *deadline)
{
	struct pollfd p = { .fd = memfd_of(seg)->events[index] - 1,
			    .events = POLLIN };
	struct timespec left = shmi_clock_left(deadline);
	int n;

	n = ppoll(&p, 1, &left, NULL);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	/* All sleepers were woken. One that comes too late looks in vain. */
	event_take(p.fd);
	return 0;
}

static void memfd_ksem_post(struct shmipc_segment *seg, unsigned index)
{
	const uint64_t token = 1;

	/*
	 * EAGAIN: there are tokens enough. Not write(3): it is a cancellation
	 * point, which a post must not be.
	 */
	(void)syscall(SYS_write, memfd_of(seg)->events[index] - 1, &token,
		      sizeof(token));
}

/* ---- segments ----------------------------------------------------------- */

/*
 * vm.memfd_noexec=2 refuses what may be executed, and, up to Linux 6.5, what
 * does not say. Older kernels do not know the flags.
 */
static int make_memfd(const char *name, mode_t mode)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(
		name, flags | (mode & 0111 ? MFD_EXEC : MFD_NOEXEC_SEAL));

	return fd < 0 && errno == EINVAL ? memfd_create(name, flags) : fd;
}

static int memfd_probe(void)
{
	int fd = make_memfd("shmipc.probe", 0600);

	if (fd < 0 && errno != EMFILE && errno != ENFILE)
		return shmipc_backend_error(-ENOSYS,
					    "memfd_create(2) does not work: %s",
					    strerror(errno));
	if (fd >= 0)
		close(fd);
	if (access("/proc/thread-self/fd", X_OK) < 0)
		return shmipc_backend_error(-ENOSYS, "/proc is not mounted");
	/* Somebody else's may run, and what is handed over needs none. */
	if (access(start_program(), X_OK) < 0)
		return shmipc_backend_error(-ENOTCONN,
					    "its broker %s cannot be run: %s",
					    start_program(), strerror(errno));
	return 0;
}

static void memfd_conn_close(void *conn)
{
	client_close(conn);
}

/* An anonymous file that shows in /proc/PID/maps under our name. */
static int make_file(const struct shmipc_segment *seg, mode_t mode)
{
	char name[SHMIPC_NAME_MAX + 16];
	int fd;

	snprintf(name, sizeof(name), "shmipc.%s.%s", seg->kind->name,
		 seg->name);
	fd = make_memfd(name, mode);
	return fd < 0 ? -errno : fd;
}

static int memfd_segment_create(struct shmipc_segment *seg, size_t length,
				mode_t mode, unsigned flags)
{
	int fd, own, r;

	if (mode & 077)
		return shmipc_backend_error(
			-ENOTSUP,
			"memfd objects live with one user: mode "
			"%04o has bits for others; use posix or "
			"sysv, or 0600",
			(unsigned)mode);
	fd = make_file(seg, mode);
	if (fd < 0)
		return fd;
	/* Before its mode forbids it: the creator's mapping is writable. */
	own = fdmem_reopen(fd, O_RDWR);
	if (own < 0) {
		r = own;
		goto err_fd;
	}
	r = fdmem_reserve(fd, length, flags, "memory");
	if (r < 0)
		goto err_own;
	if (fcntl(fd, F_ADD_SEALS, WIRE_SEALS) < 0) {
		r = -errno;
		goto err_own;
	}
	memfd_of(seg)->mem.keeps = true;
	r = fdmem_map_new(seg, own, length, mode, flags);
	if (r < 0)
		goto err_own;
	memfd_of(seg)->given = fd + 1;
	return 0;

err_own:
	close(own);
err_fd:
	close(fd);
	return r;
}

/* broker id: as client_ask() has it */
static int unlink_at(void *conn, const struct shmipc_kind_info *kind,
		     const char *name, uint32_t broker_id)
{
	struct wire request =
		wire_make(WIRE_UNLINK, (uint32_t)kind->kind, name);
	struct wire_fds none;
	struct wire reply;

	request.abi = shmipc_segment_abi();
	request.broker_id = broker_id;
	return client_ask(conn, CLIENT_ASK, &request, NULL, &reply, &none);
}

static int memfd_segment_unlink(void *conn, const struct shmipc_kind_info *kind,
				const char *name)
{
	return unlink_at(conn, kind, name, 0);
}

/* From now on, this connection has something to lose: binding.h. */
static int hold(struct shmipc_segment *seg, uint32_t broker_id)
{
	struct client *client = seg->conn;

	return binding_add(&client->bindings, broker_id, seg,
			   &memfd_of(seg)->binding);
}

static int memfd_segment_publish(struct shmipc_segment *seg)
{
	struct wire request =
		wire_make(WIRE_ADD, (uint32_t)seg->kind->kind, seg->name);
	struct wire_fds fds = WIRE_NO_FDS, none;
	struct wire reply;
	int r;

	fds.fd[0] = memfd_of(seg)->given - 1;
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		fds.fd[1 + i] = memfd_of(seg)->events[i] - 1;
	request.fds = 1 + seg->kind->ksems;
	r = client_ask(seg->conn, CLIENT_START, &request, &fds, &reply, &none);
	if (r < 0)
		return r;
	close_kept(&memfd_of(seg)->given);
	memfd_of(seg)->published = true;
	r = hold(seg, reply.broker_id);
	if (r < 0)
		(void)unlink_at(seg->conn, seg->kind, seg->name,
				reply.broker_id);
	return r;
}

/* What somebody handed out: is it memory that nobody can truncate? */
static int check_memory(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 && errno == EBADF)
		return -EBADF;
	if (seals < 0 || (seals & WIRE_SEALS) != WIRE_SEALS)
		return shmipc_backend_error(
			-EPROTO, "what is there is not a sealed memfd; it was "
				 "left as it is");
	return 0;
}

/* Map a description of our own of what the broker handed out. */
static int map_memory(struct shmipc_segment *seg, int fd, unsigned flags)
{
	bool writable = !(flags & SHMIPC_SEGMENT_RDONLY);
	int own, r;

	r = check_memory(fd);
	if (r < 0)
		return r;
	own = fdmem_reopen(fd, writable ? O_RDWR : O_RDONLY);
	if (own < 0)
		return own;
	memfd_of(seg)->mem.keeps = !(flags & SHMIPC_SEGMENT_PEEK);
	r = fdmem_map(seg, own, flags);
	if (r == 0)
		return 0;
	close(own);
	/* The broker will see that too, when it is asked again. */
	if (r == -ESTALE)
		r = flags & SHMIPC_SEGMENT_PEEK ? -ENOENT : -EAGAIN;
	return r;
}

static int find_object(const struct shmipc_segment *seg, unsigned flags,
		       struct wire *reply, struct wire_fds *fds)
{
	struct wire request =
		wire_make(WIRE_OPEN, (uint32_t)seg->kind->kind, seg->name);
	int r;

	if (flags & SHMIPC_SEGMENT_PEEK)
		request.broker_id = CLIENT_ANY;
	r = client_ask(seg->conn,
		       flags & SHMIPC_SEGMENT_NOWAIT ? CLIENT_BRIEFLY
						     : CLIENT_ASK,
		       &request, NULL, reply, fds);
	if (r < 0 || wire_count_fds(fds) == 1 + seg->kind->ksems)
		return r;
	wire_close_fds(fds);
	return shmipc_backend_error(-EPROTO, "what is there has another number "
					     "of kernel semaphores");
}

/* Open what the broker handed out; takes the descriptors that it keeps. */
static int open_object(struct shmipc_segment *seg, unsigned flags,
		       const struct wire *reply, struct wire_fds *fds)
{
	int r = map_memory(seg, fds->fd[0], flags);

	memfd_of(seg)->published = true;
	if (r < 0 || flags & SHMIPC_SEGMENT_PEEK)
		return r;
	r = hold(seg, reply->broker_id);
	if (r < 0) {
		fdmem_unmap(seg);
		return r;
	}
	for (unsigned i = 0; i < seg->kind->ksems; i++)
		if (!(flags & SHMIPC_SEGMENT_RDONLY)) {
			memfd_of(seg)->events[i] = fds->fd[1 + i] + 1;
			fds->fd[1 + i] = -1;
		}
	return 0;
}

static int memfd_segment_open(struct shmipc_segment *seg, unsigned flags)
{
	struct wire_fds fds = WIRE_NO_FDS;
	struct wire reply;
	int r;

	r = find_object(seg, flags, &reply, &fds);
	if (r == 0)
		r = open_object(seg, flags, &reply, &fds);
	for (unsigned i = 0; i < WIRE_FDS; i++)
		if (fds.fd[i] >= 0)
			close(fds.fd[i]);
	return r;
}

/* The broker sees whether a transient segment has another user. */
static void release_transient(struct shmipc_segment *seg)
{
	struct wire request =
		wire_make(WIRE_RELEASE, (uint32_t)seg->kind->kind, seg->name);
	struct wire_fds none;
	struct wire reply;

	request.broker_id = CLIENT_ANY;
	/* If it cannot be told, it sees that later by itself. */
	(void)client_ask(seg->conn, CLIENT_BRIEFLY, &request, NULL, &reply,
			 &none);
}

static void memfd_segment_close(struct shmipc_segment *seg)
{
	const struct memfd *m = memfd_of(seg);
	bool used = m->mem.transient && m->published && !m->mem.peeked;
	struct client *client = seg->conn;

	binding_remove(&client->bindings, m->binding);
	memfd_ksem_close(seg);
	close_kept(&memfd_of(seg)->given);
	fdmem_unmap(seg);
	if (used)
		release_transient(seg);
}

static int memfd_segment_stat(struct shmipc_segment *seg,
			      struct shmipc_segment_stat *ret)
{
	return fdmem_stat(seg, ret);
}

static int export_events(struct shmipc_segment *seg,
			 int fds[SHMIPC_SEGMENT_FDS])
{
	for (unsigned i = 0; i < seg->kind->ksems; i++) {
		int event = event_dup(memfd_of(seg)->events[i] - 1);

		if (event < 0)
			return event == -EPROTO ? -EBADF : event;
		fds[1 + i] = event;
	}
	return 0;
}

static int memfd_segment_export(struct shmipc_segment *seg, unsigned flags,
				int fds[SHMIPC_SEGMENT_FDS])
{
	int r = fdmem_export(seg, flags);

	if (r < 0)
		return r;
	fds[0] = r;
	r = flags & SHMIPC_SEGMENT_RDONLY ? 0 : export_events(seg, fds);
	for (unsigned i = 0; r < 0 && i < SHMIPC_SEGMENT_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r;
}

static int import_event(struct shmipc_segment *seg, unsigned index, int fd)
{
	int own = event_dup(fd);
	int r;

	if (own < 0)
		return own;
	r = event_check(own);
	if (r < 0)
		close(own);
	else
		memfd_of(seg)->events[index] = own + 1;
	return r;
}

static int memfd_segment_import(struct shmipc_segment *seg,
				const int fds[SHMIPC_SEGMENT_FDS],
				unsigned flags)
{
	bool writable = !(flags & SHMIPC_SEGMENT_RDONLY);
	int r;

	r = check_memory(fds[0]);
	for (unsigned i = 0; r == 0 && writable && i < seg->kind->ksems; i++)
		r = import_event(seg, i, fds[1 + i]);
	if (r == 0)
		r = fdmem_import(seg, fds[0], flags);
	memfd_of(seg)->published = true;
	if (r == 0)
		return 0;
	memfd_ksem_close(seg);
	return r == -ESTALE
		       ? shmipc_backend_error(
				 -ENOENT, "it is transient and has no user any "
					  "more")
		       : r;
}

struct listed {
	struct shmipc_segment *seg;
	int (*found)(struct shmipc_segment *seg, void *arg);
	void *arg;
};

/* Map the header of a listed object, if it still has its name. */
static int peek_listed(struct shmipc_segment *seg, const struct wire_fds *fds)
{
	const unsigned flags = SHMIPC_SEGMENT_PEEK | SHMIPC_SEGMENT_RDONLY |
			       SHMIPC_SEGMENT_NOWAIT;
	int r;

	/* Too many descriptors are in flight: this one was not sent. */
	if (fds->fd[0] < 0)
		return memfd_segment_open(seg, flags);
	r = map_memory(seg, fds->fd[0], flags);
	/* Unlinked since it was sent: another object may have the name now. */
	if (r == 0 && shmipc_segment_word(seg->addr) == WIRE_NAMELESS) {
		fdmem_unmap(seg);
		memset(seg->priv, 0, sizeof(struct memfd));
		return memfd_segment_open(seg, flags);
	}
	return r;
}

static int yield_listed(const char *name, struct wire_fds *fds, void *arg)
{
	struct listed *l = arg;
	int r, over;

	l->seg->name = name;
	r = peek_listed(l->seg, fds);
	wire_close_fds(fds); /* found() may need descriptors */
	if (r < 0) {
		memset(l->seg->priv, 0, sizeof(struct memfd));
		return 0;
	}
	over = l->found(l->seg, l->arg);
	memfd_segment_close(l->seg);
	memset(l->seg->priv, 0, sizeof(struct memfd));
	return over;
}

static int memfd_segment_list(struct shmipc_segment *seg,
			      int (*found)(struct shmipc_segment *seg,
					   void *arg),
			      void *arg)
{
	struct listed l = { seg, found, arg };

	return listing_walk(seg->conn, seg->kind, yield_listed, &l);
}

const struct shmipc_backend shmi_backend_memfd = {
	.abi = SHMIPC_BACKEND_ABI,
	.caps = SHMIPC_CAP_FDS,
	.name = "memfd",
	.objects = "memfd_create(2), eventfd(2)",
	.conn_size = sizeof(struct client),
	.segment_size = sizeof(struct memfd),
	.probe = memfd_probe,
	.conn_close = memfd_conn_close,
	.segment_create = memfd_segment_create,
	.segment_publish = memfd_segment_publish,
	.segment_open = memfd_segment_open,
	.segment_close = memfd_segment_close,
	.segment_stat = memfd_segment_stat,
	.segment_unlink = memfd_segment_unlink,
	.segment_list = memfd_segment_list,
	.lost = memfd_lost,
	.gc = memfd_gc,
	.segment_export = memfd_segment_export,
	.segment_import = memfd_segment_import,
	.ksem_create = memfd_ksem_create,
	.ksem_open = memfd_ksem_open,
	.ksem_wait = memfd_ksem_wait,
	.ksem_post = memfd_ksem_post,
	.ksem_close = memfd_ksem_close,
};
