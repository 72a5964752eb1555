/* SPDX-License-Identifier: MIT */
/*
 * The requests of clients: what the server knows, and how it replies.
 *
 * The server writes every change of what it knows into the journal before it
 * replies (supervisor.h). It forgets a transient object when it finds that the
 * object has no user (fdmem/usemark.h).
 */
#ifndef SHMI_MEMFD_REQUESTS_H
#define SHMI_MEMFD_REQUESTS_H

#include "backends/memfd/broker/journal.h"
#include "backends/memfd/broker/table.h"

/* Requests of earlier servers that the supervisor remembers: supervisor.h. */
#define REQUESTS_DONE_MAX 64

struct requests {
	struct table table;
	int supervisor; /* the socket of the journal */
	int nudge;	/* the eventfd that wakes the supervisor */
	unsigned owed;	/* entries since the last nudge */
	uint32_t broker_id;
	struct journal_entry done[REQUESTS_DONE_MAX];
	unsigned done_count;
	bool alone; /* the supervisor is gone: send no replies any more */
};

/*
 * Take over what earlier servers knew, and tell the supervisor.
 *   -EPROTONOSUPPORT  the supervisor has another version
 *   others            of journal_receive() and table_add()
 */
int requests_take_over(struct requests *q);

/* The client does not wait any more: its call has failed. */
#define REQUESTS_CLIENT_LEFT 0x01U
/* It got descriptors before, and must have read them to ask again. */
#define REQUESTS_CLIENT_READS 0x02U

/*
 * Handle one request and reply over sock. known: REQUESTS_CLIENT_*, about the
 * client. The descriptors in fds came with the request and are used up.
 *
 * An error means that the client must be dropped:
 *   -EAGAIN  it does not read its replies
 *   -EBADF   it adds descriptors that cannot be an object
 *   others   of sendmsg(2)
 */
int requests_handle(struct requests *q, int sock, unsigned known,
		    const struct wire *request, struct wire_fds *fds);

/* Does the reply to this request carry descriptors? */
bool requests_lends_fds(const struct wire *request);

void requests_forget_orphans(struct requests *q);

/* Wake the supervisor if it was sent entries since the last time. */
void requests_nudge(struct requests *q);

#endif
