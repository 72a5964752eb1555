/* SPDX-License-Identifier: MIT */
/*
 * What client and broker say to each other.
 *
 * One SOCK_SEQPACKET connection. The broker greets; after that the client
 * asks and the broker answers, one at a time. Every message is one packet of
 * sizeof(struct wire), and carries at most WIRE_FDS descriptors: a client with
 * more in flight could use up what its user may have (unix(7), ETOOMANYREFS).
 *
 *   WIRE_HELLO   broker: who I am. Nothing before it means anything.
 *   WIRE_ADD     kind, name, 1 descriptor (region) or 2 (semaphore: header,
 *                eventfd). 0, or -EEXIST.
 *                A transient one (fdmem.h) is forgotten with its last user.
 *   WIRE_OPEN    kind, name. 0 with the descriptors, or -ENOENT.
 *   WIRE_UNLINK  kind, name, abi. 0, or -ENOENT, or -EPROTO: it is not what the
 *                client would call sound, and keeps its name.
 *   WIRE_LET_GO  kind, name: somebody closed a transient object. 0 if it is
 *                forgotten now, -EBUSY if it is used, or -ENOENT.
 *   WIRE_NEXT    kind, cursor (first 0). 0 with a name and the next cursor,
 *                or -ENOENT at the end.
 *
 *   WIRE_NEXT_GHOST  the same for transient objects without a user. With
 *                WIRE_FORGET, each is forgotten when it is named.
 *
 * An answer has the op and the nonce of its question. A packet that
 * wire_parse() refuses ends the connection.
 */
#ifndef SHMI_MEMFD_WIRE_H
#define SHMI_MEMFD_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <shmipc.h>

#define WIRE_MAGIC   0x4d485357U /* "WSHM" */
#define WIRE_VERSION 3

#define WIRE_FORGET 0x01U

/*
 * Sealed in every memory that is passed, against everybody: this is what makes
 * mapping it safe.
 */
#define WIRE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Descriptors in one message. */
#define WIRE_FDS 2

enum wire_op {
	WIRE_HELLO = 1,
	WIRE_ADD,
	WIRE_OPEN,
	WIRE_UNLINK,
	WIRE_LET_GO,
	WIRE_NEXT,
	WIRE_NEXT_GHOST,
};

struct wire {
	uint32_t magic;
	uint16_t version;
	uint16_t op;	 /* enum wire_op */
	uint64_t nonce;	 /* questions: any; answers: the question's */
	int32_t result;	 /* answers: 0 or a negative errno value */
	uint32_t kind;	 /* enum shmipc_kind; HELLO: 0 */
	uint32_t cursor; /* NEXT */
	uint32_t fds;	 /* descriptors that come with it */
	char name[208];	 /* NUL-terminated, zero to the end */
	uint32_t flags;	 /* NEXT_GHOST: WIRE_FORGET */
	uint32_t abi;	 /* UNLINK: the client's shmi_header_abi */
	uint8_t reserved[8];
};

static_assert(sizeof(struct wire) == 256, "no padding, the same everywhere");
static_assert(offsetof(struct wire, name) == 32, "layout");

/* Descriptors that belong to a message; -1 where there is none. */
struct wire_fds {
	int fd[WIRE_FDS];
};

#define WIRE_NO_FDS ((struct wire_fds){ { -1, -1 } })

enum wire_from { WIRE_FROM_CLIENT, WIRE_FROM_BROKER };

/* How many descriptors an object of this kind has. */
unsigned wire_fds_of(uint32_t kind);

/*
 * Is this packet, which came with so many descriptors, a message? No input,
 * no output, no state: the one place where bytes of a peer are judged.
 *   -EPROTO          no
 *   -EPROTONOSUPPORT of a version that we do not speak
 */
int wire_parse(const void *bytes, size_t length, unsigned fds,
	       enum wire_from from, struct wire *ret);

/* A message with everything zero but these. name may be NULL. */
struct wire wire_make(enum wire_op op, uint32_t kind, const char *name);

/*
 * Send without blocking; message->fds of the descriptors go along.
 *   -EAGAIN  the peer does not read
 *   other errors of sendmsg(2)
 */
int wire_send(int sock, const struct wire *message, const struct wire_fds *fds);

/*
 * Receive one message; blocks if the socket does. On success the descriptors
 * in *fds are the caller's, exactly message->fds of them.
 *   -EAGAIN      there is none now, or a signal came first
 *   -ECONNRESET  the peer is gone
 *   -EPROTO -EPROTONOSUPPORT  not a message; whatever came along is closed
 *   -EMFILE      its descriptors had no room here; ret has its nonce
 */
int wire_receive(int sock, enum wire_from from, struct wire *ret,
		 struct wire_fds *fds);

void wire_close_fds(struct wire_fds *fds);

#endif
