/* SPDX-License-Identifier: MIT */
/*
 * What a client should not do. Each way is a bout of some packets; a
 * client that is thrown out in the middle of it connects again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/memfd/wire.h"
#include "tests/broker/hostile.h"

#define FDS_MOST 253 /* in one packet: SCM_MAX_FD of the kernel */
#define PACKETS	 50  /* in a bout */
#define SILENT	 300 /* of each attacker; the broker has room for 1,024 */

static int come(void)
{
	int sock = connect_raw(getenv("SHMIPC_RUNTIME_DIR"));

	if (sock >= 0)
		atomic_fetch_add(&hostile_shared->connects, 1);
	return sock;
}

/* Returns whether it was sent. A socket that stays full is given up. */
static bool say(int sock, const void *bytes, size_t length, int fd,
		unsigned fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { (void *)bytes, length };
	struct msghdr h = { .msg_iov = &part, .msg_iovlen = 1 };
	struct pollfd p = { .fd = sock, .events = POLLOUT };
	struct cmsghdr *c;
	int numbers[FDS_MOST];

	for (unsigned i = 0; i < fds; i++)
		numbers[i] = fd;
	if (fds) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), numbers, fds * sizeof(int));
	}
	if (poll(&p, 1, 20) != 1 ||
	    sendmsg(sock, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return false;
	atomic_fetch_add(&hostile_shared->packets, 1);
	return true;
}

static struct wire some_question(void)
{
	static const enum wire_op ops[] = { WIRE_OPEN,	      WIRE_UNLINK,
					    WIRE_RELEASE,     WIRE_NEXT,
					    WIRE_NEXT_ORPHAN, WIRE_ADD };
	enum wire_op op = ops[dice(6)];
	struct wire m = wire_make(op, SHMIPC_SHM,
				  op == WIRE_NEXT || op == WIRE_NEXT_ORPHAN
					  ? NULL
					  : "no.such.name");

	m.nonce = dice(1000000);
	return m;
}

/* Ask and ask, and read no reply. */
static void flood(void)
{
	struct wire m;
	int sock = come();

	for (int i = 0; i < 4 * PACKETS && sock >= 0; i++) {
		m = some_question();
		if (m.op != WIRE_ADD && !say(sock, &m, sizeof(m), -1, 0))
			break;
	}
	close(sock);
}

/* Anything, or a request with some bytes changed. */
static void garbage(void)
{
	char bytes[2 * sizeof(struct wire)];
	int sock = -1;

	for (int i = 0; i < PACKETS; i++) {
		struct wire m = some_question();
		size_t n = dice(3) ? sizeof(m) : dice(sizeof(bytes));
		unsigned changes = dice(2) ? 1 + dice(3) : sizeof(bytes);

		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, &m, sizeof(m));
		while (changes--)
			bytes[dice(sizeof(bytes))] = (char)dice(256);
		if (sock < 0)
			sock = come();
		if (sock < 0)
			return;
		if (say(sock, bytes, n, STDERR_FILENO, dice(4)))
			continue;
		close(sock);
		sock = -1;
	}
	close(sock);
}

/* Nothing at all, or the first half of a request, or one and a half. */
static void halves(void)
{
	static const size_t lengths[] = { 0,
					  1,
					  sizeof(struct wire) / 2,
					  sizeof(struct wire) - 1,
					  sizeof(struct wire) + 1,
					  4096 };
	char bytes[4096] = { 0 };

	for (int i = 0; i < PACKETS; i++) {
		struct wire m = some_question();
		int sock = come();

		memcpy(bytes, &m, sizeof(m));
		if (sock < 0)
			return;
		while (say(sock, bytes, lengths[dice(6)], -1, 0) && dice(4))
			;
		close(sock);
	}
}

/* More descriptors than a request may have. */
static void load(void)
{
	for (int i = 0; i < PACKETS / 5; i++) {
		struct wire m = wire_make(WIRE_ADD, 1 + dice(2), "load");
		unsigned fds = dice(2) ? FDS_MOST : dice(FDS_MOST);
		int sock = come();

		m.fds = dice(2) ? fds : dice(3);
		if (sock < 0)
			return;
		while (say(sock, &m, sizeof(m), STDERR_FILENO, fds) && dice(4))
			;
		close(sock);
	}
}

/* One descriptor of each kind that is no object; -1 at the end. */
static const int *wrong_fds(void)
{
	static int fds[10];
	int pair[2], memory, n = 0;
	char path[64];

	if (fds[0])
		return fds;
	if (pipe2(pair, O_CLOEXEC) == 0) {
		fds[n++] = pair[0];
		fds[n++] = pair[1];
	}
	fds[n++] = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[n++] = open("/dev/shm", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	fds[n++] = eventfd(0, EFD_CLOEXEC); /* it blocks */
	fds[n++] = epoll_create1(EPOLL_CLOEXEC);
	fds[n++] = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	memory = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	(void)fcntl(memory, F_ADD_SEALS, WIRE_SEALS);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	fds[n++] = open(path, O_RDONLY | O_CLOEXEC); /* and it is read-only */
	fds[n] = -1;
	return fds;
}

/* Things that are no objects; the reply is read, and must be no. */
static void wrong_kinds(void)
{
	const int *fds = wrong_fds();
	int sock = come();

	for (int i = 0; i < PACKETS && sock >= 0; i++) {
		struct wire m = wire_make(WIRE_ADD, 1 + dice(2), "wrong"), got;
		struct pollfd p = { .fd = sock, .events = POLLIN };

		m.nonce = dice(1000000);
		m.fds = (1 + shmipc_kind_find((enum shmipc_kind)m.kind)->ksems);
		if (!say(sock, &m, sizeof(m), fds[dice(8)], m.fds))
			break;
		while (poll(&p, 1, 5000) == 1 &&
		       recv(sock, &got, sizeof(got), 0) == sizeof(got)) {
			if (got.op == WIRE_HELLO)
				continue;
			if (got.result >= 0)
				complain("what is no object got a name");
			break;
		}
	}
	close(sock);
}

/* Come, and say nothing; or not even wait to be greeted. */
static void silence(void)
{
	int socks[SILENT], n = 0;

	while (n < SILENT && (socks[n] = come()) >= 0)
		n++;
	nap_us(dice(2) ? 0 : dice(20000));
	while (n)
		close(socks[--n]);
}

/* Silence is most of the work, and least of the packets. */
static void (*const bouts[])(void) = {
	flood, garbage, halves,	     load,  wrong_kinds,
	flood, garbage, wrong_kinds, flood, garbage,
	flood, garbage, wrong_kinds, flood, silence,
};

void attack(unsigned slot)
{
	(void)slot;
	for (;;) {
		switch (atomic_load(&hostile_shared->phase)) {
		case END:
			return;
		case QUIET:
		case REST:
			nap_us(1000);
			break;
		case ATTACK:
			bouts[dice(sizeof(bouts) / sizeof(bouts[0]))]();
			break;
		}
	}
}
