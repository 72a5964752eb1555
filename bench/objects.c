/* SPDX-License-Identifier: MIT */
/*
 * One process, all on one core: what opening and creating a region costs.
 * Names are given and taken by a broker on memfd, which is on that core too.
 */
#include <string.h>

#include "bench/memory.h"

#define PAGE	   4096
#define BATCH_OPEN 20
#define BATCH_MAKE 10

/* The operations on an object that are measured. */
struct work {
	size_t size;
	const struct raw_memory *raw; /* NULL: by shmipc */
	bool read;		      /* its first byte */
	char name[OWN_NAME_MAX];
};

static struct shmipc_shm *create_ours(const struct work *w, unsigned flags)
{
	struct shmipc_shm *shm;

	must(w->name,
	     shmipc_shm_open(ipc, &shm, w->name, w->size,
			     SHMIPC_CREATE | SHMIPC_EXCL | flags, 0600));
	return shm;
}

static void remove_ours(const struct work *w, struct shmipc_shm *shm)
{
	shmipc_shm_close(shm);
	must(w->name, shmipc_shm_unlink(ipc, w->name));
}

/* ---- open what is there, and close it ------------------------------------ */

/*
 * The first touch of a mapping costs as much as ten system calls, where these
 * are fast. It is the open's, where the header can be read in place only
 * (sysv), or else the user's, and never both. So that it counts for everybody,
 * a byte is read; the rows without that show the open alone.
 */
static void first_byte(const struct work *w, const void *addr)
{
	if (w->read)
		(void)*(const volatile char *)addr;
}

static double open_ours(struct side *side)
{
	const struct work *w = side->arg;
	double start = now_ns();

	for (unsigned i = 0; i < side->batch; i++) {
		struct shmipc_shm *shm;

		must(w->name, shmipc_shm_open(ipc, &shm, w->name, 0, 0, 0));
		first_byte(w, shmipc_shm_addr(shm));
		shmipc_shm_close(shm);
	}
	return (now_ns() - start) / side->batch;
}

static double open_raw(struct side *side)
{
	const struct work *w = side->arg;
	double start = now_ns();

	for (unsigned i = 0; i < side->batch; i++) {
		void *addr = w->raw->open(w->size);

		first_byte(w, addr);
		w->raw->close(addr, w->size);
	}
	return (now_ns() - start) / side->batch;
}

/* ---- create, write every byte, and remove -------------------------------- */

static double create_ours_and_write(struct side *side)
{
	const struct work *w = side->arg;
	double start = now_ns();

	for (unsigned i = 0; i < side->batch; i++) {
		struct shmipc_shm *shm = create_ours(w, 0);

		memset(shmipc_shm_addr(shm), 1, w->size);
		remove_ours(w, shm);
	}
	return (now_ns() - start) / side->batch;
}

static double create_raw_and_write(struct side *side)
{
	const struct work *w = side->arg;
	double start = now_ns();

	for (unsigned i = 0; i < side->batch; i++) {
		void *addr = w->raw->create(w->size, true);

		memset(addr, 1, w->size);
		w->raw->close(addr, w->size);
		w->raw->unlink();
	}
	return (now_ns() - start) / side->batch;
}

/* ---- create, and write to every page; removing it does not count --------- */

static void write_pages(void *addr, size_t size)
{
	volatile char *bytes = addr;

	for (size_t at = 0; at < size; at += PAGE)
		bytes[at] = 1;
}

static double prefault_ours(struct side *side)
{
	const struct work *w = side->arg;
	double start = now_ns(), end;
	struct shmipc_shm *shm = create_ours(w, SHMIPC_PREFAULT);

	write_pages(shmipc_shm_addr(shm), w->size);
	end = now_ns();
	remove_ours(w, shm);
	return end - start;
}

static double touch_raw(struct side *side)
{
	const struct work *w = side->arg;
	double start = now_ns(), end;
	void *addr = w->raw->create(w->size, false);

	write_pages(addr, w->size);
	end = now_ns();
	w->raw->close(addr, w->size);
	w->raw->unlink();
	return end - start;
}

/* ---- the rows ------------------------------------------------------------ */

struct task {
	double (*ours)(struct side *side);
	double (*raw)(struct side *side);
	unsigned batch;
	bool existing; /* there must be one first */
	bool read;     /* as in struct work */
	double limit;
};

static void raw_begin(const struct task *task, const struct work *w)
{
	if (w->raw->begin)
		w->raw->begin();
	if (task->existing) {
		void *addr = w->raw->create(w->size, true);

		/* All pages are there, as ours: what is near is mapped, too. */
		memset(addr, 1, w->size);
		w->raw->close(addr, w->size);
	}
}

static void raw_end(const struct task *task, const struct work *w)
{
	if (task->existing)
		w->raw->unlink();
	if (w->raw->end)
		w->raw->end();
}

/* Two at a time: a third would change what the caches have. */
static void compare_with(const struct task *task, size_t size,
			 const struct raw_memory *raw, double limit)
{
	struct work ours = { .size = size, .read = task->read };
	struct work theirs = { .size = size, .raw = raw, .read = task->read };
	struct side sides[] = {
		{ .name = "shmipc",
		  .sample = task->ours,
		  .arg = &ours,
		  .batch = task->batch },
		{ .name = raw->name,
		  .sample = task->raw,
		  .arg = &theirs,
		  .batch = task->batch },
	};

	own_name(ours.name, "object", 0);
	if (task->existing)
		shmipc_shm_close(create_ours(&ours, 0));
	raw_begin(task, &theirs);
	contest(sides, 2);
	judge(&sides[0], &sides[1], limit);
	raw_end(task, &theirs);
	if (task->existing)
		must(ours.name, shmipc_shm_unlink(ipc, ours.name));
	for (unsigned i = 0; i < 2; i++)
		samples_free(&sides[i].samples);
}

static void compare(const struct task *task, size_t size)
{
	const struct raw_memory *raw[2];
	unsigned count = memory_of_backend(raw);

	pin_to(cores[0]);
	compare_with(task, size, raw[0], task->limit);
	if (count > 1)
		compare_with(task, size, raw[1], NO_LIMIT);
}

static const struct task open_task = {
	.ours = open_ours,
	.raw = open_raw,
	.batch = BATCH_OPEN,
	.existing = true,
	.read = true,
	.limit = 2,
};

static const struct task open_only = {
	.ours = open_ours,
	.raw = open_raw,
	.batch = BATCH_OPEN,
	.existing = true,
	.limit = NO_LIMIT,
};

void row_open_4k(void)
{
	compare(&open_task, PAGE);
}

void row_open_16m(void)
{
	compare(&open_task, (size_t)16 << 20);
}

void row_open_4k_only(void)
{
	compare(&open_only, PAGE);
}

void row_open_16m_only(void)
{
	compare(&open_only, (size_t)16 << 20);
}

void row_create_4k(void)
{
	static const struct task task = {
		.ours = create_ours_and_write,
		.raw = create_raw_and_write,
		.batch = BATCH_MAKE,
		.limit = 2,
	};

	compare(&task, PAGE);
}

void row_prefault_16m(void)
{
	static const struct task task = {
		.ours = prefault_ours,
		.raw = touch_raw,
		.batch = 1,
		.limit = 0.4,
	};

	compare(&task, (size_t)16 << 20);
}
