/* SPDX-License-Identifier: MIT */
/*
 * The stress test: processes that race for few names, and die at any moment,
 * on whatever backend SHMIPC_BACKEND says. See stress.c for how it is called.
 */
#ifndef STRESS_H
#define STRESS_H

#include <setjmp.h>
#include <time.h>

#include "tests/stress/children.h"

/* All objects have one of these names: "s.PID.N", PID is the first process. */
#define NAMES 4
extern char names[NAMES][32];

/*
 * A window of few instructions is hardly ever hit by somebody whose every look
 * takes microseconds. So, until one of these children has ended, stop one now
 * and then, wherever it is, for as long as others need for some looks; most
 * often the first. 0 is no child. Returns the index of the one that has ended,
 * which is still to be reaped.
 */
unsigned disturb(const pid_t *pids, unsigned count);

/* At most this many turns of an empty loop; a turn takes about a nanosecond. */
void dawdle(unsigned most);

/* Wait a moment for somebody else: mostly without a system call. */
void spin(unsigned *turns);

/* Wait until this child sleeps in a system call. */
void await_asleep(pid_t pid);

/* The time of CLOCK_MONOTONIC ms milliseconds from now. */
struct timespec in_ms(long ms);

/*
 * The backend's objects, as can be seen without the library; none of a memfd.
 * objects_left() counts the new ones. Objects that come and go belong to other
 * programs, and do not count.
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
void sleepers(unsigned long count);

#endif
