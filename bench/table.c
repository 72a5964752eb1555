/* SPDX-License-Identifier: MIT */
/*
 * What came out: a table for people, in which the backends stand below each
 * other, or lines for machines. And whether all limits were kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/supervise.h"
#include "bench/table.h"

#define LINES_MAX 64

/* A line of the table. */
struct line {
	char backend[16];
	struct comparison c;
	const char *skipped; /* why; or NULL */
};

bool csv;

static struct line lines[LINES_MAX];
static unsigned count;
static const struct row *row;
static bool missed;
static bool shown; /* a line about progress */

static struct line *new_line(void)
{
	struct line *line = &lines[count];

	if (count == LINES_MAX)
		fail("too many lines");
	count++;
	*line = (struct line){ .skipped = NULL };
	snprintf(line->backend, sizeof(line->backend), "%s", backend);
	return line;
}

void judge_this(const struct comparison *c)
{
	struct line *line = new_line();

	line->c = *c;
	if (!(c->ours > 0) || !(c->raw > 0))
		fail("%s: %g against %g is not sane", row->name, c->ours,
		     c->raw);
}

void judge(const struct side *ours, const struct side *raw, double limit)
{
	struct comparison c = {
		.unit = "ns",
		.ours = ours->samples.median,
		.ours_p99 = ours->samples.p99,
		.raw = raw->samples.median,
		.raw_p99 = raw->samples.p99,
		.limit = limit,
		.fair = -1,
		.raw_fair = -1,
		.samples = ours->samples.count,
	};

	snprintf(c.against, sizeof(c.against), "%s", raw->name);
	judge_this(&c);
}

void judge_skipped(const char *why)
{
	new_line()->skipped = why;
}

/* ---- numbers ------------------------------------------------------------- */

#define TEXT_MAX 24

/* Three digits and a unit. */
static const char *amount(char ret[TEXT_MAX], double n, const char *unit)
{
	static const char *const larger[] = { "ns", "us", "ms", "s" };
	unsigned i = 0;

	if (strcmp(unit, "ns") != 0) {
		snprintf(ret, TEXT_MAX, "%.0f B", n);
		return ret;
	}
	for (; n >= 1000 && i < 3; i++)
		n /= 1000;
	snprintf(ret, TEXT_MAX, "%.*f %s", n < 10 ? 2 : n < 100, n, larger[i]);
	return ret;
}

/* How many times; small ones as a fraction. */
static const char *factor(char ret[TEXT_MAX], double n)
{
	if (n < 0.1)
		snprintf(ret, TEXT_MAX, "1/%.0f", 1 / n);
	else
		snprintf(ret, TEXT_MAX, "%.2f", n);
	return ret;
}

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

static void print_csv(const struct line *line)
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
	char text[6][TEXT_MAX];

	if (line->skipped) {
		printf("  %-7s skipped: %s\n", line->backend, line->skipped);
		return;
	}
	printf("  %-7s %8s %8s  %-12s %8s %8s %7s", line->backend,
	       amount(text[0], c->ours, c->unit),
	       amount(text[1], c->ours_p99, c->unit), c->against,
	       amount(text[2], c->raw, c->unit),
	       amount(text[3], c->raw_p99, c->unit),
	       factor(text[4], c->ours / c->raw));
	printf(" %6s  %s",
	       c->limit == NO_LIMIT ? "" : factor(text[5], c->limit),
	       verdict(c));
	if (c->fair >= 0)
		printf(" (fair %.2f, raw %.2f)", c->fair, c->raw_fair);
	printf("\n");
}

/* Is it the nth line of its backend? */
static bool is_place(const struct line *a, unsigned nth)
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

void table_begin(const struct row *next)
{
	row = next;
	count = 0;
}

void progress(void)
{
	static int terminal = -1;
	static double next;

	supervise_alive();
	if (terminal < 0)
		terminal = isatty(STDERR_FILENO);
	if (!terminal || now_ns() < next)
		return;
	next = now_ns() + 1e8;
	fprintf(stderr, "\r\033[K%s: %s ...", row->name, backend);
	shown = true;
}

static void erase_progress(void)
{
	if (shown)
		fprintf(stderr, "\r\033[K");
	shown = false;
}

void table_end(void)
{
	erase_progress();
	if (!csv)
		printf("\n%s: %s\n", row->name, row->what);
	for (unsigned nth = 0; nth < count; nth++)
		for (unsigned i = 0; i < count; i++) {
			const struct line *line = &lines[i];

			if (!is_place(line, nth))
				continue;
			if (csv)
				print_csv(line);
			else
				print_person(line);
			if (!line->skipped &&
			    (line->c.fair == 0 || too_slow(&line->c)))
				missed = true;
		}
	fflush(stdout);
}

bool table_missed(void)
{
	return missed;
}
