/* SPDX-License-Identifier: MIT */
/*
 * The first process measures nothing. It waits for the one that does, so that
 * whatever becomes of that, objects and processes are removed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/supervise.h"

#define PATIENCE 60 /* seconds */

static _Atomic unsigned long *alive; /* shared; only its change counts */

void supervise_alive(void)
{
	atomic_fetch_add_explicit(alive, 1, memory_order_relaxed);
}

/* As the first process of a container we are told of others' ends, too. */
static bool is_about(int signal, pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return signal != SIGCHLD ||
	       waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) <
		       0 ||
	       info.si_pid == pid;
}

/* Until it has ended, or has to. */
static void watch(const sigset_t *signals, pid_t pid)
{
	const struct timespec patience = { .tv_sec = PATIENCE };
	unsigned long before;
	int signal;

	do {
		before = atomic_load(alive);
		signal = sigtimedwait(signals, NULL, &patience);
		if (signal < 0 && errno == EAGAIN &&
		    before == atomic_load(alive)) {
			fprintf(stderr, "%s: nothing happens any more\n",
				plan->program);
			return;
		}
	} while (signal < 0 || !is_about(signal, pid));
}

/*
 * Workers are killed with the one who started them, but not at once. Each has
 * the other end of this pipe open, until it is gone.
 */
static void await_all(int end_of_pipe)
{
	char byte;

	while (read(end_of_pipe, &byte, 1) < 0 && errno == EINTR)
		;
	close(end_of_pipe);
}

int supervise(int (*measure)(void))
{
	sigset_t signals, before;
	pid_t parent = getpid(), pid;
	int status, ends[2];

	own_begin();
	alive = share(sizeof(*alive));
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	must_sys("pipe2", pipe2(ends, O_CLOEXEC));
	pid = (pid_t)must_sys("fork", fork());
	if (pid == 0) {
		close(ends[0]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(BENCH_FAILED); /* it ended before prctl() */
		exit(measure());
	}
	close(ends[1]);
	watch(&signals, pid);
	kill(pid, SIGKILL); /* if it has ended it is not reaped yet */
	waitpid(pid, &status, 0);
	await_all(ends[0]);
	own_sweep(!WIFEXITED(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : BENCH_FAILED;
}
