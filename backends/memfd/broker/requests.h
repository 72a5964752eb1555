/* SPDX-License-Identifier: MIT */
/*
 * What the worker knows, and how it answers from that.
 *
 * Whatever changes what it knows, it reports to the keeper before it answers:
 * keeper.h. It forgets a transient object when it finds nobody using it:
 * fdmem/users.h.
 */
#ifndef SHMI_MEMFD_ANSWERS_H
#define SHMI_MEMFD_ANSWERS_H

#include "backends/memfd/broker/box.h"
#include "backends/memfd/broker/journal.h"
#include "backends/memfd/broker/table.h"

/* Questions of earlier workers that the keeper remembers: keeper.h. */
#define ANSWERS_DONE_MAX 64

struct answers {
	struct table table;
	int keeper; /* the socket */
	struct box_page *box;
	uint64_t order; /* of the last report */
	int nudge;	/* the eventfd */
	unsigned owed;	/* reports since the last nudge */
	uint32_t incarnation;
	struct report done[ANSWERS_DONE_MAX];
	unsigned done_count;
	bool alone; /* the keeper is gone: nothing may be answered any more */
};

/*
 * Take over what earlier workers knew, and say that we are ready.
 *   -EPROTONOSUPPORT  the keeper is of another version
 *   others            of report_receive() and table_add()
 */
int answers_take_over(struct answers *a);

/* The client does not wait any more, and was told that it failed. */
#define ANSWERS_LEFT 0x01U
/* It has been lent descriptors before, and then it has read them by now. */
#define ANSWERS_READS 0x02U

/*
 * Answer one question of this client, of whom that is known. fds came with it,
 * and are the callee's to close.
 *
 * Fails if this client must be dropped:
 *   -EAGAIN  it does not read its answers
 *   -EBADF   it wants to add what no object is made of
 *   others   of sendmsg(2)
 */
int answers_give(struct answers *a, int sock, unsigned known,
		 const struct wire *question, struct wire_fds *fds);

/* Does the answer to this have descriptors? */
bool answers_lend(const struct wire *question);

void answers_forget_ghosts(struct answers *a);

/* Let the keeper read what it was sent, if it was. */
void answers_nudge(struct answers *a);

#endif
