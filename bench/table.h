/* SPDX-License-Identifier: MIT */
/* The table: from its head to its last row. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench/bench.h"

struct row {
	const char *name; /* stable: scripts know it */
	const char *what; /* one line for people */
	void (*run)(void);
};

extern bool csv; /* for machines */

void table_head(void);
void table_begin(const struct row *next);
void table_end(void);

/* Was a limit missed in any row? */
bool table_missed(void);

#endif
