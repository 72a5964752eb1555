/* SPDX-License-Identifier: MIT */
/*
 * What came out: a table for people, in which the backends stand below each
 * other, or lines for machines. And whether all limits were kept.
 */
#include <stdio.h>
#include <string.h>

#include "bench/table.h"

bool csv;

static bool missed;

static bool too_slow(const struct comparison *c)
{
	return c->limit != NO_LIMIT && c->ours / c->raw > c->limit;
}

static const char *verdict(const struct comparison *c)
{
	if (c->fair == 0)
		return "somebody starved";
	if (too_slow(c))
		return !strcmp(c->unit, "bytes") ? "too large" : "too slow";
	return c->limit == NO_LIMIT && c->fair < 0 ? "-" : "ok";
}

/* ---- lines --------------------------------------------------------------- */

static void print_csv(const struct row *row, const struct line *line)
{
	const struct comparison *c = &line->c;

	printf("%s,%s,", row->name, line->backend);
	if (line->skipped) {
		printf(",,,,,,,,,,,skipped: %s\n", line->skipped);
		return;
	}
	printf("%s,%s,%.6g,%.6g,%.6g,%.6g,%.4g,", c->against, c->unit, c->ours,
	       c->ours_p99, c->raw, c->raw_p99, c->ours / c->raw);
	if (c->limit != NO_LIMIT)
		printf("%.4g", c->limit);
	printf(",");
	if (c->fair >= 0)
		printf("%.3f", c->fair);
	printf(",");
	if (c->raw_fair >= 0)
		printf("%.3f", c->raw_fair);
	printf(",%zu,%s\n", c->samples, verdict(c));
}

static void print_person(const struct line *line)
{
	const struct comparison *c = &line->c;
	char text[6][BENCH_TEXT_MAX];

	if (line->skipped) {
		printf("  %-7s skipped: %s\n", line->backend, line->skipped);
		return;
	}
	printf("  %-7s %8s %8s  %-12s %8s %8s %7s", line->backend,
	       bench_amount(text[0], c->ours, c->unit),
	       bench_amount(text[1], c->ours_p99, c->unit), c->against,
	       bench_amount(text[2], c->raw, c->unit),
	       bench_amount(text[3], c->raw_p99, c->unit),
	       bench_factor(text[4], c->ours / c->raw));
	printf(" %6s  %s",
	       c->limit == NO_LIMIT ? "" : bench_factor(text[5], c->limit),
	       verdict(c));
	if (c->fair >= 0)
		printf(" (fair %.2f, raw %.2f)", c->fair, c->raw_fair);
	printf("\n");
}

/* Is it the nth line of its backend? */
static bool is_place(const struct line *lines, const struct line *a,
		     unsigned nth)
{
	unsigned before = 0;

	for (const struct line *l = lines; l < a; l++)
		before += !strcmp(l->backend, a->backend);
	return before == nth;
}

void table_head(void)
{
	if (csv)
		printf("row,backend,against,unit,ours,ours_p99,raw,raw_p99,"
		       "ratio,limit,fair,raw_fair,samples,verdict\n");
	else
		printf("  %-7s %8s %8s  %-12s %8s %8s %7s %6s  %s\n", "backend",
		       "shmipc", "p99", "raw", "median", "p99", "ratio",
		       "limit", "verdict");
}

void table_show(const struct row *row, const struct line *lines, unsigned count)
{
	if (!csv)
		printf("\n%s: %s\n", row->name, row->what);
	for (unsigned nth = 0; nth < count; nth++)
		for (unsigned i = 0; i < count; i++) {
			const struct line *line = &lines[i];

			if (!is_place(lines, line, nth))
				continue;
			if (csv)
				print_csv(row, line);
			else
				print_person(line);
			if (!line->skipped &&
			    (line->c.fair == 0 || too_slow(&line->c)))
				missed = true;
		}
}

bool table_missed(void)
{
	return missed;
}
