/* SPDX-License-Identifier: MIT */
/*
 * Death and refusal at every step.
 *
 * usage: walk kill|refuse [STRIDE]
 *
 * A child makes one call of the library. "kill" ends it before its first
 * system call, in another run right after it, then before the second, and so
 * on until it survives: stores to shared memory are made between two system
 * calls, so that both sides of each are seen. "refuse" lets each system call
 * fail instead, with each of a list of errors, once and from then on. With
 * STRIDE, only one in STRIDE of these is run.
 *
 * After each run another process must be able to continue as if nothing had
 * happened (postconditions.c).
 *
 * Exit status 0: so it is; 1: it is not; 77: cannot be tried here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/wait.h>

#include "tests/lib/unshare.h"
#include "tests/lib/reap.h"
#include "tests/fault/faultwalk.h"

extern const struct shmipc_backend file_backend;

/* A child that does not exit by itself is killed after this time. */
#define SECONDS_MAX 20

/* After this many failures, or one that hangs, the rest would be the same. */
#define FAILURES_MAX 20

/*
 * "From then on" ends after this many calls where the error says that another
 * process was quicker, or that another try may help: a caller that retries
 * until the peer timeout, 5 seconds, is correct.
 */
#define TRIES 8

static const int errors[] = { EMFILE, ENFILE, ENOMEM, ENOSPC, EINTR,
			      EIO,    EACCES, EPERM,  EAGAIN, ENOENT,
			      EEXIST, EINVAL, ENOSYS };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static struct report *report; /* shared with the child */
static struct trace t;
static unsigned runs, done, failures, stride = 1;

/* The one that alarm(2) is for; 0: this process itself. */
static volatile pid_t child;
static volatile sig_atomic_t hung;

static const char *playing; /* the scenario's name */

static const char *where(void)
{
	static char text[128];
	const char *call = t.reached ? trace_name(t.numbers[t.step - 1]) : "";

	switch (t.act) {
	case TRACE_WATCH:
		return "undisturbed";
	case TRACE_KILL_BEFORE:
		snprintf(text, sizeof(text), "killed before step %u, %s",
			 t.step, call);
		break;
	case TRACE_KILL_AFTER:
		snprintf(text, sizeof(text), "killed after step %u, %s", t.step,
			 call);
		break;
	case TRACE_REFUSE:
		snprintf(text, sizeof(text), "step %u, %s, refused with %s%s",
			 t.step, call, strerror(t.err),
			 t.times == 1 ? "" : " from then on");
		break;
	}
	return text;
}

static void too_long(int sig)
{
	(void)sig;
	hung = 1;
	if (child > 0) {
		kill(child, SIGKILL);
		return;
	}
	/* It is the library that hangs, so that stdio can be used. */
	dprintf(STDERR_FILENO, "walk: %s: %s: the check afterwards hangs\n",
		playing, where());
	_exit(1);
}

static void fail(const struct scenario *scenario, enum shmipc_kind kind,
		 const char *what)
{
	fprintf(stderr, "walk: %s: %s %s: %s: %s\n", shmipc_backend_name(ipc),
		scenario->name, kind == SHMIPC_SHM ? "region" : "semaphore",
		where(), what);
	if (++failures < FAILURES_MAX && !hung)
		return;
	fprintf(stderr, "walk: no more of it\n");
	postconditions_end();
	exit(1);
}

/* How the child ended: NULL, or what is wrong with that. */
static const char *ending(const struct scenario *scenario)
{
	static char text[64];
	bool killed = t.act == TRACE_KILL_BEFORE || t.act == TRACE_KILL_AFTER;

	if (hung)
		return "it hangs";
	if (killed && t.reached)
		return NULL;
	if (!WIFEXITED(t.status) || WEXITSTATUS(t.status)) {
		snprintf(text, sizeof(text), "it ended with status %#x",
			 (unsigned)t.status);
		return text;
	}
	if (report->wrong[0])
		return report->wrong;
	if (t.act == TRACE_WATCH &&
	    (scenario->expected ? report->result != scenario->expected
				: report->result < 0))
		return "an unexpected result";
	return NULL;
}

/* A client without a reply does not know whether its request was handled. */
static bool is_answer(long number)
{
	return number == SYS_recvmsg || number == SYS_ppoll;
}

static enum after expected_after(const struct scenario *scenario)
{
	if (t.act == TRACE_REFUSE && t.reached && report->result < 0 &&
	    is_answer(t.numbers[t.step - 1]))
		return scenario->succeeded == scenario->failed
			       ? scenario->failed
			       : EITHER;
	if (t.act != TRACE_REFUSE && t.act != TRACE_WATCH && t.reached)
		return scenario->succeeded == scenario->failed
			       ? scenario->failed
			       : EITHER;
	return report->result < 0 ? scenario->failed : scenario->succeeded;
}

/*
 * It failed, and nothing kept it from undoing what it had done. (Not what
 * removes an orphan: that it may do by half, and leave the rest to others.)
 */
static bool was_undone(const struct scenario *scenario)
{
	return scenario->before != ORPHAN && t.act == TRACE_REFUSE &&
	       t.reached && t.times == 1 && report->result < 0 &&
	       !trace_is_undo(t.numbers[t.step - 1]);
}

/* One run of one scenario, as t says. */
static void run(const struct scenario *scenario, enum shmipc_kind kind)
{
	struct stage stage = { .kind = kind, .flags = scenario->flags };
	const char *wrong, *rest;
	char name[64];
	pid_t pid;

	/* Each its own name: a failure spoils no other run. */
	snprintf(name, sizeof(name), "walk.%d.%u", (int)getpid(), ++runs);
	stage.name = name;
	playing = scenario->name;
	memset(report, 0, sizeof(*report));
	alarm(SECONDS_MAX);
	postconditions_prepare(scenario, kind, name);
	hung = 0;
	pid = child = reap_fork();
	if (child == 0)
		scenario_play(scenario, &stage, report);
	if (child < 0)
		exit(1);
	trace(child, &t);
	child = 0;
	if (reap_wait(pid) < 0)
		exit(1);
	done += t.reached;
	alarm(SECONDS_MAX);
	wrong = ending(scenario);
	rest = postconditions_check(scenario, kind, name,
				    expected_after(scenario),
				    was_undone(scenario));
	alarm(0);
	if (wrong || rest)
		fail(scenario, kind, wrong ? wrong : rest);
}

static void kill_walk(const struct scenario *scenario, enum shmipc_kind kind)
{
	static const enum trace_act acts[] = { TRACE_KILL_BEFORE,
					       TRACE_KILL_AFTER };
	static unsigned death;

	t.reached = true;
	for (t.step = 1; t.reached; t.step++)
		for (int i = 0; i < 2; i++) {
			if (death++ % stride)
				continue;
			t.act = acts[i];
			run(scenario, kind);
		}
}

static bool asks_again(int err)
{
	return err == EINTR || err == EAGAIN || err == EEXIST ||
	       err == ENOENT || err == EINVAL;
}

static void refuse_walk(const struct scenario *scenario, enum shmipc_kind kind)
{
	static struct trace plan;
	static unsigned pair;

	t.act = TRACE_WATCH;
	run(scenario, kind);
	plan = t;
	for (unsigned i = 0; i < plan.steps * ERRORS * 2; i++) {
		unsigned step = i / (ERRORS * 2) + 1;
		int err = errors[i / 2 % ERRORS];

		if (!trace_may_refuse(plan.numbers[step - 1], err) ||
		    pair++ % stride)
			continue;
		t.act = TRACE_REFUSE;
		t.step = step;
		t.err = err;
		t.times = i % 2 == 0 ? 1 : asks_again(t.err) ? TRIES : ~0U;
		run(scenario, kind);
	}
}

/*
 * A name space of our own, where that may be had: other tests run at the same
 * time, and neither should we clean up theirs nor they ours.
 */
static void move_apart(void)
{
	if (!unshare_self(CLONE_NEWNS | CLONE_NEWIPC))
		return;
	(void)mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	(void)mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV,
		    "mode=1777,size=16m");
}

static void begin(void)
{
	struct sigaction action = { .sa_handler = too_long };

	move_apart();
	sigaction(SIGALRM, &action, NULL);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED || shmipc_backend_register(&file_backend) < 0)
		exit(1);
	postconditions_begin();
}

static int note_caps(const struct shmipc_backend_info *info, void *arg)
{
	if (!strcmp(info->name, shmipc_backend_name(ipc)))
		*(unsigned *)arg = info->caps;
	return 0;
}

static unsigned walk_all(void (*walk)(const struct scenario *,
				      enum shmipc_kind))
{
	unsigned caps = 0, n = 0;

	if (shmipc_backends(note_caps, &caps) < 0)
		exit(1);
	for (size_t i = 0; i < scenarios_count; i++) {
		if (scenarios[i].cap & ~caps)
			continue;
		walk(&scenarios[i], SHMIPC_SHM);
		walk(&scenarios[i], SHMIPC_SEM);
		n += 2;
	}
	return n;
}

int main(int argc, char **argv)
{
	bool kills = argc > 1 && !strcmp(argv[1], "kill");
	unsigned walked;
	void (*walk)(const struct scenario *, enum shmipc_kind) =
		kills ? kill_walk : refuse_walk;

	if (argc > 2)
		stride = (unsigned)strtoul(argv[2], NULL, 10);
	if (argc < 2 || argc > 3 || stride == 0 ||
	    (!kills && strcmp(argv[1], "refuse") != 0))
		return 2;
	if (!trace_works())
		return 77;
	begin();
	walked = walk_all(walk);
	printf("walk: %s %s: %u scenarios, %u %s, %u left\n",
	       shmipc_backend_name(ipc), argv[1], walked, done,
	       kills ? "deaths" : "refusals", postconditions_left);
	postconditions_end();
	return failures > 0;
}
