/* SPDX-License-Identifier: MIT */
/*
 * This program in a worker's place: the first time it does what the file says
 * that $SHMIPC_TEST_FAKE names, and ends; then it is a worker.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/memfd/report.h"
#include "backends/memfd/start.h"
#include "backends/memfd/worker.h"
#include "tests/brokers.h"
#include "tests/units.h"

static uint64_t order;

static void report_ready(void)
{
	struct report ready = report_make(REPORT_READY, 0, NULL);

	ready.order = ++order;
	(void)report_send(WORKER_KEEPER_FD, &ready, NULL);
}

static void report_keep(uint32_t slot, const char *name)
{
	struct report keep = report_make(REPORT_KEEP, SHMIPC_SHM, name);
	struct wire_fds fds = { { make_memory(), -1 } };

	keep.slot = slot;
	keep.fds = 1;
	keep.order = ++order;
	(void)report_send(WORKER_KEEPER_FD, &keep, &fds);
	wire_close_fds(&fds);
}

static struct report drop_of(uint32_t slot)
{
	struct report drop = report_make(REPORT_DROP, 0, NULL);

	drop.order = ++order;
	drop.slot = slot;
	return drop;
}

/* Names and an end, but nothing read. */
static int report_and_end(void)
{
	kill(getppid(), SIGSTOP);
	report_ready();
	report_keep(10, "u1");
	report_keep(11, "u2");
	return 0;
}

static int misbehave(char how)
{
	if (how == 'u')
		return report_and_end();
	report_ready();
	if (how == 't') { /* the slot is taken */
		report_keep(0, "t");
	} else if (how == 'o') { /* the order goes back */
		order = 0;
		report_keep(10, "t");
	} else if (how == 'f') { /* the slot is free */
		struct report drop = drop_of(99);

		(void)report_send(WORKER_KEEPER_FD, &drop, NULL);
	} else if (how == 'n') { /* nonsense */
		(void)!write(WORKER_KEEPER_FD, "nonsense", 8);
	} else if (how == 'c') { /* it closes all, but lives */
		close(WORKER_KEEPER_FD);
	}
	for (;;)
		pause();
}

int fake_worker(void)
{
	const char *file = getenv("SHMIPC_TEST_FAKE");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	char how;

	if (fd >= 0 && read(fd, &how, 1) == 1 && unlink(file) == 0)
		return misbehave(how);
	execl(start_program(), "shmipc-broker", "--worker", (char *)NULL);
	return 99;
}
