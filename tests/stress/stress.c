/* SPDX-License-Identifier: MIT */
/*
 * usage: stress race|kill|transient|names|lock|wake|graves|
 *		steps COUNT
 *
 *   race       COUNT times, one process opens what another is just creating
 *   kill       processes that use few names are killed, COUNT times in all
 *   transient  COUNT times, a transient object is opened, while others close
 *              or are killed
 *   names      COUNT objects at once
 *   lock       processes that take locks in turn are killed, COUNT times in all
 *   wake       COUNT times, who was woken for a unit is killed before he has it
 *   graves     COUNT processes are killed that sleep on a semaphore
 *   steps      one who takes a lock and gives it back is killed at each of the
 *              instructions of that, at COUNT at most
 *
 * Exit status 0: all was well; 1: it was not, stderr says what was seen; 77:
 * the backend does not work here.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/grave.h"
#include "tests/stress/stress.h"

/* More of them would say nothing new. */
#define COMPLAINTS_SAID 10

extern const struct shmipc_backend file_backend;

struct shmipc *ipc;
char names[NAMES][32];

static _Atomic unsigned long *complained; /* shared */
static unsigned seed;

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("stress: mmap");
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
	dprintf(STDERR_FILENO, "stress: %s\n", text);
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
	pid_t parent = getpid(), pid = grave_fork();

	if (pid < 0) {
		perror("stress: fork");
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
		perror("stress: waitpid");
		exit(1);
	}
	if (grave_wait(pid) < 0)
		complain("the memory of a dead process is still there");
	if (signal && WIFSIGNALED(status) && WTERMSIG(status) == signal)
		return true;
	if (WIFSIGNALED(status))
		complain("a process was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		complain("a process ended with %d", WEXITSTATUS(status));
	return false;
}

static void rest(unsigned most_ns)
{
	const struct timespec pause = { .tv_nsec = dice(most_ns) };

	nanosleep(&pause, NULL);
}

static unsigned index_of(pid_t pid, const pid_t *pids)
{
	unsigned i = 0;

	while (pids[i] != pid)
		i++;
	return i;
}

unsigned disturb(const pid_t *pids, unsigned count)
{
	siginfo_t ended = { .si_pid = 0 };

	prctl(PR_SET_TIMERSLACK, 1); /* short rests are short */
	do {
		pid_t pid = pids[dice(2) ? 0 : dice(count)];

		rest(60000);
		if (pid)
			kill(pid, SIGSTOP);
		rest(60000);
		if (pid)
			kill(pid, SIGCONT);
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0) {
			perror("stress: waitid");
			exit(1);
		}
	} while (ended.si_pid == 0);
	return index_of(ended.si_pid, pids);
}

unsigned dice(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

void dawdle(unsigned most)
{
	for (volatile unsigned i = dice(most); i; i--)
		;
}

void spin(unsigned *turns)
{
	if (++*turns % 64 == 0)
		sched_yield();
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

struct timespec in_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* The third field of /proc/PID/stat: proc(5). */
static char state_of(pid_t pid)
{
	char path[64], line[256] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 'X';
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	return end ? end[2] : 'X';
}

void await_asleep(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	char state;

	while ((state = state_of(pid)) != 'S') {
		if (state == 'X' || state == 'Z') {
			complain("a process ended before it slept");
			return;
		}
		nanosleep(&pause, NULL);
	}
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

static const struct {
	const char *name;
	void (*run)(unsigned long count);
} tests[] = {
	{ "race", race },	    { "kill", storm },
	{ "transient", transient }, { "names", crowd },
	{ "lock", lock_storm },	    { "wake", wake },
	{ "graves", graves },	    { "steps", steps },
};

static void run(const char *name, unsigned long count)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(name, tests[i].name))
			continue;
		tests[i].run(count);
		return;
	}
	fprintf(stderr, "stress: there is no test called %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc != 3 || atol(argv[2]) < 1) {
		fprintf(stderr, "usage: stress race|kill|transient|names|"
				"lock|wake|graves|steps COUNT\n");
		return 2;
	}
	complained = share(sizeof(*complained));
	seed = (unsigned)getpid();
	for (int i = 0; i < NAMES; i++)
		snprintf(names[i], sizeof(names[i]), "s.%d.%d", getpid(), i);
	if (shmipc_backend_register(&file_backend) < 0 ||
	    shmipc_open(&ipc, NULL) < 0) {
		fprintf(stderr, "stress: %s\n", shmipc_errmsg());
		return 77;
	}
	at_start = note_objects();
	run(argv[1], strtoul(argv[2], NULL, 10));
	forget_objects(at_start);
	shmipc_close(ipc);
	return complaints() > 0;
}
