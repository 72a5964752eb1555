/* SPDX-License-Identifier: MIT */
/*
 * The children of a stress test: processes that share anonymous memory with
 * their parent, and talk to the library through connections of their own. They
 * report an error at once, and continue.
 */
#ifndef STRESS_CHILDREN_H
#define STRESS_CHILDREN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <shmipc.h>

/* What complaints begin with. The program has it. */
extern const char program[];

/* Of this process alone. */
extern struct shmipc *ipc;

/* Before all others. */
void children_begin(void);

/* Zeroed memory that is shared with all children, for ever. */
void *share(size_t size);

/* Say what is wrong, the first times, and count it. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* The number of complaints, of all processes. */
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

/* 0 to n - 1. Children begin at different numbers. */
unsigned dice(unsigned n);

/* Milliseconds of CLOCK_MONOTONIC. */
long now_ms(void);

/* Descriptors that this process has open. */
int count_fds(void);

#endif
