/* SPDX-License-Identifier: MIT */
/*
 * shmipc-broker: keeps the names of one user's memfd objects.
 *
 * Two processes of this program: the supervisor (supervisor.h), which is what was
 * started, and its server (server.h). Here is how the first begins: it takes
 * its place from the program that started it (start.c), from systemd (the
 * socket alone, sd_listen_fds(3)), or, started by hand, by itself.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/broker/supervisor.h"
#include "backends/memfd/rundir.h"
#include "backends/memfd/start.h"
#include "backends/memfd/broker/server.h"

/* They are of the program that happened to start us: lift the soft ones. */
static void raise_limit(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(resource, &limit);
	}
}

/* How many descriptors were passed to us, as sd_listen_fds(3) has it. */
static int count_passed(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	long count;

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid())
		return 0;
	count = strtol(fds, NULL, 10);
	for (int fd = 0; fd < count && fd < 2; fd++)
		(void)fcntl(START_SOCK_FD + fd, F_SETFD, FD_CLOEXEC);
	return (int)count;
}

static int complain(const struct rundir *rundir,
		    const struct rundir_claim *claim, int r)
{
	int dir;

	if (r == 0)
		return r;
	/* What a client would be told of this directory. */
	dir = rundir_open(rundir);
	if (dir == -ECONNREFUSED)
		fprintf(stderr, "shmipc-broker: %s\n", shmipc_backend_cause());
	else if (r == -EBUSY)
		fprintf(stderr, "shmipc-broker: there is one already in %s\n",
			rundir->path);
	else
		fprintf(stderr, "shmipc-broker: %s: %s: %s\n", rundir->path,
			claim->failed, strerror(-r));
	return r;
}

static int take_place(const struct rundir *rundir, struct rundir_claim *claim)
{
	switch (count_passed()) {
	case 0:
		return rundir_claim(rundir, claim);
	case 1:
		return rundir_claim_given(rundir, START_SOCK_FD, claim);
	default: /* with the lock, by start.c */
		*claim = (struct rundir_claim){ .dir = START_LOCK_FD,
						.sock = START_SOCK_FD };
		return 0;
	}
}

static int be_broker(void)
{
	struct rundir_claim claim;
	struct rundir rundir;

	if (rundir_find(&rundir) < 0) {
		fprintf(stderr, "shmipc-broker: SHMIPC_RUNTIME_DIR is not an "
				"absolute path, or too long\n");
		return 1;
	}
	if (server_idle_ms() < 0) {
		fprintf(stderr, "shmipc-broker: SHMIPC_BROKER_IDLE_MS is not "
				"a number of ms from 1 to 86400000\n");
		return 1;
	}
	if (complain(&rundir, &claim, take_place(&rundir, &claim)) < 0)
		return 1;
	/* SO_PEERCRED says who listened last. */
	if (listen(claim.sock, RUNDIR_BACKLOG) < 0) {
		fprintf(stderr, "shmipc-broker: listen: %s\n", strerror(errno));
		return 1;
	}
	return supervisor_run(&rundir, &claim);
}

static void print_usage(FILE *to)
{
	fprintf(to, "usage: shmipc-broker [--help | --version]\n"
		    "Keeps the names of memfd objects. Programs start it when "
		    "they need it.\n"
		    "SIGTERM: leave when there are no names. "
		    "SIGQUIT: leave, names are lost.\n"
		    "SIGHUP: go on with the program that is installed now.\n");
}

/* Options, of which none keeps anything. Returns the exit status. */
static int reply(const char *option)
{
	if (strcmp(option, "--version") == 0) {
		printf("shmipc-broker %s\n", PACKAGE_VERSION);
	} else if (strcmp(option, "--help") == 0) {
		print_usage(stdout);
	} else {
		print_usage(stderr);
		return 2;
	}
	return fflush(stdout) == EOF ? 1 : 0;
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (argc == 2 && strcmp(argv[1], "--server") == 0)
		return server_run();
	if (argc > 1)
		return reply(argc == 2 ? argv[1] : "");
	raise_limit(RLIMIT_NOFILE); /* two descriptors a semaphore */
	raise_limit(RLIMIT_CPU);
	return be_broker();
}
