/* SPDX-License-Identifier: MIT */
/*
 * cat and write: copy the bytes of a region to stdout, and from stdin.
 *
 * read(2) and write(2) work on the mapping itself. If a page is missing because
 * the region was truncated or /dev/shm is full, the system call fails with
 * EFAULT, and no SIGBUS is raised.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"

/* The most that one call moves. */
#define CHUNK ((size_t)1 << 30)

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* An open region, and its names for messages. */
struct region {
	struct shmipc_shm *shm;
	char *bytes;
	size_t size;
	const char *name, *backend;
};

/* Returns EXIT_DONE, or another exit status after a message. */
static int open_region(const struct sought *sought, unsigned flags,
		       struct region *ret)
{
	struct shmipc *ipc;
	struct place place;
	int status, r;

	status = tool_find_one(sought, &place);
	if (status == EXIT_ABSENT)
		return tool_absent(sought);
	if (status != EXIT_DONE)
		return status;
	r = shmipc_open(&ipc, place.backend);
	if (r < 0)
		return tool_fail(r);
	*ret = (struct region){ .name = sought->name,
				.backend = place.backend };
	r = shmipc_shm_open(ipc, &ret->shm, sought->name, 0, flags, 0);
	shmipc_close(ipc);
	if (r < 0)
		return tool_fail(r);
	ret->bytes = shmipc_shm_addr(ret->shm);
	ret->size = shmipc_shm_size(ret->shm);
	return EXIT_DONE;
}

/* Report a failed system call; errno has the reason. */
static int complain(const char *what, const struct region *region)
{
	if (errno == EFAULT)
		tool_complain("region \"%s\" (%s): some of its pages are "
			      "missing: it was truncated, or there is no room "
			      "for them",
			      region->name, region->backend);
	else
		tool_complain("%s: %s", what, strerror(errno));
	return EXIT_FAILED;
}

/* ---- cat ----------------------------------------------------------------- */

static int put_out(const struct region *region)
{
	size_t done = 0;

	while (done < region->size) {
		ssize_t n = write(STDOUT_FILENO, region->bytes + done,
				  least(region->size - done, CHUNK));

		if (n < 0 && errno != EINTR)
			return complain("standard output", region);
		if (n > 0)
			done += (size_t)n;
	}
	return EXIT_DONE;
}

static const struct option cat_options[] = {
	{ "backend", required_argument, NULL, 'b' },
	TOOL_OPTIONS_END,
};

static int run_cat(int argc, char **argv)
{
	struct sought sought = { .kind = SHMIPC_SHM };
	struct region region = { 0 };
	int c, status;

	while ((c = getopt_long(argc, argv, "", cat_options, NULL)) != -1)
		switch (c) {
		case 'b':
			sought.backend = optarg;
			break;
		default:
			return tool_other(&cmd_cat, c);
		}
	if (argc - optind != 1)
		return tool_usage(&cmd_cat);
	sought.name = argv[optind];
	status = open_region(&sought, SHMIPC_RDONLY, &region);
	if (status != EXIT_DONE)
		return status;
	status = put_out(&region);
	(void)shmipc_shm_close(region.shm);
	return status;
}

const struct command cmd_cat = {
	.name = "cat",
	.synopsis = "[--backend B] NAME",
	.summary = "Print the bytes of a region",
	.help = TOOL_HELP_BACKEND "\n"
				  "The region's lock is not taken.\n",
	.run = run_cat,
};

/* ---- write --------------------------------------------------------------- */

/* Is there more input? Returns 1 or 0, or -1 with errno set. */
static ssize_t is_more(void)
{
	ssize_t n;
	char byte;

	do
		n = read(STDIN_FILENO, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Copy all input, or the part that fits. 0, or -1 with errno set. */
static int fill(const struct region *region, size_t *at)
{
	ssize_t n = 1;

	while (*at < region->size && n != 0) {
		n = read(STDIN_FILENO, region->bytes + *at,
			 least(region->size - *at, CHUNK));
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			*at += (size_t)n;
	}
	return 0;
}

static int take_in(const struct region *region, uint64_t offset)
{
	size_t at = (size_t)offset;
	ssize_t more;

	if (offset > region->size) {
		tool_complain("region \"%s\" (%s): it has %zu bytes, and the "
			      "offset %" PRIu64 " is beyond its end",
			      region->name, region->backend, region->size,
			      offset);
		return EXIT_FAILED;
	}
	more = fill(region, &at);
	if (more == 0 && at == region->size)
		more = is_more();
	if (more == 0)
		return EXIT_DONE;
	if (more < 0)
		(void)complain("standard input", region);
	else
		tool_complain("region \"%s\" (%s): it has %zu bytes, and the "
			      "input is longer",
			      region->name, region->backend, region->size);
	tool_complain("%zu bytes were written", at - (size_t)offset);
	return EXIT_FAILED;
}

static const struct option write_options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "offset", required_argument, NULL, 'o' },
	TOOL_OPTIONS_END,
};

static int run_write(int argc, char **argv)
{
	struct sought sought = { .kind = SHMIPC_SHM };
	struct region region = { 0 };
	uint64_t offset = 0;
	int c, status;

	while ((c = getopt_long(argc, argv, "", write_options, NULL)) != -1)
		switch (c) {
		case 'b':
			sought.backend = optarg;
			break;
		case 'o':
			if (tool_parse_size(optarg, &offset) < 0)
				return EXIT_USAGE;
			break;
		default:
			return tool_other(&cmd_write, c);
		}
	if (argc - optind != 1)
		return tool_usage(&cmd_write);
	sought.name = argv[optind];
	status = open_region(&sought, 0, &region);
	if (status != EXIT_DONE)
		return status;
	status = take_in(&region, offset);
	(void)shmipc_shm_close(region.shm);
	return status;
}

const struct command cmd_write = {
	.name = "write",
	.synopsis = "[--offset SIZE] [--backend B] NAME",
	.summary = "Copy standard input into a region",
	.help = "  --offset SIZE    start at this byte\n" TOOL_HELP_BACKEND "\n"
		"Bytes after the end of the input stay as they are. If the\n"
		"input is too long, the part that fits is written, and the\n"
		"command fails. The region's lock is not taken; to hold it,\n"
		"use `shmipc lock NAME -- shmipc write NAME'.\n",
	.run = run_write,
};
