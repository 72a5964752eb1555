/* SPDX-License-Identifier: MIT */
/*
 * This program in a server's place: the first time it does what the file says
 * that $SHMIPC_TEST_FAKE names, and ends; then it is a server.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/memfd/broker/journal.h"
#include "backends/memfd/start.h"
#include "backends/memfd/broker/server.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

static void journal_ready(void)
{
	struct journal_entry ready = journal_make(JOURNAL_READY, 0, NULL);

	(void)journal_send(SERVER_SUPERVISOR_FD, &ready, NULL);
}

static void journal_keep(uint32_t slot, const char *name)
{
	struct journal_entry keep =
		journal_make(JOURNAL_KEEP, SHMIPC_SHM, name);
	struct wire_fds fds = { { make_memory(), -1, -1, -1 } };

	keep.slot = slot;
	keep.fds = 1;
	(void)journal_send(SERVER_SUPERVISOR_FD, &keep, &fds);
	wire_close_fds(&fds);
}

static void journal_drop(uint32_t slot)
{
	struct journal_entry drop = journal_make(JOURNAL_DROP, 0, NULL);

	drop.slot = slot;
	(void)journal_send(SERVER_SUPERVISOR_FD, &drop, NULL);
}

/* Names and an end, but nothing read. */
static int report_and_end(void)
{
	kill(getppid(), SIGSTOP);
	journal_ready();
	journal_keep(10, "u1");
	journal_keep(11, "t");
	journal_drop(11);
	journal_keep(11, "u2");
	journal_keep(12, "t");
	journal_drop(12);
	return 0;
}

static int misbehave(char how)
{
	if (how == 'u')
		return report_and_end();
	journal_ready();
	if (how == 't') { /* the slot is taken */
		journal_keep(0, "t");
	} else if (how == 'f') { /* the slot is free */
		journal_drop(99);
	} else if (how == 's') { /* no such slot */
		journal_drop(JOURNAL_SLOTS);
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
