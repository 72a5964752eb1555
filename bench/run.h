/* SPDX-License-Identifier: MIT */
/* How the measurements are run and shown. bench.h says how they are built. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct row {
	const char *name; /* stable: scripts know it */
	const char *what; /* one line for people */
	void (*run)(void);
};

/* Ends with a name of NULL. */
extern const struct row bench_rows[];

#define NO_LIMIT 0

struct comparison {
	char against[24];
	const char *unit; /* "ns" or "bytes" */
	double ours, ours_p99;
	double raw, raw_p99;
	double limit;	       /* of ours / raw; NO_LIMIT: for information */
	double fair, raw_fair; /* least / most served; < 0: not measured */
	size_t samples;
};

/* What came out of a row on a backend; there may be several. */
struct line {
	char backend[16];
	struct comparison c;
	const char *skipped; /* why; or NULL */
};

struct plan {
	const char *program; /* before the colon of what is complained about */
	double seconds;	     /* a row on a backend, without what it prepares */
	size_t least;	     /* samples, whatever that takes */
	bool quick;	     /* small crowds: only see that everything runs */
	bool (*wants_row)(const struct row *row);
	bool (*wants_backend)(const char *name);

	/* In the process that measures: before the first row, */
	void (*begin)(void);
	/* after each, */
	void (*show)(const struct row *row, const struct line *lines,
		     unsigned count);
	/* and after the last. Returns the exit status. */
	int (*end)(void);
};

/* The status of a run that went wrong, which has said so on stderr. */
#define BENCH_FAILED 2

/*
 * Measure. Returns what wanted->end() did, or BENCH_FAILED; what was made is
 * removed then, also after SIGINT, SIGTERM and SIGHUP. For once in a process.
 */
int bench_run(const struct plan *wanted);

#define BENCH_TEXT_MAX 24

/* Three digits and a unit. */
const char *bench_amount(char ret[BENCH_TEXT_MAX], double n, const char *unit);

/* How many times; small ones as a fraction. */
const char *bench_factor(char ret[BENCH_TEXT_MAX], double n);

#endif
