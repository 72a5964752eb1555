/* SPDX-License-Identifier: MIT */
/*
 * Run a command while the workers of all brokers that it starts are killed,
 * now and then. They are found as descendants of ours, whatever directory they
 * are in: a keeper becomes our child when who started it ends, and a worker is
 * the child of a keeper.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/broker/broker.h"

/* Kill the worker of each keeper. Returns how many that were. */
static unsigned long kill_workers(void)
{
	pid_t keepers[CHILDREN_MAX];
	unsigned n = list_brokers(keepers);
	unsigned long killed = 0;

	for (unsigned i = 0; i < n; i++) {
		pid_t worker = worker_of(keepers[i]);

		if (worker && is_broker(keepers[i]) && is_broker(worker))
			killed += kill(worker, SIGKILL) == 0;
	}
	return killed;
}

int killing(unsigned long ms, char **command)
{
	unsigned long killed = 0;
	int status;

	clients[0] = fork();
	if (clients[0] == 0) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	while (waitpid(clients[0], &status, WNOHANG) == 0) {
		nap_us((unsigned)ms * 1000);
		killed += kill_workers();
		(void)reap_brokers();
	}
	clients[0] = 0;
	printf("broker: killing: %s %s while %lu workers were killed\n",
	       command[0], status ? "failed" : "passed", killed);
	return status != 0 || killed == 0;
}
