/* SPDX-License-Identifier: MIT */
/*
 * The journal: the protocol between the broker's two processes (supervisor.h).
 *
 * Both ends of a SOCK_SEQPACKET pair. Every entry is one packet of
 * sizeof(struct journal_entry).
 *
 *   when a server starts, in this order:
 *   JOURNAL_TAKE   supervisor: slot, kind, name and descriptors of an object
 *   JOURNAL_DONE   supervisor: nonce, asked, slot, kind and name of a request
 *                  that was carried out and perhaps not answered
 *   JOURNAL_GO     supervisor: everything has been sent; nonce is the broker id
 *   JOURNAL_READY  server: it has taken over everything
 *
 *   after that, from the server only, before it replies:
 *   JOURNAL_KEEP   slot, kind, name and descriptors of a new object
 *   JOURNAL_DROP   slot of an object whose name is gone
 *   both with nonce and asked of the request that did it, or 0
 */
#ifndef SHMI_MEMFD_JOURNAL_H
#define SHMI_MEMFD_JOURNAL_H

#include "backends/memfd/wire.h"

#define JOURNAL_MAGIC	0x4d485352U /* "RSHM" */
#define JOURNAL_VERSION 3

/*
 * The server need not wake the supervisor for this many entries, for this long,
 * and for memory of at most this many bytes. Descriptors in entries count as in
 * flight, unix(7).
 */
#define JOURNAL_OWED	   16
#define JOURNAL_OWED_MS	   100
#define JOURNAL_OWED_BYTES 65536

/*
 * Slots have smaller numbers; so this is also the largest number of names. All
 * of them are handed over to a new server, a few us each, while clients wait
 * (SHMI_PEER_TIMEOUT_MS).
 */
#define JOURNAL_SLOTS (UINT32_C(1) << 17)

enum journal_op {
	JOURNAL_TAKE = 1,
	JOURNAL_DONE,
	JOURNAL_GO,
	JOURNAL_READY,
	JOURNAL_KEEP,
	JOURNAL_DROP,
};

struct journal_entry {
	uint32_t magic;
	uint16_t version;
	uint16_t op; /* enum journal_op */
	uint64_t nonce;
	uint32_t slot;
	uint16_t asked; /* enum wire_op, or 0 */
	uint16_t fds;	/* descriptors that come with it */
	uint32_t kind;	/* enum shmipc_kind, or 0 */
	uint8_t reserved[4];
	char name[WIRE_NAME]; /* zero to the end */
};

static_assert(sizeof(struct journal_entry) == 240,
	      "no padding, the same everywhere");

enum journal_from { JOURNAL_FROM_SUPERVISOR, JOURNAL_FROM_SERVER };

/*
 * Is this packet, which came with this many descriptors, an entry from there?
 * The function has no state and does no input or output.
 *   -EPROTO           no
 *   -EPROTONOSUPPORT  it has another version
 */
int journal_parse(const void *bytes, size_t length, unsigned fds,
		  enum journal_from from, struct journal_entry *ret);

/* An entry in which all other fields are zero. name may be NULL. */
struct journal_entry journal_make(enum journal_op op, uint32_t kind,
				  const char *name);

/*
 * Send an entry; blocks if the socket does.
 *   -EAGAIN             the peer did not read within the socket's timeout
 *   -ETOOMANYREFS       as wire_send_packet()
 *   -EPIPE -ECONNRESET  the peer is gone
 */
int journal_send(int sock, const struct journal_entry *entry,
		 const struct wire_fds *fds);

/*
 * Receive an entry; flags as of recvmsg(2). On success the descriptors in *fds
 * are the caller's, exactly ret->fds of them.
 *   -EAGAIN      no entry now, or a signal came first
 *   -EPIPE       the peer is gone, and everything it sent has been received
 *   -ECONNRESET  the peer is gone, and had not read everything; the next calls
 *                receive what it sent
 *   -EPROTO -EPROTONOSUPPORT  not an entry
 *   -EMFILE      no room for its descriptors
 */
int journal_receive(int sock, enum journal_from from, struct journal_entry *ret,
		    struct wire_fds *fds, int flags);

#endif
