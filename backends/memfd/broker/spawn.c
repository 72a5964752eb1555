/* SPDX-License-Identifier: MIT */
/* Starting a server. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backends/memfd/broker/spawn.h"
#include "backends/memfd/broker/server.h"

/*
 * Room in the pair for entries of the supervisor, about 80, and of the server,
 * about 40, more than twice JOURNAL_OWED. Descriptors in entries count against
 * the limit of descriptors in flight, unix(7); but handing over in small pieces
 * takes long on busy machines.
 */
#define SUPERVISOR_BYTES 65536
#define SERVER_BYTES	 32768

/* With a number that no descriptor of a server will have. */
int spawn_open_image(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), away;

	if (fd < 0 || fd > SERVER_NUDGE_FD)
		return fd;
	away = fcntl(fd, F_DUPFD_CLOEXEC, SERVER_NUDGE_FD + 1);
	close(fd);
	return away;
}

/* Each may have the number of another now: move all out of the way first. */
static bool place_descriptors(const int from[SERVER_FDS])
{
	const int to[] = { SERVER_SOCK_FD, SERVER_DIR_FD, SERVER_SUPERVISOR_FD,
			   SERVER_NUDGE_FD };
	int away[SERVER_FDS];

	for (int i = 0; i < SERVER_FDS; i++)
		away[i] = fcntl(from[i], F_DUPFD_CLOEXEC, SERVER_NUDGE_FD + 1);
	for (int i = 0; i < SERVER_FDS; i++)
		if (dup2(away[i], to[i]) < 0)
			return false;
	return true;
}

static _Noreturn void become_server(int image, const int given[SERVER_FDS])
{
	char *arguments[] = { (char *)"shmipc-broker", (char *)"--server",
			      NULL };
	sigset_t none;

	/* Signals of a terminal are for the supervisor. */
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (place_descriptors(given))
		(void)fexecve(image, arguments, environ);
	_exit(1);
}

static void size_pair(const int pair[2])
{
	const struct timeval timeout = { .tv_sec = SPAWN_IDLE_S };
	const int bytes[2] = { SUPERVISOR_BYTES, SERVER_BYTES };

	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &timeout,
			 sizeof(timeout));
	for (int i = 0; i < 2; i++)
		(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes[i],
				 sizeof(bytes[i]));
}

int spawn_server(int image, const struct rundir_claim *claim,
		 struct spawned *ret)
{
	int pair[2], nudge, r;
	pid_t pid;

	nudge = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (nudge < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = -errno;
		goto err_nudge;
	}
	size_pair(pair);
	pid = fork();
	if (pid == 0)
		become_server(image, (int[]){ claim->sock, claim->dir, pair[1],
					      nudge });
	r = -errno;
	close(pair[1]);
	if (pid < 0)
		goto err_pair;
	*ret = (struct spawned){ .pid = pid, .pair = pair[0], .nudge = nudge };
	return 0;

err_pair:
	close(pair[0]);
err_nudge:
	close(nudge);
	return r;
}

void spawn_release(struct spawned *server)
{
	close(server->pair);
	close(server->nudge);
}
