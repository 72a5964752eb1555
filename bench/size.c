/* SPDX-License-Identifier: MIT */
/*
 * What a region takes beside its bytes, as the system counts it:
 *
 *   posix   the blocks of the file in /dev/shm
 *   sysv    the segment's pages in /proc/sysvipc/shm, in memory and swapped
 *           out: all of them were reserved by writing to them
 *   memfd   the length of the mapping: the file has no name to be found by,
 *           and its pages beyond the mapping, if it had any, are not seen
 *
 * Not counted, for nobody says: inodes, keys, entries in the broker's table,
 * and what the handle takes in the process.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"

#define BYTES 65536

static double blocks_of_file(const char *name)
{
	char path[sizeof("/dev/shm/shmipc.shm.") + OWN_NAME_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/shm/shmipc.shm.%s", name);
	must_sys(path, stat(path, &st));
	return (double)st.st_blocks * 512;
}

/* All segments that this process made: there is one. */
static double pages_of_segment(void)
{
	FILE *file = fopen("/proc/sysvipc/shm", "re");
	unsigned long long resident, swapped, sum = 0;
	char line[400];
	int creator;

	if (!file)
		return 0;
	/* key id perms size CPID lpid nattch uid gid cuid cgid and 3 times */
	while (fgets(line, sizeof(line), file))
		if (sscanf(line,
			   "%*s %*s %*s %*s %d %*s %*s %*s %*s %*s %*s %*s "
			   "%*s %*s %llu %llu",
			   &creator, &resident, &swapped) == 3 &&
		    creator == getpid())
			sum += resident + swapped;
	fclose(file);
	return (double)sum;
}

static double length_of_mapping(const void *addr)
{
	FILE *file = fopen("/proc/self/maps", "re");
	uintptr_t start, end, at = (uintptr_t)addr;
	char line[400];
	double length = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2 &&
		    start <= at && at < end)
			length = (double)(end - start);
	fclose(file);
	return length;
}

void row_size(void)
{
	double page = (double)sysconf(_SC_PAGESIZE);
	struct comparison c = {
		.against = "a page",
		.unit = "bytes",
		.raw = page,
		.raw_p99 = page,
		.limit = 1,
		.fair = -1,
		.raw_fair = -1,
		.samples = 1,
	};
	char name[OWN_NAME_MAX];
	struct shmipc_shm *shm;

	own_name(name, "size", 0);
	must(name, shmipc_shm_open(ipc, &shm, name, BYTES,
				   SHMIPC_CREATE | SHMIPC_EXCL, 0600));
	if (!strcmp(backend, "posix"))
		c.ours = blocks_of_file(name);
	else if (!strcmp(backend, "sysv"))
		c.ours = pages_of_segment();
	else
		c.ours = length_of_mapping(shmipc_shm_addr(shm));
	c.ours -= BYTES;
	c.ours_p99 = c.ours;
	judge_this(&c);
	shmipc_shm_close(shm);
	must(name, shmipc_shm_unlink(ipc, name));
}
