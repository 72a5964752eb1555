/* SPDX-License-Identifier: MIT */
/*
 * Huge pages for a new segment. Having and clearing 512 small pages costs many
 * times as much as one huge page, if there is one. If there is none, the
 * kernel moves other memory about to make one, and that may take longer than
 * all small pages together: so we look before, and at the clock.
 *
 * shmem is given huge pages by a setting of the system, which is mostly off, or
 * by MADV_COLLAPSE, which does not ask for it, see madvise(2). That puts what
 * pages there are into a new huge page, at once, or leaves all as it was: if
 * there is no room on the mount or in the control group, if there is no huge
 * page, if prctl(2) forbids it, if the kernel is older than Linux 6.1 or its
 * huge pages are larger than an extent.
 *
 * Death. Pages of an object that is not finished yet, and that goes as it would
 * have gone without them.
 */
#include <config.h>

#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "huge.h"
#include "limits.h"
#include "prefault.h"

/* The number is of asm-generic/mman-common.h. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* A huge page, where the small one has 4 KiB: 2^9 of those. */
#define EXTENT	     ((size_t)2 << 20)
#define EXTENT_ORDER 9

/*
 * Collapsed in one call: each waits once until all processors have put their
 * new pages in order, which on busy ones takes some milliseconds. First comes
 * a single one, to see how it goes.
 */
#define PIECE 8

/*
 * What an extent of small pages costs: reserved and mapped, 16 MiB took 7.5 to
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

/* Of this thread: others who keep it waiting say nothing about our pages. */
static uint64_t worked_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* An extent without any page is none to collapse: one comes first. */
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

	/* Another thread was quicker to map where the hint led. */
	if ((uintptr_t)addr % EXTENT)
		return;
	if (count > length / EXTENT)
		count = length / EXTENT;
	/*
	 * Others take huge pages, too. Whatever was quick so far makes up for
	 * what is slow, so that all of it is late by one piece at most.
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
