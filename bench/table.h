/* SPDX-License-Identifier: MIT */
/* The table: from its head to its last row. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench/run.h"

extern bool csv; /* for machines */

void table_head(void);
void table_show(const struct row *row, const struct line *lines,
		unsigned count);

/* Was a limit missed in any row? */
bool table_missed(void);

#endif
