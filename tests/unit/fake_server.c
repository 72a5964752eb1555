/* SPDX-License-Identifier: MIT */
/*
 * This program in a server's place: the first time it does what the file says
 * that $SHMIPC_TEST_FAKE names, and ends; then it is a server.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/memfd/broker/box.h"
#include "backends/memfd/start.h"
#include "backends/memfd/broker/server.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

static uint64_t order;

static void journal_ready(void)
{
	struct journal_entry ready = journal_make(JOURNAL_READY, 0, NULL);

	ready.order = ++order;
	(void)journal_send(SERVER_SUPERVISOR_FD, &ready, NULL);
}

static void journal_keep(uint32_t slot, const char *name)
{
	struct journal_entry keep =
		journal_make(JOURNAL_KEEP, SHMIPC_SHM, name);
	struct wire_fds fds = { { make_memory(), -1, -1, -1 } };

	keep.slot = slot;
	keep.fds = 1;
	keep.order = ++order;
	(void)journal_send(SERVER_SUPERVISOR_FD, &keep, &fds);
	wire_close_fds(&fds);
}

/* And say that so many more were put there. */
static void put_into_box(const struct journal_entry *drop, uint32_t more)
{
	static struct box_page *box;
	uint64_t once = 1;
	uint32_t written;

	if (!box)
		(void)box_map(SERVER_BOX_FD, &box);
	written = atomic_load(&box->written);
	box->entries[written % BOX_ENTRIES] =
		(struct box_entry){ .order = drop->order, .slot = drop->slot };
	atomic_store(&box->written, written + 1 + more);
	(void)!write(SERVER_NUDGE_FD, &once, sizeof(once));
}

static struct journal_entry drop_of(uint32_t slot)
{
	struct journal_entry drop = journal_make(JOURNAL_DROP, 0, NULL);

	drop.order = ++order;
	drop.slot = slot;
	return drop;
}

/* That x went, which is in slot 0; but something is wrong with it. */
static void put_nonsense(char how)
{
	struct journal_entry drop = drop_of(0);

	if (how == 'b') /* the order goes back */
		drop.order = 1;
	if (how == 's') /* no such slot */
		drop.slot = UINT32_MAX;
	/* Or more than there is room for. */
	put_into_box(&drop, how == 'm' ? BOX_ENTRIES : 0);
}

/* What is not nonsense counts. */
static void put_nonsense_and_more(char how)
{
	struct journal_entry drop;

	kill(getppid(), SIGSTOP);
	journal_keep(10, "t");
	put_nonsense(how);
	put_nonsense(how);
	drop = drop_of(10);
	put_into_box(&drop, 0);
	kill(getppid(), SIGCONT);
}

/* Names and an end, but nothing read. */
static int report_and_end(void)
{
	struct journal_entry drop;

	kill(getppid(), SIGSTOP);
	journal_ready();
	journal_keep(10, "u1");
	journal_keep(11, "t");
	drop = drop_of(11);
	put_into_box(&drop, 0);
	journal_keep(11, "u2");
	journal_keep(12, "t");
	drop = drop_of(12);
	put_into_box(&drop, 0);
	return 0;
}

static int misbehave(char how)
{
	if (how == 'u')
		return report_and_end();
	journal_ready();
	if (how == 't') { /* the slot is taken */
		journal_keep(0, "t");
	} else if (how == 'o') { /* the order goes back */
		order = 0;
		journal_keep(10, "t");
	} else if (how == 'f') { /* the slot is free */
		struct journal_entry drop = drop_of(99);

		(void)journal_send(SERVER_SUPERVISOR_FD, &drop, NULL);
	} else if (how == 'm') {
		put_nonsense(how);
	} else if (how == 'b' || how == 's') {
		put_nonsense_and_more(how);
	} else if (how == 'n') { /* nonsense */
		(void)!write(SERVER_SUPERVISOR_FD, "nonsense", 8);
	} else if (how == 'c') { /* it closes all, but lives */
		close(SERVER_SUPERVISOR_FD);
	}
	for (;;)
		pause();
}

int fake_server(void)
{
	const char *file = getenv("SHMIPC_TEST_FAKE");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	char how;

	if (fd >= 0 && read(fd, &how, 1) == 1 && unlink(file) == 0)
		return misbehave(how);
	execl(start_program(), "shmipc-broker", "--server", (char *)NULL);
	return 99;
}
