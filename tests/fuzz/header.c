/* SPDX-License-Identifier: MIT */
/*
 * The check of a header, for libFuzzer (make fuzz).
 *
 * The first byte of the input says what the rest is: a header from its first
 * byte on, or pieces to be written over a sound one, each with two bytes for
 * where, so that the fuzzer need not find the magic first. The segment ends
 * where its mapping does, with nothing readable on either side.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/header.h"
#include "core/name.h"

#define PAGE   SHMIPC_HEADER_SIZE
#define LENGTH (2 * PAGE)

static const char name[] = "a.name";
static char *segment;

/* Abort if a condition does not hold that must hold for any bytes. */
static void must(int is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static void make_segment(void)
{
	char *start = mmap(NULL, LENGTH + 2 * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(start != MAP_FAILED, "no memory");
	segment = start + PAGE;
	must(mprotect(segment, LENGTH, PROT_READ | PROT_WRITE) == 0,
	     "no memory");
}

static void fill(const uint8_t *data, size_t size)
{
	memset(segment, 0, LENGTH);
	if (size == 0)
		return;
	if (*data & 1) {
		memcpy(segment, data + 1, size - 1 < PAGE ? size - 1 : PAGE);
		return;
	}
	shmi_header_fill((struct shmi_header *)segment,
			 &(struct shmi_contents){ .kind = SHMIPC_SHM,
						  .name = name,
						  .size = PAGE - 10 });
	(void)shmipc_segment_commit(segment);
	data++;
	size--;
	while (size >= 4) {
		size_t at = (size_t)(data[0] << 8 | data[1]) % PAGE;
		size_t n = data[2] % 9u < size - 3 ? data[2] % 9u : size - 3;

		memcpy(segment + at, data + 3, n < PAGE - at ? n : PAGE - at);
		data += 3 + n;
		size -= 3 + n;
	}
}

static void check(enum shmipc_kind kind, size_t length)
{
	struct shmipc_segment_facts facts = { .size = UINT64_MAX };
	int r = shmi_header_check(segment, length, kind, name, &facts);

	must(r == 0 || r == -EPROTO || r == -ESRCH || r == -EINPROGRESS ||
		     r == -EAGAIN || r == -ESTALE,
	     "a code that is not documented");
	must(r == shmipc_segment_look(segment, length, kind, name),
	     "two looks, two results");
	if (r == 0) {
		must(facts.size <= length - PAGE, "the size is believed");
		must(kind == SHMIPC_SHM ? facts.size > 0 : facts.size == 0,
		     "the size does not fit the kind");
	} else {
		must(facts.size == UINT64_MAX, "facts of what was refused");
	}
}

/* Identify a segment, reading no more than a look may. */
static void check_identity(size_t length)
{
	/* No byte behind it may be read. */
	char *copy = segment + LENGTH - SHMIPC_HEADER_LOOK;
	static char covered[SHMIPC_HEADER_LOOK];
	struct shmipc_segment_facts its, facts;
	int r;

	memcpy(covered, copy, sizeof(covered));
	memmove(copy, segment, SHMIPC_HEADER_LOOK);
	r = shmipc_segment_identify(copy, length, &its);
	must(r == 0 || r == -EPROTO || r == -EINPROGRESS || r == -EAGAIN ||
		     r == -ESTALE,
	     "a code that is not documented");
	if (r != -EPROTO)
		must(!*its.name || shmipc_name_is_valid(its.name),
		     "a name that is not valid");
	if (r == 0)
		must(shmi_header_check(copy, length, its.kind, its.name,
				       &facts) == 0,
		     "a name that is not its own");
	memcpy(copy, covered, sizeof(covered));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!segment)
		make_segment();
	fill(data, size);
	for (int kind = SHMIPC_SHM; kind <= SHMIPC_SEM; kind++) {
		check((enum shmipc_kind)kind, LENGTH);
		check((enum shmipc_kind)kind, PAGE);
		check((enum shmipc_kind)kind, 100);
	}
	check_identity(LENGTH);
	check_identity(100);
	return 0;
}
