/* SPDX-License-Identifier: MIT */
/*
 * The measurements. A row is one question ("what does a wait and a post
 * cost?"), asked of each backend. A side is one of those compared in it:
 * shmipc, or a primitive of the system without a library. All sides of a row
 * are measured in one run, in turns, so that noise hits all of them; what is
 * judged is the ratio of their medians.
 *
 * An error ends the program: fail(). Another process then removes the objects
 * that are left, see supervise.c.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <shmipc.h>

#include "bench/run.h"

/* Of the backend that is being measured. */
extern struct shmipc *ipc;
extern const char *backend;

/* The settings from the command line. */
extern const struct plan *plan;

/* "what: why", and the end, with status 2. */
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format,
							  ...);

/* r, unless it says that a call of the library failed: then the end. */
int must(const char *what, int r);

/* The same for a system call: -1 is failure, errno says why. */
long must_sys(const char *what, long r);

/* Zeroed memory that is shared with all children, for ever. */
void *share(size_t size);

/* ---- names: own.c -------------------------------------------------------- */

#define OWN_NAME_MAX 64

/*
 * A name for an object, which tells this run from others:
 * "bench.PID.what.index".
 */
void own_name(char ret[OWN_NAME_MAX], const char *what, unsigned long index);

/* The one name for a raw shm_open(3) object. */
extern char own_raw_name[OWN_NAME_MAX];

/* System V objects without a library, known until removed; one segment. */
int own_segment(size_t size, key_t *ret_key);
void drop_segment(void);
int own_set(unsigned value);
void drop_set(int id);

/* Before anything is made; before a process is forked that makes it. */
void own_begin(void);

/* For who measures: be alone among System V objects, if that is allowed. */
void own_ipc_namespace(void);

/* Remove whatever is left of this run. */
void own_sweep(bool killed);

/* ---- time: sample.c ------------------------------------------------------ */

struct samples {
	double *list;
	size_t count, room;
	double median, p99; /* by samples_sum_up() */
};

void samples_add(struct samples *to, double value);
void samples_sum_up(struct samples *s);
void samples_free(struct samples *s);

/* ns of CLOCK_MONOTONIC */
double now_ns(void);

struct side {
	const char *name;
	/* Do it batch times. Returns the ns that one took. */
	double (*sample)(struct side *side);
	void *arg;
	unsigned batch; /* so large that reading the clock does not count */
	struct samples samples;
};

/*
 * Warm up, then take samples of all sides in turns until the row's time is
 * over, and sum them up.
 */
void contest(struct side *sides, unsigned count);

/* ---- what came out: lines.c ---------------------------------------------- */

/* shmipc's samples against another side's. */
void judge(const struct side *ours, const struct side *raw, double limit);

/* The same, of whatever can be compared. */
void judge_this(const struct comparison *c);

/* This row was not measured on this backend. */
void judge_skipped(const char *why);

/* Show on a terminal what is being measured. To be called now and then. */
void progress(void);

/* ---- processes: crew.c --------------------------------------------------- */

/* Two processors that are no threads of one core, if there are two. */
extern int cores[2];
extern unsigned core_count;

void find_cores(void);
void pin_to(int core);
void unpin(void);

struct worker {
	pid_t pid;
	int orders, answers; /* pipes */
	int core;	     /* where it runs; -1: anywhere */
	/* With a connection of its own. Returns when get_order() is 0. */
	void (*work)(struct worker *self);
	void *arg;
	unsigned index;
};

void start_worker(struct worker *w);
void end_worker(struct worker *w);
void give_order(const struct worker *w, unsigned order);
void await_answer(const struct worker *w);
unsigned get_order(const struct worker *self);
void answer(const struct worker *self);

/* ---- the rows ------------------------------------------------------------ */

void row_pair(void);
void row_lock(void);
void row_two_cores(void);
void row_one_core(void);
void row_handover_2(void);
void row_handover_4(void);
void row_handover_16(void);
void row_lock_handover_2(void);
void row_lock_handover_4(void);
void row_lock_handover_16(void);
void row_open_4k(void);
void row_open_16m(void);
void row_open_4k_only(void);
void row_open_16m_only(void);
void row_create_4k(void);
void row_prefault_16m(void);
void row_many_open(void);
void row_many_create(void);
void row_size(void);

#endif
