/* SPDX-License-Identifier: MIT */
/*
 * Stopping a child at its system calls, with ptrace(2).
 *
 * Only the child's one thread is followed: what it starts runs free. The
 * child marks where the walk begins and ends by a call that nothing else
 * makes, getppid(2) with arguments, so that it needs no signal or pipe, which
 * would be system calls of the walk.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef SYS_ipc
#include <linux/ipc.h>
#endif

#include "tests/fault/faultwalk.h"

/* Calls that not every machine has; no call has these numbers. */
#ifndef SYS_newfstatat
#define SYS_newfstatat -2
#endif
#ifndef SYS_semtimedop
#define SYS_semtimedop -3
#endif

#define MARK	   0x77616c6bL
#define MARK_BEGIN 1L
#define MARK_END   2L

/* With PTRACE_O_TRACESYSGOOD: a stop at a system call, and no signal. */
#define SYSTEM_CALL_STOP (SIGTRAP | 0x80)

void trace_me(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	raise(SIGSTOP);
}

void trace_begin(void)
{
	syscall(SYS_getppid, MARK, MARK_BEGIN);
}

void trace_end(void)
{
	syscall(SYS_getppid, MARK, MARK_END);
}

/*
 * The only thing that differs between machines. On entry, set the number of
 * the call: the kernel skips -1. On exit, set the result.
 */
#if defined(__x86_64__)
static bool rewrite(pid_t child, bool entry, long value)
{
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &io) < 0)
		return false;
	if (entry)
		regs.orig_rax = (unsigned long)value;
	else
		regs.rax = (unsigned long)value;
	return ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &io) == 0;
}
#elif defined(__i386__)
static bool rewrite(pid_t child, bool entry, long value)
{
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &io) < 0)
		return false;
	if (entry)
		regs.orig_eax = value;
	else
		regs.eax = value;
	return ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &io) == 0;
}
#elif defined(__aarch64__)
static bool rewrite(pid_t child, bool entry, long value)
{
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };
	int number = (int)value;

	if (entry) {
		io = (struct iovec){ &number, sizeof(number) };
		return ptrace(PTRACE_SETREGSET, child, NT_ARM_SYSTEM_CALL,
			      &io) == 0;
	}
	if (ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &io) < 0)
		return false;
	regs.regs[0] = (unsigned long)value;
	return ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &io) == 0;
}
#else
static bool rewrite(pid_t child, bool entry, long value)
{
	(void)child;
	(void)entry;
	(void)value;
	return false;
}
#endif

/* i386 has one call for all of System V, ipc(2): which of them it is. */
#ifdef SYS_ipc
static long inner_call(long number, unsigned long long which)
{
	static const long calls[] = {
		[SEMGET] = SYS_semget, [SEMCTL] = SYS_semctl,
		[SHMGET] = SYS_shmget, [SHMCTL] = SYS_shmctl,
		[SHMAT] = SYS_shmat,   [SHMDT] = SYS_shmdt,
	};

	which &= 0xffff; /* above it stands a version */
	if (number == SYS_ipc && which < sizeof(calls) / sizeof(calls[0]) &&
	    calls[which])
		return calls[which];
	return number;
}
#else
static long inner_call(long number, unsigned long long which)
{
	(void)which;
	return number;
}
#endif

/* The state of one child between its stops. */
struct state {
	pid_t child;
	struct trace *t;
	bool between;	   /* the marks */
	bool skipping;	   /* the call that it is in */
	unsigned refusals; /* still to come */
	bool done;	   /* nothing of this child is of interest any more */
};

/*
 * The creation of a set is undone by semctl(2) too, and a set of which nothing
 * was ever written cannot be told from a stranger's: only once.
 */
static bool is_undo(const struct state *s, long number)
{
	return number == SYS_semctl && s->refusals < s->t->times;
}

static void enter(struct state *s, long number, const unsigned long long *args)
{
	struct trace *t = s->t;
	bool at_step;

	number = inner_call(number, args[0]);
	if (number == SYS_getppid && args[0] == MARK) {
		s->between = args[1] == MARK_BEGIN;
		s->done = args[1] == MARK_END;
		return;
	}
	if (!s->between)
		return;
	/* A call that never returns is refused again and again. */
	at_step = t->steps + 1 == t->step;
	if (t->steps < TRACE_STEPS_MAX)
		t->numbers[t->steps++] = number;
	if (t->act == TRACE_KILL_BEFORE && at_step)
		t->reached = kill(s->child, SIGKILL) == 0;
	if (t->act != TRACE_REFUSE || t->steps < t->step || s->refusals == 0 ||
	    number != t->numbers[t->step - 1] ||
	    !trace_may_refuse(number, t->err) || is_undo(s, number))
		return;
	t->reached = s->skipping = rewrite(s->child, true, -1);
	s->refusals--;
}

static void leave(struct state *s)
{
	struct trace *t = s->t;

	if (s->skipping)
		(void)rewrite(s->child, false, -t->err);
	if (t->act == TRACE_REFUSE && s->refusals == 0)
		s->done = true;
	s->skipping = false;
	if (s->between && t->act == TRACE_KILL_AFTER && t->steps == t->step)
		t->reached = kill(s->child, SIGKILL) == 0;
}

static void look(struct state *s)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, s->child, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(s, (long)info.entry.nr,
		      (const unsigned long long *)info.entry.args);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(s);
}

/* To the end of the child, untraced. */
static void let_go(pid_t child, int *status)
{
	(void)ptrace(PTRACE_DETACH, child, NULL, NULL);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
}

void trace(pid_t child, struct trace *t)
{
	struct state s = { .child = child, .t = t, .refusals = t->times };
	bool first = true;

	t->steps = 0;
	t->reached = false;
	while (!s.done) {
		long sig;

		if (waitpid(child, &t->status, 0) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (!WIFSTOPPED(t->status))
			return;
		sig = WSTOPSIG(t->status);
		if (sig == SYSTEM_CALL_STOP)
			look(&s);
		if (first)
			(void)ptrace(PTRACE_SETOPTIONS, child, NULL,
				     PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
		if (first || sig == SYSTEM_CALL_STOP)
			sig = 0;
		first = false;
		/* Fails when it was just killed. */
		if (!s.done)
			(void)ptrace(PTRACE_SYSCALL, child, NULL, sig);
	}
	let_go(child, &t->status);
}

bool trace_works(void)
{
	static struct trace t = {
		.act = TRACE_REFUSE, .step = 1, .err = EDOM, .times = 1
	};
	pid_t child = fork();

	if (child == 0) {
		trace_me();
		trace_begin();
		if (syscall(SYS_getppid) != -1 || errno != EDOM)
			_exit(1);
		trace_end();
		_exit(0);
	}
	if (child < 0)
		return false;
	trace(child, &t);
	return t.steps == 1 && WIFEXITED(t.status) &&
	       WEXITSTATUS(t.status) == 0;
}

/*
 * Those that cannot fail, those whose failure is not reported as a negative
 * number, and those that a program undoes things with: if they fail there is
 * nothing that it could do.
 */
bool trace_may_refuse(long number, int err)
{
	static const long never[] = {
		SYS_brk,
		SYS_close,
		SYS_exit,
		SYS_exit_group,
		SYS_futex,
		SYS_getegid,
		SYS_geteuid,
		SYS_getgid,
		SYS_getpid,
		SYS_gettid,
		SYS_getuid,
		SYS_munmap,
		SYS_rt_sigprocmask,
		SYS_rt_sigreturn,
		SYS_sched_yield,
		SYS_shmdt,
#ifdef SYS_getuid32 /* i386 */
		SYS_getegid32,
		SYS_geteuid32,
		SYS_getgid32,
		SYS_getuid32,
#endif
	};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* Their allocators end the program. */
	if (number == SYS_mmap)
		return false;
#endif
	/* What a directory says that was removed: for readdir(3) its end. */
	if (number == SYS_getdents64 && err == ENOENT)
		return false;
	/* The answer that the segment is gone, which is acted on. */
	if (number == SYS_shmctl && err == EINVAL)
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (number == never[i])
			return false;
	return true;
}

bool trace_is_undo(long number)
{
	static const long undo[] = {
#ifdef SYS_unlink
		SYS_unlink,
#endif
		SYS_unlinkat,
		SYS_shmctl,
		SYS_semctl,
	};

	for (size_t i = 0; i < sizeof(undo) / sizeof(undo[0]); i++)
		if (number == undo[i])
			return true;
	return false;
}

const char *trace_name(long number)
{
#define CALL(name)                                                             \
	{                                                                      \
		SYS_##name, #name                                              \
	}
	static const struct {
		long number;
		const char *name;
	} calls[] = {
#ifdef SYS_open /* older machines have them */
		CALL(access),	    CALL(link),	      CALL(lstat),
		CALL(mknod),	    CALL(open),	      CALL(poll),
		CALL(rename),	    CALL(stat),	      CALL(unlink),
		CALL(chmod),
#endif
		CALL(clone),	    CALL(close),      CALL(connect),
		CALL(eventfd2),	    CALL(faccessat),  CALL(fallocate),
		CALL(fchmod),	    CALL(fchmodat),   CALL(fcntl),
		CALL(flock),	    CALL(fstat),      CALL(ftruncate),
		CALL(getdents64),   CALL(getpid),     CALL(getrandom),
		CALL(getsockopt),   CALL(linkat),     CALL(memfd_create),
		CALL(mkdirat),	    CALL(mknodat),    CALL(mmap),
		CALL(mprotect),	    CALL(munmap),     CALL(newfstatat),
		CALL(openat),	    CALL(ppoll),      CALL(pread64),
		CALL(prlimit64),    CALL(pwrite64),   CALL(read),
		CALL(recvmsg),	    CALL(renameat),   CALL(semctl),
		CALL(semget),	    CALL(semtimedop), CALL(sendmsg),
		CALL(setsockopt),   CALL(shmat),      CALL(shmctl),
		CALL(shmdt),	    CALL(shmget),     CALL(socket),
		CALL(statx),	    CALL(sysinfo),    CALL(unlinkat),
		CALL(wait4),	    CALL(write),      CALL(brk),
		CALL(rt_sigaction), CALL(geteuid),    CALL(clock_nanosleep),
		CALL(nanosleep),    CALL(gettid),     CALL(madvise),
	};
	static char other[32];

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number == number)
			return calls[i].name;
	snprintf(other, sizeof(other), "call %ld", number);
	return other;
}
