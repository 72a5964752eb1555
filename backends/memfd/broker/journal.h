/* SPDX-License-Identifier: MIT */
/*
 * What the broker's two processes say to each other: supervisor.h.
 *
 * One SOCK_SEQPACKET pair. Every entry is one packet of
 * sizeof(struct journal_entry).
 *
 *   at the server's start, in this order:
 *   JOURNAL_TAKE   supervisor: slot, kind, name, descriptors of what has a name
 *   JOURNAL_DONE   supervisor: nonce, asked, slot, kind, name of a request that was
 *                 seen to and perhaps not answered
 *   JOURNAL_GO     supervisor: that was all; nonce is the broker's broker id
 *   JOURNAL_READY  server: I have it all
 *
 *   then, all from the server, before it replies:
 *   JOURNAL_KEEP   slot, kind, name, descriptors of what has a name now
 *   JOURNAL_DROP   slot of what has none any more
 *   both with nonce and asked, of the request that did it, or 0
 */
#ifndef SHMI_MEMFD_JOURNAL_H
#define SHMI_MEMFD_JOURNAL_H

#include "backends/memfd/wire.h"

#define JOURNAL_MAGIC	0x4d485352U /* "RSHM" */
#define JOURNAL_VERSION 3

/*
 * Reports that the supervisor need not be woken for, how long, and the most bytes
 * whose end is not urgent. Descriptors in them are on their way, unix(7).
 */
#define JOURNAL_OWED	   16
#define JOURNAL_OWED_MS	   100
#define JOURNAL_OWED_BYTES 65536

/*
 * Slots are numbered from 0 to here; also the most names there can be. All of
 * them are handed over, a few us each, while clients wait (SHMI_PEER_TIMEOUT_MS).
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
 * Is this packet a entry from there? No input, no output, no state.
 *   -EPROTO          no
 *   -EPROTONOSUPPORT of another version
 */
int journal_parse(const void *bytes, size_t length, unsigned fds,
		  enum journal_from from, struct journal_entry *ret);

/* A entry with everything zero but these. name may be NULL. */
struct journal_entry journal_make(enum journal_op op, uint32_t kind,
				  const char *name);

/*
 * Send; blocks if the socket does.
 *   -EAGAIN  the other one does not read, in the time that the socket has
 *   -ETOOMANYREFS  as wire_send_packet()
 *   -EPIPE -ECONNRESET  it is gone
 */
int journal_send(int sock, const struct journal_entry *entry,
		 const struct wire_fds *fds);

/*
 * Receive; flags as of recvmsg(2). On success *fds are the caller's, exactly
 * entry->fds of them.
 *   -EAGAIN      there is none now, or a signal came first
 *   -EPIPE       the other one is gone, and this was all
 *   -ECONNRESET  the other one is gone, without having read all; what it sent
 *                comes next
 *   -EPROTO -EPROTONOSUPPORT  not a entry
 *   -EMFILE      no room for its descriptors
 */
int journal_receive(int sock, enum journal_from from, struct journal_entry *ret,
		    struct wire_fds *fds, int flags);

#endif
