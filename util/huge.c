/* SPDX-License-Identifier: MIT */
/*
 * Huge pages for a new segment. Allocating and clearing 512 small pages costs
 * many times as much as one free huge page. If no huge page is free, the kernel
 * moves other memory to make one, which may take longer than all the small
 * pages: so we check first, and watch the clock.
 *
 * shmem gets huge pages by a system setting, which is mostly off, or by
 * MADV_COLLAPSE, which ignores the setting, see madvise(2). It moves the
 * existing pages into a new huge page, at once, or changes nothing: if the
 * mount or the control group has no room, if no huge page is available, if
 * prctl(2) forbids it, if the kernel is older than Linux 6.1 or its huge pages
 * are larger than an extent.
 *
 * Death. The pages belong to an unfinished object, which is cleaned up as it
 * would be without them.
 */
#include <config.h>

#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "huge.h"
#include "limits.h"
#include "prefault.h"

/* The number is from asm-generic/mman-common.h. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* A huge page where a small one has 4 KiB: 2^9 of those. */
#define EXTENT	     ((size_t)2 << 20)
#define EXTENT_ORDER 9

/*
 * Extents per call: each call waits once until all processors have flushed
 * their lists of new pages, some milliseconds on busy ones. The first call has
 * one extent, to measure.
 */
#define PIECE 8

/*
 * The cost of an extent of small pages: to reserve and map 16 MiB took 7.5 to
 * 9.3 ms where a page fault takes 2.3 us (bench, row prefault-16M). A huge page
 * took 0.08 ms there, and 4.5 ms if its memory had been given back to the host
 * of the virtual machine.
 */
#define SMALL_PAGES_NS 1000000

void *shmi_prefault_hint(size_t length)
{
	void *space;
	uintptr_t start;

	if (length < EXTENT)
		return NULL;
	space = mmap(NULL, length + EXTENT, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (space == MAP_FAILED)
		return NULL;
	munmap(space, length + EXTENT);
	start = (uintptr_t)space;
	return (char *)space + (EXTENT - start % EXTENT) % EXTENT;
}

/* This thread's CPU time: time spent waiting does not count. */
static uint64_t worked_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Collapsing needs at least one page in each extent. */
static bool fill(char *addr, size_t extents)
{
	for (size_t i = 0; i < extents; i++)
		if (madvise(addr + i * EXTENT, 1, MADV_POPULATE_WRITE) < 0)
			return false;
	return madvise(addr, extents * EXTENT, MADV_COLLAPSE) == 0;
}

void shmi_prefault_huge(void *addr, size_t length)
{
	uint64_t until = worked_ns();
	size_t count = shmi_limits_free_blocks(EXTENT_ORDER);
	size_t piece = 1;

	/* Another thread mapped the hinted range first. */
	if ((uintptr_t)addr % EXTENT)
		return;
	if (count > length / EXTENT)
		count = length / EXTENT;
	/*
	 * Others take huge pages, too. Time saved by quick pieces is credited
	 * to slow ones, so the whole is late by one piece at most.
	 */
	for (size_t at = 0; at < count; at += piece, piece = PIECE) {
		if (piece > count - at)
			piece = count - at;
		until += piece * SMALL_PAGES_NS;
		if (!fill((char *)addr + at * EXTENT, piece) ||
		    worked_ns() > until)
			return;
	}
}
