/* SPDX-License-Identifier: MIT */
/*
 * usage: stress race|kill|transient|names|lock|wake|sleepers|
 *		steps COUNT
 *
 *   race       COUNT times, one process opens what another is just creating
 *   kill       processes that use few names are killed, COUNT times in all
 *   transient  COUNT times, a transient object is opened, while others close
 *              or are killed
 *   names      COUNT objects at once
 *   lock       processes that take locks in turn are killed, COUNT times in all
 *   wake       COUNT times, a woken waiter is killed before it takes its unit
 *   sleepers   COUNT processes are killed that sleep on a semaphore
 *   steps      one who takes a lock and gives it back is killed at each of the
 *              instructions of that, at COUNT at most
 *
 * Exit status 0: all was well; 1: it was not, stderr says what was seen; 77:
 * the backend does not work here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/process.h"
#include "tests/stress/stress.h"

extern const struct shmipc_backend file_backend;

const char program[] = "stress";
char names[NAMES][32];

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

void await_asleep(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	char state = 'R';
	pid_t parent;

	while (state != 'S') {
		if (!process_look(pid, &state, &parent) || state == 'Z') {
			complain("a process ended before it slept");
			return;
		}
		nanosleep(&pause, NULL);
	}
}

static const struct {
	const char *name;
	void (*run)(unsigned long count);
} tests[] = {
	{ "race", race },	    { "kill", storm },
	{ "transient", transient }, { "names", crowd },
	{ "lock", lock_storm },	    { "wake", wake },
	{ "sleepers", sleepers },   { "steps", steps },
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
				"lock|wake|sleepers|steps COUNT\n");
		return 2;
	}
	children_begin();
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
