/* SPDX-License-Identifier: MIT */
/* The rows, one after the other, on all backends; and what goes wrong. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/lines.h"
#include "bench/supervise.h"

#define BACKENDS_MAX 16

struct shmipc *ipc;
const char *backend = "";
const struct plan *plan;

const struct row bench_rows[] = {
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
	{ "open-4K", "open a region of 4 KiB, read a byte, close it",
	  row_open_4k },
	{ "open-16M", "open a region of 16 MiB, read a byte, close it",
	  row_open_16m },
	{ "open-4K-only", "the same with 4 KiB, and nothing is read",
	  row_open_4k_only },
	{ "open-16M-only", "with 16 MiB", row_open_16m_only },
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
	{ NULL, NULL, NULL },
};

void fail(const char *format, ...)
{
	char text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s: %s%s%s\n", plan->program, backend,
		*backend ? ": " : "", text);
	exit(BENCH_FAILED);
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

	if (!plan->wants_backend(info->name))
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
	lines_begin(row);
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
	lines_end();
}

static int measure(void)
{
	struct known known = { .count = 0 };
	int status;

	find_cores();
	own_ipc_namespace();
	must("list the backends", shmipc_backends(note_backend, &known));
	plan->begin();
	for (const struct row *row = bench_rows; row->name; row++)
		if (plan->wants_row(row))
			run_row(row, &known);
	backend = "";
	status = plan->end();
	if (ferror(stdout) || fflush(stdout))
		fail("the table cannot be written");
	return status;
}

int bench_run(const struct plan *wanted)
{
	plan = wanted;
	return supervise(measure);
}
