/* SPDX-License-Identifier: MIT */
/*
 * memfd: memfd_create(2) memory and eventfd(2) semaphores.
 *
 * It needs no mount and has no limit but memory, which is sealed, so that no
 * peer can truncate it while we use it. But descriptors have no names: a broker
 * of two processes for each user keeps the names (backends/memfd/broker/). So
 * objects belong to one user, their names are lost if the broker is killed, and
 * every open takes a round trip to it; a listing takes one for WIRE_BATCH
 * objects. An eventfd wakes all its sleepers, and all but one sleep again.
 *
 * A transient object's users are known as on posix (fdmem/usemark.h). A process
 * that closes one tells the broker, which then looks whether it has another
 * user. The broker also looks when it is asked for the name, and now and then,
 * so that nothing depends on this message.
 *
 * Death. The broker learns of an object when it is complete (WIRE_ADD). A
 * creator that is killed before that leaves nothing: the kernel frees memory
 * that has no descriptor. If it is killed after the request, the object has its
 * name if the broker could send the reply. broker/supervisor.h says what the
 * death of the broker means.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/memfd/ksem.h"
#include "backends/memfd/listing.h"
#include "backends/memfd/memfd.h"
#include "backends/memfd/memory.h"
#include "backends/memfd/start.h"

static int memfd_probe(void)
{
	int fd = memory_make("shmipc.probe", 0600);

	if (fd < 0 && fd != -EMFILE && fd != -ENFILE)
		return shmipc_backend_error(-ENOSYS,
					    "memfd_create(2) does not work: %s",
					    strerror(-fd));
	if (fd >= 0)
		close(fd);
	if (access("/proc/thread-self/fd", X_OK) < 0)
		return shmipc_backend_error(-ENOSYS, "/proc is not mounted");
	/* A broker may run already, and imported objects need none. */
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

/* /proc/PID/maps shows the kind and the name. */
static int make_file(const struct shmipc_segment *seg, mode_t mode)
{
	char name[SHMIPC_NAME_MAX + 16];

	snprintf(name, sizeof(name), "shmipc.%s.%s", seg->kind->name,
		 seg->name);
	return memory_make(name, mode);
}

static int memfd_segment_create(struct shmipc_segment *seg, size_t length,
				mode_t mode, unsigned flags)
{
	int fd, own, r;

	if (mode & 077)
		return shmipc_backend_error(
			-ENOTSUP,
			"memfd objects belong to one user: mode %04o has bits "
			"for others; use posix or sysv, or 0600",
			(unsigned)mode);
	fd = make_file(seg, mode);
	if (fd < 0)
		return fd;
	/* Before the mode forbids it: the creator's mapping is writable. */
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

static void close_given(struct shmipc_segment *seg)
{
	if (memfd_of(seg)->given)
		close(memfd_of(seg)->given - 1);
	memfd_of(seg)->given = 0;
}

/* broker_id: as in the request of client_ask() */
static int unlink_of_broker(void *conn, const struct shmipc_kind_info *kind,
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
	return unlink_of_broker(conn, kind, name, 0);
}

/* From now on, the names of this connection are of one broker: binding.h. */
static int bind_segment(struct shmipc_segment *seg, uint32_t broker_id)
{
	struct memfd_conn *conn = seg->conn;

	return binding_add(&conn->bindings, broker_id, seg,
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
	close_given(seg);
	memfd_of(seg)->published = true;
	r = bind_segment(seg, reply.broker_id);
	if (r < 0)
		(void)unlink_of_broker(seg->conn, seg->kind, seg->name,
				       reply.broker_id);
	return r;
}

/* Open what the broker has sent; takes the descriptors that are kept. */
static int open_sent(struct shmipc_segment *seg, unsigned flags,
		     const struct wire *reply, struct wire_fds *fds)
{
	int r = memory_map(seg, fds->fd[0], flags);

	memfd_of(seg)->published = true;
	if (r < 0 || flags & SHMIPC_SEGMENT_PEEK)
		return r;
	r = bind_segment(seg, reply->broker_id);
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

	r = memory_request(seg, flags, &reply, &fds);
	if (r == 0)
		r = open_sent(seg, flags, &reply, &fds);
	wire_close_fds(&fds);
	return r;
}

/* The broker looks whether a transient segment has another user. */
static void release_transient(struct shmipc_segment *seg)
{
	struct wire request =
		wire_make(WIRE_RELEASE, (uint32_t)seg->kind->kind, seg->name);
	struct wire_fds none;
	struct wire reply;

	request.broker_id = CLIENT_ANY;
	/* A broker that does not get this finds out by itself, later. */
	(void)client_ask(seg->conn, CLIENT_BRIEFLY, &request, NULL, &reply,
			 &none);
}

static void memfd_segment_close(struct shmipc_segment *seg)
{
	const struct memfd *m = memfd_of(seg);
	bool used = m->mem.transient && m->published && !m->mem.peeked;
	struct memfd_conn *conn = seg->conn;

	binding_remove(&conn->bindings, m->binding);
	memfd_ksem_close(seg);
	close_given(seg);
	fdmem_unmap(seg);
	if (used)
		release_transient(seg);
}

static int memfd_segment_stat(struct shmipc_segment *seg,
			      struct shmipc_segment_stat *ret)
{
	return fdmem_stat(seg, ret);
}

static int memfd_segment_export(struct shmipc_segment *seg, unsigned flags,
				int fds[SHMIPC_SEGMENT_FDS])
{
	int r = fdmem_export(seg, flags);

	if (r < 0)
		return r;
	fds[0] = r;
	r = flags & SHMIPC_SEGMENT_RDONLY ? 0 : memfd_ksem_export(seg, fds);
	for (unsigned i = 0; r < 0 && i < SHMIPC_SEGMENT_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return r;
}

static int memfd_segment_import(struct shmipc_segment *seg,
				const int fds[SHMIPC_SEGMENT_FDS],
				unsigned flags)
{
	int r;

	r = memory_check(fds[0]);
	if (r == 0 && !(flags & SHMIPC_SEGMENT_RDONLY))
		r = memfd_ksem_import(seg, fds);
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

const struct shmipc_backend shmi_backend_memfd = {
	.abi = SHMIPC_BACKEND_ABI,
	.caps = SHMIPC_CAP_FDS,
	.name = "memfd",
	.objects = "memfd_create(2), eventfd(2)",
	.conn_size = sizeof(struct memfd_conn),
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
