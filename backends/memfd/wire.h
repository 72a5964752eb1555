/* SPDX-License-Identifier: MIT */
/*
 * What client and broker say to each other.
 *
 * One SOCK_SEQPACKET connection. The broker greets; after that the client
 * asks and the broker replies, one request at a time. Every message is one
 * packet of sizeof(struct wire), and carries at most WIRE_FDS descriptors: a
 * client with more in flight could use up what its user may have (unix(7),
 * ETOOMANYREFS).
 *
 *   WIRE_HELLO   broker: who I am, which versions I speak. Nothing before it
 *                means anything.
 *   WIRE_ADD     kind, name, the descriptor of the memory, and an eventfd for
 *                each ksem. 0, or -EEXIST.
 *                A transient one (fdmem.h) is forgotten with its last user.
 *   WIRE_OPEN    kind, name. 0 with the descriptors, or -ENOENT.
 *   WIRE_UNLINK  kind, name, abi. 0, or -ENOENT, or -EPROTO: it is not what the
 *                client would call sound, and keeps its name.
 *   WIRE_RELEASE  kind, name: somebody closed a transient object. 0 if it is
 *                forgotten now, -EBUSY if it is used, or -ENOENT.
 *   WIRE_NEXT    kind, cursor (first 0). A run of replies, see below. Each is 0
 *                with a name, the next cursor, and the descriptor of the memory
 *                (the first of WIRE_OPEN's), or -ENOENT at the end.
 *
 *   WIRE_NEXT_ORPHAN  kind, cursor: transient objects without a user. One
 *                reply: 0 with a name and the next cursor, or -ENOENT at the
 *                end. With WIRE_FORGET, each is forgotten when it is named.
 *
 * An reply has the op and the nonce of its request, and the broker id of
 * the broker: random, as old as its names. A request that has one, and that of
 * another broker, is answered by -ESTALE and nothing else. A packet that
 * wire_parse() refuses ends the connection.
 *
 * Runs. A way to the broker and back for each object would be most of a
 * listing's time, so one WIRE_NEXT is answered by up to WIRE_BATCH packets, one
 * for each object from the cursor on. The last has WIRE_LAST, or is -ENOENT.
 * The first run of a connection has one packet, so that nobody who never reads
 * has more descriptors on their way than by WIRE_OPEN, and who reads, not more
 * than these: who asks again before he has read all is dropped. Where there
 * are too many on their way all the same, a packet goes without, and ends the
 * run; that object must be asked for. What cannot be sent at all ends the
 * connection. Whoever was killed or dropped in the middle: the client asks
 * again from the cursor of the last reply that came. So nothing is left out,
 * nothing is named twice, and nobody waits until somebody else reads.
 *
 * The client reads an reply of a run when it gets to that object, and leaves
 * the others in the socket, so that it has one object's descriptor at a time,
 * and what is done about that object meanwhile may need some, or fork. What is
 * unlinked while its descriptor is on its way has its bytes for so long: until
 * the walk is over; until its process is dead and so are all forked children
 * who have the socket.
 *
 * Repeating. A connection can end before the reply, because the process that
 * serves it was killed. The client does not know then whether what it wanted
 * was done, so it connects again and asks again, with the same nonce; what was
 * done is answered, and not done twice (supervisor.h). Nonces of requests that
 * change something are random, so that no two clients have the same.
 *
 * Versions. magic, version and the place of oldest are the same in all. A
 * broker greets with the newest and the oldest version that it speaks; a
 * client asks in the newest that both do, and is answered in it, or leaves.
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
 * Sealed in every memory that is passed, against everybody: this is what makes
 * mapping it safe.
 */
#define WIRE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The note of a segment that was unlinked; written by the broker. */
#define WIRE_NAMELESS UINT64_C(1)

/* Most descriptors in one message. */
#define WIRE_FDS SHMIPC_SEGMENT_FDS

/* Numbers of kinds. The broker knows none of them, and keeps all alike. */
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
	uint64_t nonce; /* requests: see above; replies: the request's */
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

/* Descriptors that belong to a message; -1 where there is none. */
struct wire_fds {
	int fd[WIRE_FDS];
};

#define WIRE_NO_FDS ((struct wire_fds){ { -1, -1, -1, -1 } })

enum wire_from { WIRE_FROM_CLIENT, WIRE_FROM_BROKER };

/* How many descriptors there are in front of the first -1. */
unsigned wire_count_fds(const struct wire_fds *fds);

bool wire_has_kind(uint32_t kind);

/* Are these one kind? 0 is any. */
static inline bool wire_same_kind(uint32_t a, uint32_t b)
{
	return !a || !b || a == b;
}

/* Is this a name without a slash, ended by a NUL, and zero behind it? */
bool wire_has_name(const char name[WIRE_NAME]);

/* Does a request of this kind change what the broker knows? */
bool wire_changes(const struct wire *request);

/*
 * Is this packet, which came with so many descriptors, a message? No input,
 * no output, no state: the one place where bytes of a peer are judged.
 *   -EPROTO          no
 *   -EPROTONOSUPPORT of a version that we do not speak; of a HELLO, ret has
 *                    version and oldest
 */
int wire_parse(const void *bytes, size_t length, unsigned fds,
	       enum wire_from from, struct wire *ret);

/* A message with everything zero but these. name may be NULL. */
struct wire wire_make(enum wire_op op, uint32_t kind, const char *name);

/*
 * Send one packet with so many of the descriptors, flags as of sendmsg(2).
 *   -EAGAIN       no room, with MSG_DONTWAIT or SO_SNDTIMEO
 *   -ETOOMANYREFS too many descriptors of this user are on their way
 *   other errors of sendmsg(2)
 */
int wire_send_packet(int sock, const void *bytes, size_t length, unsigned count,
		     const struct wire_fds *fds, int flags);

/*
 * Receive one packet of at most this length, and its descriptors. Returns its
 * length, or
 *   -EAGAIN      there is none now, or a signal came first
 *   -EPIPE       the peer is gone, and this was all
 *   -ECONNRESET  the peer is gone, without having read all
 *   -EMFILE      its descriptors had no room here, all are closed; the bytes
 *                are there
 *   -EPROTO      more than WIRE_FDS descriptors came with it
 */
ssize_t wire_receive_packet(int sock, void *bytes, size_t length,
			    unsigned *count, struct wire_fds *fds, int flags);

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
 *   -EPIPE -ECONNRESET  the peer is gone
 *   -EPROTO -EPROTONOSUPPORT  not a message; whatever came along is closed
 *   -EMFILE      its descriptors had no room here; ret has its nonce
 */
int wire_receive(int sock, enum wire_from from, struct wire *ret,
		 struct wire_fds *fds);

/*
 * Receive one message, and no descriptor, whatever comes with it: for who does
 * not want them, and may have no room for them. As wire_receive().
 */
int wire_skip(int sock, enum wire_from from, struct wire *ret);

void wire_close_fds(struct wire_fds *fds);

#endif
