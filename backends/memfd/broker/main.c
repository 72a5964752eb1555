/* SPDX-License-Identifier: MIT */
/*
 * shmipc-broker: keeps the names of one user's memfd objects.
 *
 * Two processes run this program: the supervisor (supervisor.h), which is the
 * one that was started, and its server (server.h). This file starts the
 * supervisor. It gets directory and socket from the program that started it
 * (start.c), the socket alone from systemd (sd_listen_fds(3)), or, when started
 * by hand, it makes both.
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

#include "backends/memfd/broker/confine.h"
#include "backends/memfd/broker/supervisor.h"
#include "backends/memfd/rundir.h"
#include "backends/memfd/start.h"
#include "backends/memfd/broker/server.h"

/* The soft limits are those of the program that happened to start us. */
static void raise_limit(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(resource, &limit);
	}
}

/* The number of descriptors passed to us, as sd_listen_fds(3) counts them. */
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

static int report_failure(const struct rundir *rundir,
			  const struct rundir_claim *claim, int r)
{
	int dir;

	if (r == 0)
		return r;
	/* If the directory is the reason, say what a client would be told. */
	dir = rundir_open(rundir);
	if (dir == -ECONNREFUSED)
		fprintf(stderr, "shmipc-broker: %s\n", shmipc_backend_cause());
	else if (r == -EBUSY)
		fprintf(stderr, "shmipc-broker: a broker already runs in %s\n",
			rundir->path);
	else
		fprintf(stderr, "shmipc-broker: %s: %s: %s\n", rundir->path,
			claim->failed, strerror(-r));
	return r;
}

static int get_claim(const struct rundir *rundir, struct rundir_claim *claim)
{
	switch (count_passed()) {
	case 0:
		return rundir_claim(rundir, claim);
	case 1:
		return rundir_claim_given(rundir, START_SOCK_FD, claim);
	default: /* socket and lock, from start.c */
		*claim = (struct rundir_claim){ .dir = START_LOCK_FD,
						.sock = START_SOCK_FD };
		return 0;
	}
}

static int supervise(void)
{
	struct rundir_claim claim;
	struct rundir rundir;

	if (rundir_find(&rundir) < 0) {
		fprintf(stderr, "shmipc-broker: SHMIPC_RUNTIME_DIR is not an "
				"absolute path, or too long\n");
		return 1;
	}
	if (start_idle_ms() < 0) {
		fprintf(stderr, "shmipc-broker: %s\n", shmipc_backend_cause());
		return 1;
	}
	if (report_failure(&rundir, &claim, get_claim(&rundir, &claim)) < 0)
		return 1;
	/* Clients see by SO_PEERCRED which process called listen(2) last. */
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
		    "SIGTERM: exit when no names are left. "
		    "SIGQUIT: exit now; all names are lost.\n"
		    "SIGHUP: continue with the program that is installed "
		    "now.\n");
}

/* Handle --version and --help. Returns the exit status. */
static int handle_option(const char *option)
{
	if (strcmp(option, "--version") == 0) {
		printf("shmipc-broker %s\n%s\n", PACKAGE_VERSION,
		       confine_works ? "confined by seccomp" : "not confined");
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
		return handle_option(argc == 2 ? argv[1] : "");
	raise_limit(RLIMIT_NOFILE); /* up to WIRE_FDS descriptors a name */
	raise_limit(RLIMIT_CPU);
	return supervise();
}
