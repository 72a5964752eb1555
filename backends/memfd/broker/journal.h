/* SPDX-License-Identifier: MIT */
/*
 * What the broker's two processes say to each other: keeper.h.
 *
 * One SOCK_SEQPACKET pair. Every report is one packet of sizeof(struct report),
 * or, if it is a DROP and there is room, it is in the box (box.h).
 *
 *   at the worker's start, in this order:
 *   REPORT_TAKE   keeper: slot, kind, name, descriptors of what has a name
 *   REPORT_DONE   keeper: nonce, asked, slot, kind, name of a question that was
 *                 seen to and perhaps not answered
 *   REPORT_GO     keeper: that was all; nonce is the broker's incarnation
 *   REPORT_READY  worker: I have it all
 *
 *   then, all from the worker, before it answers:
 *   REPORT_KEEP   slot, kind, name, descriptors of what has a name now
 *   REPORT_DROP   slot of what has none any more
 *   both with nonce and asked, of the question that did it, or 0
 *
 * The worker numbers its reports, from 1 on, in the order in which they count:
 * this is order. The keeper's have none.
 */
#ifndef SHMI_MEMFD_REPORT_H
#define SHMI_MEMFD_REPORT_H

#include "backends/memfd/wire.h"

#define REPORT_MAGIC   0x4d485352U /* "RSHM" */
#define REPORT_VERSION 2

/*
 * Reports that the keeper need not be woken for, how long, and the most bytes
 * whose end is not urgent. Descriptors in them are on their way, unix(7).
 */
#define REPORTS_OWED	   16
#define REPORTS_OWED_MS	   100
#define REPORTS_OWED_BYTES 65536

/*
 * Slots are numbered from 0 to here; also the most names there can be. All of
 * them are handed over, a few us each, while clients wait (SHMI_PATIENCE_MS).
 */
#define REPORT_SLOTS (UINT32_C(1) << 17)

enum report_op {
	REPORT_TAKE = 1,
	REPORT_DONE,
	REPORT_GO,
	REPORT_READY,
	REPORT_KEEP,
	REPORT_DROP,
};

struct report {
	uint32_t magic;
	uint16_t version;
	uint16_t op; /* enum report_op */
	uint64_t nonce;
	uint32_t slot;
	uint16_t asked; /* enum wire_op, or 0 */
	uint16_t fds;	/* descriptors that come with it */
	uint32_t kind;	/* enum shmipc_kind, or 0 */
	uint8_t reserved[4];
	char name[WIRE_NAME]; /* zero to the end */
	uint64_t order;	      /* of the worker's; the keeper's: 0 */
	uint8_t reserved_too[8];
};

static_assert(offsetof(struct report, order) == 240 &&
		      sizeof(struct report) == 256,
	      "no padding, the same everywhere");

enum report_from { REPORT_FROM_KEEPER, REPORT_FROM_WORKER };

/*
 * Is this packet a report from there? No input, no output, no state.
 *   -EPROTO          no
 *   -EPROTONOSUPPORT of another version
 */
int report_parse(const void *bytes, size_t length, unsigned fds,
		 enum report_from from, struct report *ret);

/* A report with everything zero but these. name may be NULL. */
struct report report_make(enum report_op op, uint32_t kind, const char *name);

/*
 * Send; blocks if the socket does.
 *   -EAGAIN  the other one does not read, in the time that the socket has
 *   -ETOOMANYREFS  as wire_send_packet()
 *   -EPIPE -ECONNRESET  it is gone
 */
int report_send(int sock, const struct report *report,
		const struct wire_fds *fds);

/*
 * Receive; flags as of recvmsg(2). On success *fds are the caller's, exactly
 * report->fds of them.
 *   -EAGAIN      there is none now, or a signal came first
 *   -EPIPE       the other one is gone, and this was all
 *   -ECONNRESET  the other one is gone, without having read all; what it sent
 *                comes next
 *   -EPROTO -EPROTONOSUPPORT  not a report
 *   -EMFILE      no room for its descriptors
 */
int report_receive(int sock, enum report_from from, struct report *ret,
		   struct wire_fds *fds, int flags);

#endif
