/* SPDX-License-Identifier: MIT */
/* What the rows judge, from the beginning of one to its end. */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

#include "bench/run.h"

void lines_begin(const struct row *next);
void lines_end(void);

#endif
