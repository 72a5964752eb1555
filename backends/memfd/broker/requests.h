/* SPDX-License-Identifier: MIT */
/*
 * What the server knows, and how it replies from that.
 *
 * Whatever changes what it knows, it entries to the supervisor before it replies:
 * supervisor.h. It forgets a transient object when it finds nobody using it:
 * fdmem/usemark.h.
 */
#ifndef SHMI_MEMFD_REQUESTS_H
#define SHMI_MEMFD_REQUESTS_H

#include "backends/memfd/broker/journal.h"
#include "backends/memfd/broker/table.h"

/* Requests of earlier servers that the supervisor remembers: supervisor.h. */
#define REQUESTS_DONE_MAX 64

struct requests {
	struct table table;
	int supervisor; /* the socket */
	int nudge;	/* the eventfd */
	unsigned owed;	/* entries since the last nudge */
	uint32_t broker_id;
	struct journal_entry done[REQUESTS_DONE_MAX];
	unsigned done_count;
	bool alone; /* the supervisor is gone: nothing may be answered any more */
};

/*
 * Take over what earlier servers knew, and say that we are ready.
 *   -EPROTONOSUPPORT  the supervisor is of another version
 *   others            of journal_receive() and table_add()
 */
int requests_take_over(struct requests *a);

/* The client does not wait any more, and was told that it failed. */
#define REQUESTS_CLIENT_LEFT 0x01U
/* It has been lent descriptors before, and then it has read them by now. */
#define REQUESTS_CLIENT_READS 0x02U

/*
 * Reply one request of this client, of whom that is known. fds came with it,
 * and are the callee's to close.
 *
 * Fails if this client must be dropped:
 *   -EAGAIN  it does not read its answers
 *   -EBADF   it wants to add what no object is made of
 *   others   of sendmsg(2)
 */
int requests_handle(struct requests *a, int sock, unsigned known,
		    const struct wire *request, struct wire_fds *fds);

/* Does the reply to this have descriptors? */
bool requests_lends_fds(const struct wire *request);

void requests_forget_orphans(struct requests *a);

/* Let the supervisor read what it was sent, if it was. */
void requests_nudge(struct requests *a);

#endif
