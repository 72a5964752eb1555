/* SPDX-License-Identifier: MIT */
/* The children of a stress test: see children.h. */
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/reap.h"
#include "tests/stress/children.h"

/* More of them would say nothing new. */
#define COMPLAINTS_SAID 10

struct shmipc *ipc;

static _Atomic unsigned long *complained; /* shared */
static unsigned seed;

void children_begin(void)
{
	complained = share(sizeof(*complained));
	seed = (unsigned)getpid();
}

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

void complain(const char *format, ...)
{
	char text[600];
	va_list args;

	if (atomic_fetch_add(complained, 1) >= COMPLAINTS_SAID)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* At once and in one piece: this process may be killed next. */
	dprintf(STDERR_FILENO, "%s: %s\n", program, text);
}

unsigned long complaints(void)
{
	return atomic_load(complained);
}

int expect(const char *what, const char *name, int r, int or, int or_else)
{
	if (r < 0 && r != or &&r != or_else)
		complain("%s %s gave %d: %s", what, name, r, shmipc_errmsg());
	return r;
}

pid_t start(void (*work)(unsigned slot), unsigned slot)
{
	pid_t parent = getpid(), pid = reap_fork();

	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it ended before prctl() */
	seed = (unsigned)getpid() * 2654435761U;
	if (shmipc_open(&ipc, NULL) < 0) {
		complain("%s", shmipc_errmsg());
		_exit(1);
	}
	work(slot);
	shmipc_close(ipc);
	_exit(0);
}

bool reap(pid_t pid, int signal)
{
	int status;

	if (waitpid(pid, &status, 0) != pid) {
		perror("waitpid");
		exit(1);
	}
	if (reap_wait(pid) < 0)
		complain("the memory of a dead process is still there");
	if (signal && WIFSIGNALED(status) && WTERMSIG(status) == signal)
		return true;
	if (WIFSIGNALED(status))
		complain("a process was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		complain("a process ended with %d", WEXITSTATUS(status));
	return false;
}

unsigned dice(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}
