/* SPDX-License-Identifier: MIT */
/* Starting the keeper's worker. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backends/memfd/spawn.h"
#include "backends/memfd/worker.h"

/*
 * Room in the pair for what the keeper and the worker send: about 80 reports,
 * and 10. The descriptors in them count against what the user may have on their
 * way, unix(7); but to hand over in small pieces takes long on busy machines.
 */
#define KEEPER_BYTES 65536
#define WORKER_BYTES 8192

/* Not where a worker's descriptors go. */
int spawn_open_image(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), away;

	if (fd < 0 || fd > WORKER_KEEPER_FD)
		return fd;
	away = fcntl(fd, F_DUPFD_CLOEXEC, WORKER_KEEPER_FD + 1);
	close(fd);
	return away;
}

/* Each may be any number now: away from the others' places first. */
static bool place_descriptors(const struct rundir_claim *claim, int pair)
{
	int sock = fcntl(claim->sock, F_DUPFD_CLOEXEC, WORKER_KEEPER_FD + 1);
	int dir = fcntl(claim->dir, F_DUPFD_CLOEXEC, WORKER_KEEPER_FD + 1);
	int keeper = fcntl(pair, F_DUPFD_CLOEXEC, WORKER_KEEPER_FD + 1);

	return dup2(sock, WORKER_SOCK_FD) >= 0 &&
	       dup2(dir, WORKER_DIR_FD) >= 0 &&
	       dup2(keeper, WORKER_KEEPER_FD) >= 0;
}

static _Noreturn void become_worker(int image, const struct rundir_claim *claim,
				    int pair)
{
	char *arguments[] = { (char *)"shmipc-broker", (char *)"--worker",
			      NULL };
	sigset_t none;

	/* A terminal's signals are for the keeper. */
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (place_descriptors(claim, pair))
		(void)fexecve(image, arguments, environ);
	_exit(1);
}

int spawn_worker(int image, const struct rundir_claim *claim,
		 struct spawned *ret)
{
	const struct timeval patience = { .tv_sec = SPAWN_IDLE_S };
	const int bytes[2] = { KEEPER_BYTES, WORKER_BYTES };
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience,
			 sizeof(patience));
	for (int i = 0; i < 2; i++)
		(void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes[i],
				 sizeof(bytes[i]));
	pid = fork();
	if (pid == 0)
		become_worker(image, claim, pair[1]);
	r = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (r < 0)
		close(pair[0]);
	else
		*ret = (struct spawned){ .pid = pid, .pair = pair[0] };
	return r;
}
