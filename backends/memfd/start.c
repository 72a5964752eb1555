/* SPDX-License-Identifier: MIT */
/*
 * Starting the broker.
 *
 *   program -> go-between -> broker
 *
 * The program must not notice anything: no SIGCHLD, nothing for its
 * waitpid(-1), no descriptor of its own in the broker, and none of the broker's
 * in a child that another thread forks. So a go-between process takes the lock,
 * binds the socket, starts the broker, which inherits both, and exits; the
 * program reaps it.
 *
 * The go-between is made by clone(2) without an exit signal: waitpid() sees it
 * only with __WCLONE. It is a copy of one thread of a program that may have
 * many, so it calls only async-signal-safe functions. It writes what went wrong
 * into a page that it shares with the program.
 *
 * The broker receives socket and lock as systemd would pass them: descriptors
 * 3 and 4, LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES (sd_listen_fds(3)).
 *
 * Death. The death of the program changes nothing. The death of the go-between
 * before the broker runs drops the lock and leaves at most a socket on which no
 * process listens; the next broker removes that. The same is true of a broker.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "backends/memfd/start.h"
#include "util/debug.h"

/* What the go-between and the process that becomes the broker report. */
struct verdict {
	int result; /* 0 or negative errno value */
	const char *failed;
	bool has_directory; /* it is not the reason */
};

/* Prepared by the program. The others write only listen_pid and *verdict. */
struct plan {
	struct rundir rundir;
	const char *program;
	bool debug;		 /* the broker keeps stderr */
	struct verdict *verdict; /* shared memory */
	char runtime_dir[sizeof("SHMIPC_RUNTIME_DIR=") + RUNDIR_PATH_MAX];
	char listen_pid[sizeof("LISTEN_PID=") + 10];
	char idle[sizeof("SHMIPC_BROKER_IDLE_MS=") + 20];
	char *environment[6];
};

const char *start_program(void)
{
	const char *given = secure_getenv("SHMIPC_BROKER");

	return given && *given ? given : shmi_broker_path;
}

long start_idle_ms(void)
{
	const char *given = secure_getenv("SHMIPC_BROKER_IDLE_MS");
	char *end;
	long ms;

	if (!given || !*given)
		return 2000;
	ms = strtol(given, &end, 10);
	if (*end || ms < 1 || ms > 86400000)
		return shmipc_backend_error(
			-ECONNREFUSED, "SHMIPC_BROKER_IDLE_MS is not a number "
				       "of ms from 1 to 86400000");
	return ms;
}

static _Noreturn void give_verdict(const struct plan *plan, int result,
				   const char *failed)
{
	plan->verdict->result = result;
	plan->verdict->failed = failed;
	_exit(0);
}

/* snprintf(3) is not async-signal-safe. */
static void write_listen_pid(struct plan *plan)
{
	unsigned pid = (unsigned)getpid();
	char digits[10];
	int n = 0;

	do
		digits[n++] = (char)('0' + pid % 10);
	while (pid /= 10);
	strcpy(plan->listen_pid, "LISTEN_PID=");
	for (char *to = strchr(plan->listen_pid, '\0'); n; *to = '\0')
		*to++ = digits[--n];
}

/* Undo the dispositions and the mask of the program. */
static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL); /* SIGKILL and others refuse */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Close all descriptors from first on. Old kernels have no call for that. */
static void close_from(int first)
{
	struct rlimit limit;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
		limit.rlim_cur = 65536;
	for (int fd = first; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

/*
 * 0 to 2 become /dev/null (2 stays as it is with keep_stderr), 3 the socket, 4
 * the lock; all others are closed. Socket and lock may have any of these
 * numbers now, so they are moved out of the way first. dup2(2) drops
 * close-on-exec.
 */
static int arrange_descriptors(const struct rundir_claim *claim,
			       bool keep_stderr)
{
	int sock = fcntl(claim->sock, F_DUPFD, START_LOCK_FD + 1);
	int dir = fcntl(claim->dir, F_DUPFD, START_LOCK_FD + 1);
	int null = open("/dev/null", O_RDWR);

	if (sock < 0 || dir < 0 || null < 0)
		return -errno;
	for (int fd = 0; fd < (keep_stderr ? STDERR_FILENO : 3); fd++)
		if (fd != null && dup2(null, fd) < 0)
			return -errno;
	if (dup2(sock, START_SOCK_FD) < 0 || dup2(dir, START_LOCK_FD) < 0)
		return -errno;
	close_from(START_LOCK_FD + 1);
	return 0;
}

static _Noreturn void become_broker(struct plan *plan,
				    const struct rundir_claim *claim)
{
	char *arguments[] = { (char *)"shmipc-broker", NULL };
	int r;

	write_listen_pid(plan);
	(void)setsid(); /* cannot fail: a new process leads no group */
	r = arrange_descriptors(claim, plan->debug);
	if (r < 0)
		give_verdict(plan, r, "passing descriptors");
	if (chdir("/") < 0)
		give_verdict(plan, -errno, "chdir to /");
	reset_signals();
	execve(plan->program, arguments, plan->environment);
	give_verdict(plan, -errno, "exec");
}

/*
 * fork(2) without the handlers of the C library, which take locks that another
 * thread may have held. On all architectures but s390, flags are the first
 * argument and the stack is the second; NULL means a copy of the parent's.
 */
static pid_t clone_process(unsigned long flags)
{
#ifdef __s390__
	return (pid_t)syscall(SYS_clone, 0UL, flags, 0UL, 0UL, 0UL);
#else
	return (pid_t)syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL);
#endif
}

static _Noreturn void go_between(struct plan *plan)
{
	struct rundir_claim claim;
	pid_t pid;
	int r;

	r = rundir_claim(&plan->rundir, &claim);
	if (r < 0)
		give_verdict(plan, r, claim.failed);
	plan->verdict->has_directory = true;
	/* CLONE_VFORK: returns when the new process has executed or failed. */
	pid = clone_process(CLONE_VFORK | SIGCHLD);
	if (pid < 0)
		give_verdict(plan, -errno, "clone");
	if (pid == 0)
		become_broker(plan, &claim);
	_exit(0);
}

static void make_environment(struct plan *plan)
{
	static char fds[] = "LISTEN_FDS=2";
	static char names[] = "LISTEN_FDNAMES=sock:lock";
	const char *idle = secure_getenv("SHMIPC_BROKER_IDLE_MS");
	size_t n = 0;

	plan->environment[n++] = fds;
	plan->environment[n++] = names;
	plan->environment[n++] = plan->listen_pid;
	if (idle && *idle) {
		snprintf(plan->idle, sizeof(plan->idle),
			 "SHMIPC_BROKER_IDLE_MS=%s", idle);
		plan->environment[n++] = plan->idle;
	}
	if (!plan->rundir.is_default) {
		snprintf(plan->runtime_dir, sizeof(plan->runtime_dir),
			 "SHMIPC_RUNTIME_DIR=%s", plan->rundir.path);
		plan->environment[n++] = plan->runtime_dir;
	}
	plan->environment[n] = NULL;
}

/* Run the go-between to its end, without being interrupted or cancelled. */
static int run_go_between(struct plan *plan)
{
	sigset_t all, mask;
	int cancel, r = 0;
	pid_t pid;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);

	pid = clone_process(0); /* no exit signal */
	if (pid == 0)
		go_between(plan);
	if (pid < 0)
		r = -errno;
	else
		/* ECHILD: the program reaped it, with __WALL. */
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;

	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	pthread_setcancelstate(cancel, NULL);
	return r;
}

static int cannot_start(const struct plan *plan, const char *failed, int err)
{
	bool elsewhere = plan->rundir.is_default && plan->verdict->failed &&
			 !plan->verdict->has_directory;

	return shmipc_backend_error(
		-ECONNREFUSED,
		"the broker %s cannot be started in %s: %s: %s%s",
		plan->program, plan->rundir.path, failed, strerror(-err),
		elsewhere ? "; SHMIPC_RUNTIME_DIR can name another directory"
			  : "");
}

/* The hard limit, to which the broker raises its own. */
static int check_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_max >= START_FDS_MIN)
		return 0;
	return shmipc_backend_error(
		-EMFILE,
		"the broker needs %d descriptors to start, and the hard limit "
		"RLIMIT_NOFILE is %llu; raise it with ulimit -Hn",
		START_FDS_MIN, (unsigned long long)limit.rlim_max);
}

int start_broker(const struct rundir *rundir)
{
	struct verdict *verdict;
	struct plan *plan;
	int r;

	if (start_idle_ms() < 0)
		return -ECONNREFUSED;
	if (getauxval(AT_SECURE))
		return shmipc_backend_error(-ECONNREFUSED,
					    "a set-user-id program starts no "
					    "broker; start it beforehand");
	r = check_limit();
	if (r < 0)
		return r;
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return -ENOMEM;
	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (verdict == MAP_FAILED) {
		r = -errno;
		goto out_free;
	}
	plan->rundir = *rundir;
	plan->program = start_program();
	plan->verdict = verdict;
	plan->debug = shmi_debugging();
	make_environment(plan);

	r = run_go_between(plan);
	if (r < 0)
		r = cannot_start(plan, "clone", r);
	else if (verdict->result == -EBUSY)
		r = -EBUSY;
	else if (verdict->result == -EMFILE || verdict->result == -ENFILE)
		r = -EMFILE;
	else if (verdict->result < 0)
		r = cannot_start(plan, verdict->failed, verdict->result);

	munmap(verdict, sizeof(*verdict));
out_free:
	free(plan);
	return r;
}
