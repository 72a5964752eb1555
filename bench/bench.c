/* SPDX-License-Identifier: MIT */
/*
 * What the library costs beside what the system itself costs, in one table;
 * usage() says how it is called. bench.h says how it is built.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/supervise.h"
#include "bench/table.h"

#define BACKENDS_MAX 16

struct shmipc *ipc;
const char *backend = "";
bool quick;

static const char *wanted_row;	   /* NULL: all */
static const char *wanted_backend; /* NULL: all that are ours */

static const struct row rows[] = {
	{ "pair", "wait and post, nobody else wants it", row_pair },
	{ "lock", "lock and unlock of a region, nobody else wants it",
	  row_lock },
	{ "roundtrip-2-cores",
	  "there and back between two processes, "
	  "each on a core of its own",
	  row_two_cores },
	{ "roundtrip-1-core", "the same, both on one core", row_one_core },
	{ "handover-2", "a turn, where 2 processes want the same unit",
	  row_handover_2 },
	{ "handover-4", "4 processes", row_handover_4 },
	{ "handover-16", "16 processes", row_handover_16 },
	{ "lock-handover-2", "the same with the lock of a region, 2 processes",
	  row_lock_handover_2 },
	{ "lock-handover-4", "4 processes", row_lock_handover_4 },
	{ "lock-handover-16", "16 processes", row_lock_handover_16 },
	{ "open-4K", "open a region of 4 KiB and close it", row_open_4k },
	{ "open-16M", "open a region of 16 MiB and close it", row_open_16m },
	{ "create-4K", "create 4 KiB, write all, close, unlink",
	  row_create_4k },
	{ "prefault-16M",
	  "create 16 MiB with SHMIPC_PREFAULT, write to "
	  "every page",
	  row_prefault_16m },
	{ "many-open", "open one of 10,000 and close it; raw: one of 10",
	  row_many_open },
	{ "many-create", "create one beside 10,000; raw: beside 10",
	  row_many_create },
	{ "size", "bytes that a region takes beside its own; raw: a page",
	  row_size },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

void fail(const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "bench: %s%s%s\n", backend, *backend ? ": " : "", text);
	exit(2);
}

int must(const char *what, int r)
{
	if (r < 0)
		fail("%s: %s", what, shmipc_errmsg());
	return r;
}

long must_sys(const char *what, long r)
{
	if (r < 0)
		fail("%s: %s", what, strerror(errno));
	return r;
}

/* ---- what is measured ---------------------------------------------------- */

struct known {
	unsigned count;
	struct {
		const char *name;
		bool works;
	} list[BACKENDS_MAX];
};

static int note_backend(const struct shmipc_backend_info *info, void *arg)
{
	struct known *known = arg;

	if (wanted_backend && strcmp(info->name, wanted_backend) != 0)
		return 0;
	if (known->count == BACKENDS_MAX)
		return 1;
	known->list[known->count].name = info->name;
	known->list[known->count].works = info->works;
	known->count++;
	return 0;
}

static void run_row(const struct row *row, const struct known *known)
{
	table_begin(row);
	for (unsigned i = 0; i < known->count; i++) {
		backend = known->list[i].name;
		if (!known->list[i].works) {
			judge_skipped("does not work here");
			continue;
		}
		must("open a connection", shmipc_open(&ipc, backend));
		progress();
		row->run();
		shmipc_close(ipc);
	}
	table_end();
}

/* "open" means open-4K and open-16M. */
static bool is_wanted(const struct row *row)
{
	return !wanted_row || !strcmp(row->name, wanted_row) ||
	       (!strncmp(row->name, wanted_row, strlen(wanted_row)) &&
		row->name[strlen(wanted_row)] == '-');
}

static int measure(void)
{
	struct known known = { .count = 0 };

	find_cores();
	own_ipc_namespace();
	must("list the backends", shmipc_backends(note_backend, &known));
	table_head();
	for (size_t i = 0; i < ROWS; i++)
		if (is_wanted(&rows[i]))
			run_row(&rows[i], &known);
	backend = "";
	if (ferror(stdout) || fflush(stdout))
		fail("the table cannot be written");
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
	for (size_t i = 0; i < ROWS; i++)
		fprintf(to, "  %-18s  %s\n", rows[i].name, rows[i].what);
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

static void check_wanted(void)
{
	struct known known = { .count = 0 };
	unsigned found = 0;

	for (size_t i = 0; i < ROWS; i++)
		found += is_wanted(&rows[i]);
	if (!found)
		fail("there is no row called %s; see --help", wanted_row);
	must("list the backends", shmipc_backends(note_backend, &known));
	if (!known.count)
		fail("there is no backend called %s", wanted_backend);
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
	/* The one that belongs to the library of the build tree. */
	setenv("SHMIPC_BROKER", BENCH_BROKER, 0);
	parse(argc, argv);
	check_wanted();
	return supervise(measure);
}
