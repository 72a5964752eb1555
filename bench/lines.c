/* SPDX-License-Identifier: MIT */
/* Keeps what a row judges until all backends are through with it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lines.h"
#include "bench/supervise.h"

#define LINES_MAX 64

static struct line lines[LINES_MAX];
static unsigned count;
static const struct row *row;
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

void lines_begin(const struct row *next)
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

void lines_end(void)
{
	erase_progress();
	plan->show(row, lines, count);
	fflush(stdout);
}

/* ---- numbers ------------------------------------------------------------- */

const char *bench_amount(char ret[BENCH_TEXT_MAX], double n, const char *unit)
{
	static const char *const larger[] = { "ns", "us", "ms", "s" };
	unsigned i = 0;

	if (strcmp(unit, "ns") != 0) {
		snprintf(ret, BENCH_TEXT_MAX, "%.0f B", n);
		return ret;
	}
	for (; n >= 1000 && i < 3; i++)
		n /= 1000;
	snprintf(ret, BENCH_TEXT_MAX, "%.*f %s", n < 10 ? 2 : n < 100, n,
		 larger[i]);
	return ret;
}

const char *bench_factor(char ret[BENCH_TEXT_MAX], double n)
{
	if (n < 0.1)
		snprintf(ret, BENCH_TEXT_MAX, "1/%.0f", 1 / n);
	else
		snprintf(ret, BENCH_TEXT_MAX, "%.2f", n);
	return ret;
}
