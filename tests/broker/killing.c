/* SPDX-License-Identifier: MIT */
/*
 * Run a command while the servers of all brokers that it starts are killed,
 * now and then. They are found as descendants of ours, whatever directory they
 * are in: a supervisor becomes our child when the process that started it
 * exits, and a server is the child of a supervisor.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/broker/broker.h"

/*
 * They are killed for this long, and then left alone for as long as a busy
 * machine may need to start one. Otherwise a server whose start takes longer
 * than the time between two kills never replies, and clients give up after
 * SHMI_PEER_TIMEOUT_MS.
 */
#define KILLING_MS 2000
#define RESTING_MS 1000

/* Kill the server of each supervisor. Returns how many that were. */
static unsigned long kill_servers(void)
{
	pid_t supervisors[CHILDREN_MAX];
	unsigned n = list_brokers(supervisors);
	unsigned long killed = 0;

	for (unsigned i = 0; i < n; i++) {
		pid_t server = server_of(supervisors[i]);

		if (server && is_broker(supervisors[i]) && is_broker(server))
			killed += kill(server, SIGKILL) == 0;
	}
	return killed;
}

int killing(unsigned long ms, char **command)
{
	unsigned long killed = 0;
	long begun = now_ms();
	int status;

	clients[0] = fork();
	if (clients[0] == 0) {
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	while (waitpid(clients[0], &status, WNOHANG) == 0) {
		nap_us((unsigned)ms * 1000);
		if ((now_ms() - begun) % (KILLING_MS + RESTING_MS) < KILLING_MS)
			killed += kill_servers();
		(void)reap_brokers();
	}
	clients[0] = 0;
	printf("broker: killing: %s %s while %lu servers were killed\n",
	       command[0], status ? "failed" : "passed", killed);
	return status != 0 || killed == 0;
}
