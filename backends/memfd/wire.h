/* SPDX-License-Identifier: MIT */
/*
 * The protocol between client and broker.
 *
 * Both ends of a SOCK_SEQPACKET connection. The broker sends a greeting; after
 * that the client sends one request at a time and the broker replies. Every
 * message is one packet of sizeof(struct wire) with at most WIRE_FDS
 * descriptors: a client with more in flight could use up what its user may have
 * in flight (unix(7), ETOOMANYREFS).
 *
 *   WIRE_HELLO   broker: its broker id and the versions that it speaks. Nothing
 *                before it means anything.
 *   WIRE_ADD     kind, name, the descriptor of the memory, an eventfd for each
 *                ksem. 0, or -EEXIST. The broker forgets a transient object
 *                (fdmem.h) when its last user is gone.
 *   WIRE_OPEN    kind, name. 0 with the descriptors, or -ENOENT.
 *   WIRE_UNLINK  kind, name, abi. 0, or -ENOENT; or -EPROTO: it is not what
 *                such a client finds sound, and keeps its name.
 *   WIRE_RELEASE  kind, name: the client has closed this transient object. 0 if
 *                it is forgotten now, -EBUSY if it has a user, or -ENOENT.
 *   WIRE_NEXT    kind, cursor (first 0). A batch of replies, see below. Each is
 *                0 with a name, the next cursor and the descriptor of the
 *                memory (the first that WIRE_OPEN returns), or -ENOENT at the
 *                end.
 *   WIRE_NEXT_ORPHAN  kind, cursor: transient objects without a user. One
 *                reply: 0 with a name and the next cursor, or -ENOENT at the
 *                end. With WIRE_FORGET, the broker forgets what it names.
 *
 * The broker knows no kinds: it stores every kind in the same way, with the
 * descriptors that came.
 *
 * A reply has the op and the nonce of its request, and the broker id, which is
 * random and as old as the names. A request may have the broker id that it was
 * made for; if that is another broker's, the reply is -ESTALE and nothing else
 * happens. A packet that wire_parse() refuses ends the connection.
 *
 * Batches. One round trip for each object would take most of the time of a
 * listing, so one WIRE_NEXT is answered by up to WIRE_BATCH packets, one for
 * each object from the cursor on. The last has WIRE_LAST, or is -ENOENT. The
 * first batch of a connection has one packet: so a client that never reads has
 * no more descriptors in flight than after WIRE_OPEN, and a client that reads,
 * no more than one batch. A client that asks again before it has read all is
 * dropped. Where too many descriptors are in flight anyway, a packet goes
 * without, and ends the batch; the client must open that object by name. A
 * packet that cannot be sent at all ends the connection. After the death of
 * either side in the middle of a batch, or when it was dropped, the client asks
 * again from the cursor of the last reply that it has. So nothing is left out
 * or named twice, and neither side waits until the other reads.
 *
 * The client reads a reply of a batch when it gets to that object, and leaves
 * the others in the socket: it then has the descriptor of one object at a time,
 * and what the program does about that object may need some, or fork. An object
 * that is unlinked while its descriptor is in flight keeps its bytes until the
 * walk ends, or until the process and all forked children that have the socket
 * have exited.
 *
 * Repeating. A connection can end before the reply, because the server was
 * killed. The client does not know then whether its request was carried out, so
 * it connects again and sends it again, with the same nonce; if it was, the
 * broker replies and does not do it twice (broker/supervisor.h). Nonces of
 * requests that change something are random, so that no two clients have the
 * same.
 *
 * Versions. magic, version and the place of oldest are the same in all
 * versions. A broker greets with the newest and the oldest version that it
 * speaks; a client sends requests in the newest that both speak, and gets
 * replies in it, or closes the connection.
 */
#ifndef SHMI_MEMFD_WIRE_H
#define SHMI_MEMFD_WIRE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc-backend.h>

#define WIRE_MAGIC   0x4d485357U /* "WSHM" */
#define WIRE_VERSION 6
#define WIRE_OLDEST  6

#define WIRE_FORGET 0x01U
#define WIRE_LAST   0x02U

/* Replies to one WIRE_NEXT. */
#define WIRE_BATCH 16

/*
 * Seals of every memory that is passed. No process can remove them: this is
 * what makes mapping the memory safe.
 */
#define WIRE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The backend word of a segment that the broker has unlinked. */
#define WIRE_NAMELESS UINT64_C(1)

/* Most descriptors in one message. */
#define WIRE_FDS SHMIPC_SEGMENT_FDS

/* Kinds are numbers from 1 to this. */
#define WIRE_KIND_MAX 255U

/* Room for SHMIPC_NAME_MAX bytes and a NUL, in whole words. */
#define WIRE_NAME 208

enum wire_op {
	WIRE_HELLO = 1,
	WIRE_ADD,
	WIRE_OPEN,
	WIRE_UNLINK,
	WIRE_RELEASE,
	WIRE_NEXT,
	WIRE_NEXT_ORPHAN,
};

struct wire {
	uint32_t magic;
	uint16_t version;
	uint16_t op;	/* enum wire_op */
	uint64_t nonce; /* see above */
	int32_t result; /* replies: 0 or a negative errno value */
	uint32_t kind;	/* enum shmipc_kind; HELLO: 0 */
	union {
		uint32_t cursor; /* NEXT, NEXT_ORPHAN */
		uint32_t oldest; /* HELLO */
	};
	uint32_t fds;	      /* descriptors that come with it */
	char name[WIRE_NAME]; /* NUL-terminated, zero to the end */
	uint32_t flags;	      /* NEXT_ORPHAN: WIRE_FORGET; NEXT: WIRE_LAST */
	uint32_t abi;	      /* UNLINK: the client's shmipc_segment_abi() */
	uint32_t broker_id;   /* requests: see above; HELLO and replies */
	uint8_t reserved[4];
};

static_assert(sizeof(struct wire) == 256, "no padding, the same everywhere");
static_assert(offsetof(struct wire, oldest) == 24, "layout");
static_assert(offsetof(struct wire, name) == 32, "layout");
static_assert(offsetof(struct wire, broker_id) == 248, "layout");

/* The descriptors that belong to a message; -1 behind the last. */
struct wire_fds {
	int fd[WIRE_FDS];
};

#define WIRE_NO_FDS ((struct wire_fds){ { -1, -1, -1, -1 } })

/*
 * Is this memory that is safe to map, whatever its giver does to it? It has all
 * seals, and pages that its giver cannot use up: of memory of huge pages, a
 * hole may raise SIGBUS. Other kinds of files have no seals at all. Does not
 * block on any descriptor. False with errno EBADF: it is not open.
 */
bool wire_is_memory(int fd);

enum wire_from { WIRE_FROM_CLIENT, WIRE_FROM_BROKER };

/* The number of descriptors in front of the first -1. */
unsigned wire_count_fds(const struct wire_fds *fds);

/* Can this be the number of a kind, and are these the same? */
bool wire_has_kind(uint32_t kind);
static inline bool wire_same_kind(uint32_t a, uint32_t b)
{
	return a == b;
}

/* Is this a name without a slash, ended by a NUL, with zeros behind that? */
bool wire_has_name(const char name[WIRE_NAME]);

/* Does this request change what the broker knows? */
bool wire_changes(const struct wire *request);

/*
 * Is this packet, which came with this many descriptors, a message? The
 * function has no state and does no input or output: it is the one place where
 * bytes of a peer are judged.
 *   -EPROTO           no
 *   -EPROTONOSUPPORT  it has a version that we do not speak; for a HELLO, *ret
 *                     has version and oldest
 */
int wire_parse(const void *bytes, size_t length, unsigned fds,
	       enum wire_from from, struct wire *ret);

/* A message in which all other fields are zero. name may be NULL. */
struct wire wire_make(enum wire_op op, uint32_t kind, const char *name);

/*
 * Send one packet with the first count descriptors; flags as of sendmsg(2).
 *   -EAGAIN        no room, with MSG_DONTWAIT or SO_SNDTIMEO
 *   -ETOOMANYREFS  too many descriptors of this user are in flight
 *   other errors of sendmsg(2)
 */
int wire_send_packet(int sock, const void *bytes, size_t length, unsigned count,
		     const struct wire_fds *fds, int flags);

/*
 * Receive one packet of at most this length, and its descriptors. Returns its
 * length, or
 *   -EAGAIN      no packet now, or a signal came first
 *   -EPIPE       the peer is gone, and everything it sent has been received
 *   -ECONNRESET  the peer is gone, and had not read everything
 *   -EMFILE      this process has no room for the descriptors; all are closed,
 *                but the bytes are there
 *   -EPROTO      more than WIRE_FDS descriptors came with it
 */
ssize_t wire_receive_packet(int sock, void *bytes, size_t length,
			    unsigned *count, struct wire_fds *fds, int flags);

/*
 * Send without blocking, with message->fds descriptors.
 *   -EAGAIN  the peer does not read
 *   other errors of sendmsg(2)
 */
int wire_send(int sock, const struct wire *message, const struct wire_fds *fds);

/*
 * Receive one message; blocks if the socket does. On success the descriptors
 * in *fds are the caller's, exactly ret->fds of them.
 *   -EAGAIN      no message now, or a signal came first
 *   -EPIPE -ECONNRESET        the peer is gone
 *   -EPROTO -EPROTONOSUPPORT  not a message; its descriptors are closed
 *   -EMFILE      no room for its descriptors; *ret has its nonce
 */
int wire_receive(int sock, enum wire_from from, struct wire *ret,
		 struct wire_fds *fds);

/*
 * Receive one message as wire_receive() does, but let the kernel close its
 * descriptors: the caller may have no room for them.
 */
int wire_skip(int sock, enum wire_from from, struct wire *ret);

void wire_close_fds(struct wire_fds *fds);

#endif
