/* SPDX-License-Identifier: MIT */
/*
 * Processes that work on orders: a number, written into their pipe. While they
 * have none they sleep and disturb nobody.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

int cores[2];
unsigned core_count;

static cpu_set_t allowed;

/* Which core of which socket a processor is; -1: the kernel does not say. */
static long core_of(int cpu)
{
	long core = 0;

	for (int i = 0; i < 2; i++) {
		char path[100];
		int id = -1;
		FILE *file;

		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%d/topology/%s", cpu,
			 i ? "core_id" : "physical_package_id");
		file = fopen(path, "re");
		if (!file)
			return -1;
		if (fscanf(file, "%d", &id) != 1)
			id = -1;
		fclose(file);
		core = core * 65536 + id;
	}
	return core;
}

void find_cores(void)
{
	must_sys("sched_getaffinity",
		 sched_getaffinity(0, sizeof(allowed), &allowed));
	for (int cpu = 0; cpu < CPU_SETSIZE && core_count < 2; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		if (core_count == 1 && core_of(cpu) >= 0 &&
		    core_of(cpu) == core_of(cores[0]))
			continue;
		cores[core_count++] = cpu;
	}
}

void pin_to(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	must_sys("sched_setaffinity", sched_setaffinity(0, sizeof(set), &set));
}

void unpin(void)
{
	must_sys("sched_setaffinity",
		 sched_setaffinity(0, sizeof(allowed), &allowed));
}

static void close_pipes(struct worker *w)
{
	close(w->orders);
	close(w->answers);
}

static void run_worker(struct worker *w, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(2); /* it ended before prctl() */
	if (w->core < 0)
		unpin();
	else
		pin_to(w->core);
	must("open a connection", shmipc_open(&ipc, backend));
	w->work(w);
	shmipc_close(ipc);
	_exit(0);
}

void start_worker(struct worker *w)
{
	int orders[2], answers[2];
	pid_t parent = getpid();

	must_sys("pipe", pipe(orders));
	must_sys("pipe", pipe(answers));
	w->pid = (pid_t)must_sys("fork", fork());
	if (w->pid == 0) {
		close(orders[1]);
		close(answers[0]);
		w->orders = orders[0];
		w->answers = answers[1];
		run_worker(w, parent);
	}
	close(orders[0]);
	close(answers[1]);
	w->orders = orders[1];
	w->answers = answers[0];
	await_answer(w);
}

void end_worker(struct worker *w)
{
	int status;

	give_order(w, 0);
	must_sys("waitpid", waitpid(w->pid, &status, 0));
	if (status)
		fail("a process ended with status 0x%x", (unsigned)status);
	close_pipes(w);
}

void give_order(const struct worker *w, unsigned order)
{
	if (write(w->orders, &order, sizeof(order)) != sizeof(order))
		fail("a process takes no orders: %s", strerror(errno));
}

void await_answer(const struct worker *w)
{
	char byte;

	if (read(w->answers, &byte, 1) != 1)
		fail("a process has ended");
}

unsigned get_order(const struct worker *self)
{
	unsigned order;

	if (read(self->orders, &order, sizeof(order)) != sizeof(order))
		_exit(2); /* nobody is there to be told */
	return order;
}

void answer(const struct worker *self)
{
	if (write(self->answers, "", 1) != 1)
		_exit(2);
}
