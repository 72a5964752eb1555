/* SPDX-License-Identifier: MIT */
/*
 * The stress test: processes that race for few names, and die at any moment,
 * on whatever backend SHMIPC_BACKEND says. See stress.c for how it is called.
 *
 * All processes are children of one, share anonymous memory with it, and talk
 * to the library through connections of their own. What they find wrong they
 * say at once, and go on.
 */
#ifndef STRESS_H
#define STRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <sys/types.h>
#include <time.h>

#include <shmipc.h>

/* Of this process alone. */
extern struct shmipc *ipc;

/* All objects have one of these names: "s.PID.N", PID is the first process. */
#define NAMES 4
extern char names[NAMES][32];

/* Zeroed memory that is shared with all children, for ever. */
void *share(size_t size);

/* Say what is wrong, the first times, and count it. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* So many complaints, of all processes. */
unsigned long complaints(void);

/*
 * r must be 0 or more, or one of these codes (0: no other). Returns r. The
 * complaint has the library's sentence.
 */
int expect(const char *what, const char *name, int r, int or, int or_else);

/*
 * A child that does work(slot) with a connection of its own and ends. It is
 * killed if its parent ends before it.
 */
pid_t start(void (*work)(unsigned slot), unsigned slot);

/*
 * Wait for a child, which must have ended well, or by this signal. Returns
 * whether it was by the signal.
 */
bool reap(pid_t pid, int signal);

/*
 * A window of few instructions is hardly ever hit by somebody whose every look
 * takes microseconds. So, until one of these children has ended, stop one now
 * and then, wherever it is, for as long as others need for some looks; most
 * often the first. 0 is no child. Returns the index of the one that has ended,
 * which is still to be reaped.
 */
unsigned disturb(const pid_t *pids, unsigned count);

/* 0 to n - 1. Children begin at different numbers. */
unsigned dice(unsigned n);

/* Up to so many turns of an empty loop; a turn takes about a nanosecond. */
void dawdle(unsigned most);

/* Wait a moment for somebody else: mostly without a system call. */
void spin(unsigned *turns);

/* Wait until this child sleeps in a system call. */
void await_asleep(pid_t pid);

/* Milliseconds of CLOCK_MONOTONIC. */
long now_ms(void);

/* So many of CLOCK_MONOTONIC from now. */
struct timespec in_ms(long ms);

/* Descriptors that this process has open. */
int count_fds(void);

/*
 * The backend's objects, as can be seen without the library; none of a memfd.
 * Later, so many are new. What comes and goes is others', and does not count.
 */
struct objects;
struct objects *note_objects(void);
unsigned long objects_left(const struct objects *before);
void forget_objects(struct objects *noted);

/* As they were before the test. */
extern struct objects *at_start;

/*
 * Remove what a test may leave, see that the names can be used again, and then
 * that nothing at all is left. Returns how much is.
 */
unsigned long sweep(void);

/* The tests. Each prints its line, but not the end of it. */
void race(unsigned long count);
void storm(unsigned long count);
void transient(unsigned long count);
void crowd(unsigned long count);
void lock_storm(unsigned long count);
void wake(unsigned long count);
void steps(unsigned long count);
void graves(unsigned long count);

#endif
