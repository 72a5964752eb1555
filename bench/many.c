/* SPDX-License-Identifier: MIT */
/*
 * Does an object cost more where there are many? The last ten are opened, and
 * others created, where there are ten and where there are ten thousand. The
 * two cannot be measured in turns, so the crowd comes and goes several times.
 */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

#define FEW	   10
#define MANY_FULL  10000
#define MANY_QUICK 500
#define TIMES	   3 /* that the crowd comes; quick: once */
#define SAMPLES	   200

static unsigned long present; /* objects "many.0" and so on */
static unsigned long room;    /* the most that may be present */

static struct shmipc_shm *create(unsigned long index)
{
	char name[OWN_NAME_MAX];
	struct shmipc_shm *shm;

	/* One page each: it is about their number. */
	own_name(name, "many", index);
	must(name,
	     shmipc_shm_open(ipc, &shm, name, 1,
			     SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_LAZY, 0600));
	return shm;
}

static void remove_one(unsigned long index)
{
	char name[OWN_NAME_MAX];

	own_name(name, "many", index);
	must(name, shmipc_shm_unlink(ipc, name));
}

static void have(unsigned long wanted)
{
	for (; present < wanted; present++, progress())
		shmipc_shm_close(create(present));
	for (; present > wanted; progress())
		remove_one(--present);
}

/* One sample: each of the last ten. */
static double open_last(void)
{
	char names[FEW][OWN_NAME_MAX];
	struct shmipc_shm *shm;
	double start;

	for (unsigned i = 0; i < FEW; i++)
		own_name(names[i], "many", present - FEW + i);
	start = now_ns();
	for (unsigned i = 0; i < FEW; i++) {
		must(names[i], shmipc_shm_open(ipc, &shm, names[i], 0, 0, 0));
		shmipc_shm_close(shm);
	}
	return (now_ns() - start) / FEW;
}

/* One sample: ten more, which are gone afterwards. */
static double create_more(void)
{
	double start = now_ns(), end;

	for (unsigned i = 0; i < FEW; i++)
		shmipc_shm_close(create(present + i));
	end = now_ns();
	for (unsigned i = 0; i < FEW; i++)
		remove_one(present + i);
	return (end - start) / FEW;
}

static void measure(struct samples *to, double (*sample)(void))
{
	sample();
	for (unsigned i = 0; i < (plan->quick ? 5 : SAMPLES); i++, progress())
		samples_add(to, sample());
}

/* How many more System V segments the machine has room for. */
static unsigned long limit_of_sysv(void)
{
	FILE *file = fopen("/proc/sys/kernel/shmmni", "re");
	FILE *used = fopen("/proc/sysvipc/shm", "re");
	unsigned long limit = MANY_FULL, spare = 100;
	int c;

	if (file) {
		if (fscanf(file, "%lu", &limit) != 1)
			limit = 0;
		fclose(file);
	}
	while (used && (c = getc(used)) != EOF)
		spare += c == '\n';
	if (used)
		fclose(used);
	return limit > spare ? limit - spare : 0;
}

static unsigned long room_for_many(void)
{
	unsigned long many = plan->quick ? MANY_QUICK : MANY_FULL;

	if (!strcmp(backend, "sysv") && limit_of_sysv() < many)
		many = limit_of_sysv();
	return many;
}

static void compare(double (*sample)(void))
{
	struct samples few = { .list = NULL }, many = { .list = NULL };
	struct comparison c;

	pin_to(cores[0]);
	room = room_for_many();
	if (room < 10 * FEW) {
		judge_skipped("no room: kernel.shmmni");
		return;
	}
	for (int i = 0; i < (plan->quick ? 1 : TIMES); i++) {
		have(FEW);
		measure(&few, sample);
		have(room);
		measure(&many, sample);
	}
	have(0);
	samples_sum_up(&few);
	samples_sum_up(&many);
	c = (struct comparison){
		.unit = "ns",
		.ours = many.median,
		.ours_p99 = many.p99,
		.raw = few.median,
		.raw_p99 = few.p99,
		.limit = 1.2,
		.fair = -1,
		.raw_fair = -1,
		.samples = many.count,
	};
	snprintf(c.against, sizeof(c.against), "10 (%lu)", room);
	judge_this(&c);
	samples_free(&few);
	samples_free(&many);
}

void row_many_open(void)
{
	compare(open_last);
}

void row_many_create(void)
{
	compare(create_more);
}
