/* SPDX-License-Identifier: MIT */
/*
 * What the library costs beside what the system itself costs, in one table;
 * usage() says how it is called. bench.h says how it is built.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shmipc.h>

#include "bench/table.h"

/* Seconds a row takes on a backend, and samples that it has at least. */
#define TIME_FULL   1.5
#define TIME_QUICK  0.04
#define LEAST_FULL  25
#define LEAST_QUICK 3

static const char *wanted_row;	   /* NULL: all */
static const char *wanted_backend; /* NULL: all that are ours */
static bool quick; /* a few seconds in all, only to see that everything runs */

/* "open" means open-4K and open-16M. */
static bool is_wanted(const struct row *row)
{
	return !wanted_row || !strcmp(row->name, wanted_row) ||
	       (!strncmp(row->name, wanted_row, strlen(wanted_row)) &&
		row->name[strlen(wanted_row)] == '-');
}

static bool is_wanted_backend(const char *name)
{
	return !wanted_backend || !strcmp(name, wanted_backend);
}

static int end(void)
{
	return table_missed() && !quick;
}

/* ---- options ------------------------------------------------------------- */

static void usage(FILE *to)
{
	fprintf(to, "usage: bench [OPTION]...\n"
		    "\n"
		    "  --backend=NAME  of this one only: posix, sysv or memfd\n"
		    "  --row=NAME      of this one only, or of NAME-...\n"
		    "  --csv           lines for machines\n"
		    "  --quick         only see that everything runs\n"
		    "  --help\n"
		    "\n"
		    "Rows:\n");
	for (const struct row *row = bench_rows; row->name; row++)
		fprintf(to, "  %-18s  %s\n", row->name, row->what);
	fprintf(to,
		"\n"
		"Each line compares medians of shmipc and of a raw primitive "
		"of the system,\nmeasured in turns. p99 is of means of "
		"batches: it says how noisy it was. fair\nis least / most "
		"turns of a process.\n"
		"\n"
		"--csv: row, backend, against (the raw side), unit (ns or "
		"bytes), ours, ours_p99,\nraw, raw_p99, ratio (ours / raw), "
		"limit (of ratio), fair, raw_fair, samples,\nverdict. What "
		"there is not is empty.\n"
		"\n"
		"Exit status: 0, or 1 if a limit was missed (not with "
		"--quick), or 2 for errors.\n");
}

static _Noreturn void refuse(const char *what, const char *name)
{
	fprintf(stderr, "bench: there is no %s called %s; see --help\n", what,
		name);
	exit(BENCH_FAILED);
}

static int count_wanted(const struct shmipc_backend_info *info, void *arg)
{
	*(unsigned *)arg += is_wanted_backend(info->name);
	return 0;
}

static void check_wanted(void)
{
	unsigned rows = 0, backends = 0;

	for (const struct row *row = bench_rows; row->name; row++)
		rows += is_wanted(row);
	if (!rows)
		refuse("row", wanted_row);
	(void)shmipc_backends(count_wanted, &backends);
	if (!backends)
		refuse("backend", wanted_backend);
}

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "row", required_argument, NULL, 'r' },
	{ "csv", no_argument, NULL, 'c' },
	{ "quick", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'b':
			wanted_backend = optarg;
			break;
		case 'r':
			wanted_row = optarg;
			break;
		case 'c':
			csv = true;
			break;
		case 'q':
			quick = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	if (optind < argc) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct plan wanted = {
		.program = "bench",
		.wants_row = is_wanted,
		.wants_backend = is_wanted_backend,
		.begin = table_head,
		.show = table_show,
		.end = end,
	};

	/* The one that belongs to the library of the build tree. */
	setenv("SHMIPC_BROKER", BENCH_BROKER, 0);
	parse(argc, argv);
	check_wanted();
	wanted.quick = quick;
	wanted.seconds = quick ? TIME_QUICK : TIME_FULL;
	wanted.least = quick ? LEAST_QUICK : LEAST_FULL;
	return bench_run(&wanted);
}
