/* SPDX-License-Identifier: MIT */
/*
 * shmipc bench: what the library costs on this machine, beside what each
 * backend is built on. It measures as `make bench' does (bench/run.h), less of
 * it and not as long, and judges nothing.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/run.h"
#include "tools/commands.h"

#define SECONDS	     0.45 /* a row on a backend: some ten in all */
#define LEAST	     10
#define BACKENDS_MAX 16

static const struct title {
	const char *row, *title;
} titles[] = {
	{ "pair", "wait + post" },
	{ "lock", "lock + unlock" },
	{ "roundtrip-2-cores", "round trip, two cores" },
	{ "roundtrip-1-core", "round trip, one core" },
	{ "open-4K", "open + close" },
	{ "create-4K", "create + unlink" },
};

#define TITLES (sizeof(titles) / sizeof(titles[0]))

static char wanted[BACKENDS_MAX][16];
static unsigned wanted_count;
static bool json;
static int status;

static const char *title_of(const struct row *row)
{
	for (size_t i = 0; i < TITLES; i++)
		if (!strcmp(titles[i].row, row->name))
			return titles[i].title;
	return NULL;
}

static bool wants_row(const struct row *row)
{
	return title_of(row) != NULL;
}

static bool wants_backend(const char *name)
{
	for (unsigned i = 0; i < wanted_count; i++)
		if (!strcmp(wanted[i], name))
			return true;
	return false;
}

static int want_backend(const char *name, void *arg)
{
	(void)arg;
	if (wanted_count < BACKENDS_MAX)
		snprintf(wanted[wanted_count++], sizeof(wanted[0]), "%s", name);
	return EXIT_DONE;
}

/* ---- what came out ------------------------------------------------------- */

static void begin(void)
{
	if (!json)
		printf("%-22s  %-7s  %8s  %-12s %8s  %6s\n", "", "BACKEND",
		       "SHMIPC", "RAW", "", "RATIO");
}

static void print_text(const char *title, const struct line *line)
{
	const struct comparison *c = &line->c;
	char ours[BENCH_TEXT_MAX], raw[BENCH_TEXT_MAX], ratio[BENCH_TEXT_MAX];

	printf("%-22s  %-7s  ", title, line->backend);
	if (line->skipped)
		printf("skipped: %s\n", line->skipped);
	else
		printf("%8s  %-12s %8s  %6s\n",
		       bench_amount(ours, c->ours, c->unit), c->against,
		       bench_amount(raw, c->raw, c->unit),
		       bench_factor(ratio, c->ours / c->raw));
}

/* Whole numbers, and a nanosecond is too long for what is fast. */
static void print_json(const struct row *row, const struct line *line)
{
	tool_json_item();
	tool_json_text("row", row->name);
	tool_json_text("backend", line->backend);
	tool_json_text("skipped", line->skipped);
	if (line->skipped) {
		tool_json_null("against");
		tool_json_null("shmipc_ps");
		tool_json_null("raw_ps");
		return;
	}
	tool_json_text("against", line->c.against);
	tool_json_number("shmipc_ps", (int64_t)(line->c.ours * 1000));
	tool_json_number("raw_ps", (int64_t)(line->c.raw * 1000));
}

static void show(const struct row *row, const struct line *lines,
		 unsigned count)
{
	const char *title = title_of(row);

	for (unsigned i = 0; i < count; i++) {
		if (!lines[i].counterpart && !lines[i].skipped)
			continue;
		if (json)
			print_json(row, &lines[i]);
		else
			print_text(title, &lines[i]);
		title = "";
	}
}

static int end(void)
{
	return json ? tool_json_end() : EXIT_DONE;
}

/* ---- the command --------------------------------------------------------- */

static const struct plan plan_of_all = {
	.program = "shmipc",
	.seconds = SECONDS,
	.least = LEAST,
	.wants_row = wants_row,
	.wants_backend = wants_backend,
	.begin = begin,
	.show = show,
	.end = end,
};

static int measure(const char *backends)
{
	status = tool_each_backend(backends, want_backend, NULL);
	if (status == EXIT_USAGE || !wanted_count)
		return status;
	if (json && tool_json_begin() < 0)
		return EXIT_USAGE;
	return bench_run(&plan_of_all) == EXIT_DONE ? status : EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "json", no_argument, NULL, 'j' },
		TOOL_OPTIONS_END,
	};
	const char *backends = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'b':
			backends = optarg;
			break;
		case 'j':
			json = true;
			break;
		default:
			return tool_other(&cmd_bench, c);
		}
	if (optind < argc)
		return tool_usage(&cmd_bench);
	return measure(backends);
}

const struct command cmd_bench = {
	.name = "bench",
	.synopsis = "[--backend LIST] [--json]",
	.summary = "Measure, for some ten seconds, what the library costs here",
	.help = "Medians of shmipc and of what its backend is built on, "
		"without a library, taken\nin turns; RATIO is the first by the "
		"second. A round trip is there and back\nbetween two "
		"processes; the others are one process alone. 4 KiB are "
		"opened, and\ncreated, written and unlinked. memfd has names "
		"by a broker, and is compared with\nthe least that is one. "
		"What is made for this is removed.\n"
		"\n"
		"  --backend LIST  of these only, such as posix,sysv or "
		"^memfd; else of all\n"
		"                  that work here\n"
		"  --json          an array of objects: row, backend, skipped "
		"(why, or null),\n"
		"                  against, shmipc_ps, raw_ps (picoseconds)\n",
	.run = run,
};
