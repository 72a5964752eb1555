/* SPDX-License-Identifier: MIT */
/* The protocol between client and broker: parsing, sending, receiving. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backends/memfd/wire.h"

unsigned wire_count_fds(const struct wire_fds *fds)
{
	unsigned count = 0;

	while (count < WIRE_FDS && fds->fd[count] >= 0)
		count++;
	return count;
}

bool wire_is_memory(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs fs;

	/* First: a file system of a user may never answer fstatfs(2). */
	if (seals < 0 || (seals & WIRE_SEALS) != WIRE_SEALS)
		return false;
	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == TMPFS_MAGIC;
}

bool wire_has_kind(uint32_t kind)
{
	return kind >= 1 && kind <= WIRE_KIND_MAX;
}

/* Does it have as many descriptors as an object: memory, and maybe ksems? */
static bool has_object_fds(const struct wire *m)
{
	return m->fds >= 1 && m->fds <= WIRE_FDS;
}

bool wire_has_name(const char name[WIRE_NAME])
{
	const char *end = memchr(name, '\0', WIRE_NAME);

	if (!end || !shmipc_name_is_valid(name))
		return false;
	for (; end < name + WIRE_NAME; end++)
		if (*end)
			return false;
	return true;
}

bool wire_changes(const struct wire *request)
{
	switch (request->op) {
	case WIRE_ADD:
	case WIRE_UNLINK:
	case WIRE_RELEASE:
		return true;
	case WIRE_NEXT_ORPHAN:
		return request->flags & WIRE_FORGET;
	default:
		return false;
	}
}

static bool request_is_sound(const struct wire *m)
{
	if (m->result != 0 || !wire_has_kind(m->kind))
		return false;
	if (m->flags & ~(m->op == WIRE_NEXT_ORPHAN ? WIRE_FORGET : 0U))
		return false;
	switch (m->op) {
	case WIRE_ADD:
		return wire_has_name(m->name) && has_object_fds(m);
	case WIRE_OPEN:
	case WIRE_UNLINK:
	case WIRE_RELEASE:
		return wire_has_name(m->name) && m->fds == 0;
	case WIRE_NEXT:
	case WIRE_NEXT_ORPHAN:
		return m->fds == 0;
	default:
		return false;
	}
}

static bool reply_is_sound(const struct wire *m)
{
	if (m->result > 0 || m->result < -4095)
		return false;
	switch (m->op) {
	case WIRE_HELLO:
	case WIRE_ADD:
	case WIRE_UNLINK:
	case WIRE_RELEASE:
		return m->fds == 0;
	case WIRE_OPEN:
		return m->result < 0
			       ? m->fds == 0
			       : wire_has_kind(m->kind) && has_object_fds(m);
	case WIRE_NEXT:
		return m->result < 0 ? m->fds == 0
				     : wire_has_kind(m->kind) &&
					       wire_has_name(m->name) &&
					       m->fds <= 1 &&
					       !(m->flags & ~WIRE_LAST);
	case WIRE_NEXT_ORPHAN:
		return m->fds == 0 && (m->result < 0 || wire_has_name(m->name));
	default:
		return false;
	}
}

/*
 * Do we speak its version? The broker's greeting may be newer than we are, if
 * the broker still speaks one of ours. oldest is 0 in versions that lack it.
 */
static bool version_is_spoken(const struct wire *m, enum wire_from from)
{
	if (from == WIRE_FROM_BROKER && m->op == WIRE_HELLO && m->oldest)
		return m->version >= WIRE_OLDEST && m->oldest <= WIRE_VERSION;
	return m->version >= WIRE_OLDEST && m->version <= WIRE_VERSION;
}

int wire_parse(const void *bytes, size_t length, unsigned fds,
	       enum wire_from from, struct wire *ret)
{
	struct wire m;
	bool sound;

	if (length != sizeof(m))
		return -EPROTO;
	memcpy(&m, bytes, sizeof(m));
	if (m.magic != WIRE_MAGIC)
		return -EPROTO;
	if (!version_is_spoken(&m, from)) {
		*ret = m;
		return -EPROTONOSUPPORT;
	}
	if (m.fds != fds)
		return -EPROTO;
	sound = from == WIRE_FROM_CLIENT ? request_is_sound(&m)
					 : reply_is_sound(&m);
	if (!sound)
		return -EPROTO;
	*ret = m;
	return 0;
}

struct wire wire_make(enum wire_op op, uint32_t kind, const char *name)
{
	struct wire m = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.op = (uint16_t)op,
		.kind = kind,
	};

	if (name)
		memcpy(m.name, name, strnlen(name, sizeof(m.name) - 1));
	return m;
}

void wire_close_fds(struct wire_fds *fds)
{
	for (int i = 0; i < WIRE_FDS; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
		fds->fd[i] = -1;
	}
}

/* Room for WIRE_FDS descriptors, aligned as cmsg(3) wants it. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(WIRE_FDS * sizeof(int))];
};

static_assert(CMSG_SPACE(WIRE_FDS * sizeof(int)) <
		      CMSG_LEN((WIRE_FDS + 1) * sizeof(int)),
	      "no room for a descriptor that would not be closed");

int wire_send_packet(int sock, const void *bytes, size_t length, unsigned count,
		     const struct wire_fds *fds, int flags)
{
	struct iovec part = { (void *)bytes, length };
	union control control = { .bytes = { 0 } };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (count) {
		size_t size = count * sizeof(int);
		struct cmsghdr *c;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(size);
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), fds->fd, size);
	}
	do
		sent = sendmsg(sock, &header, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int wire_send(int sock, const struct wire *message, const struct wire_fds *fds)
{
	return wire_send_packet(sock, message, sizeof(*message), message->fds,
				fds, MSG_DONTWAIT);
}

/*
 * Take the descriptors out of a control message. It has room for exactly
 * WIRE_FDS of them; the kernel closes further ones and sets MSG_CTRUNC.
 */
static unsigned take_fds(struct msghdr *header, struct wire_fds *fds)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(header);
	size_t size;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return 0;
	size = c->cmsg_len - CMSG_LEN(0);
	if (size > sizeof(fds->fd))
		size = sizeof(fds->fd);
	memcpy(fds->fd, CMSG_DATA(c), size);
	return (unsigned)(size / sizeof(int));
}

ssize_t wire_receive_packet(int sock, void *bytes, size_t length,
			    unsigned *count, struct wire_fds *fds, int flags)
{
	struct iovec part = { bytes, length };
	union control control;
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	*fds = WIRE_NO_FDS;
	n = recvmsg(sock, &header, flags | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN
							      : -errno;

	*count = take_fds(&header, fds);
	if (header.msg_flags & MSG_CTRUNC) {
		wire_close_fds(fds);
		/* More than the message has room for, or than this process. */
		return *count == WIRE_FDS ? -EPROTO : -EMFILE;
	}
	if (n > 0)
		return n;
	wire_close_fds(fds);
	return -EPIPE; /* or an empty packet, which no peer of ours sends */
}

int wire_receive(int sock, enum wire_from from, struct wire *ret,
		 struct wire_fds *fds)
{
	/* One byte more, to recognise a packet that is too long. */
	char bytes[sizeof(struct wire) + 1] = { 0 };
	struct wire_fds got;
	unsigned count = 0;
	ssize_t n;
	int r;

	n = wire_receive_packet(sock, bytes, sizeof(bytes), &count, &got, 0);
	if (n == -EMFILE) {
		/* So that the caller can reply; nothing else is believed. */
		*ret = wire_make(WIRE_ADD, 0, NULL);
		memcpy(&ret->nonce, bytes + offsetof(struct wire, nonce),
		       sizeof(ret->nonce));
	}
	if (n < 0)
		return (int)n;
	r = wire_parse(bytes, (size_t)n, count, from, ret);
	if (r < 0) {
		wire_close_fds(&got);
		return r;
	}
	*fds = got;
	return 0;
}

int wire_skip(int sock, enum wire_from from, struct wire *ret)
{
	char bytes[sizeof(struct wire) + 1] = { 0 };
	uint32_t said;
	ssize_t n;

	/* Without a buffer for them, the kernel closes them. */
	n = recv(sock, bytes, sizeof(bytes), 0);
	if (n < 0)
		return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN
							      : -errno;
	if (n == 0)
		return -EPIPE;
	memcpy(&said, bytes + offsetof(struct wire, fds), sizeof(said));
	return wire_parse(bytes, (size_t)n, said, from, ret);
}
