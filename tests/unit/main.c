/* SPDX-License-Identifier: MIT */
/*
 * White box: the parts that are hard to reach from outside. One test case for
 * each part.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/posix/posix.h"
#include "backends/sysv/sysv.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/name.h"
#include "core/object.h"
#include "tests/unit/unit.h"
#include "util/limits.h"

/* ---- names -------------------------------------------------------------- */

START_TEST(slash_is_skipped_once)
{
	const char *name = NULL;

	ck_assert_int_eq(shmi_name_check("/abc", &name), 0);
	ck_assert_str_eq(name, "abc");
	ck_assert_int_eq(shmi_name_check("abc", &name), 0);
	ck_assert_str_eq(name, "abc");
	name = NULL;
	ck_assert_int_eq(shmi_name_check("//abc", &name), -EINVAL);
	ck_assert_ptr_null(name);
}
END_TEST

START_TEST(length_counts_without_the_slash)
{
	char text[SHMIPC_NAME_MAX + 3];
	const char *name;

	memset(text, 'n', sizeof(text));
	text[0] = '/';
	text[SHMIPC_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(shmi_name_check(text, &name), 0);
	ck_assert_int_eq(shmi_name_check(text + 1, &name), 0);
	text[SHMIPC_NAME_MAX + 1] = 'n';
	text[SHMIPC_NAME_MAX + 2] = '\0';
	ck_assert_int_eq(shmi_name_check(text, &name), -ENAMETOOLONG);
}
END_TEST

/* ---- codes -------------------------------------------------------------- */

START_TEST(only_documented_codes_come_out)
{
	shmi_error_begin();
	/* The system's word for something else is not ours. */
	ck_assert_int_eq(shmi_report(SHMI_OPEN, -EINTR, "x"), -EIO);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), strerror(EINTR)));
	ck_assert_int_eq(shmi_report(SHMI_WAIT, -EINTR, "x"), -EINTR);
	ck_assert_int_eq(shmi_report(SHMI_OPEN, -ENOSPC, "x"), -ENOSPC);
	ck_assert_int_eq(shmi_report(SHMI_LOOK, -ENOSPC, "x"), -EIO);
	ck_assert_int_eq(shmi_report(SHMI_LIST, -ENOENT, "x"), -EIO);
	ck_assert_int_eq(shmi_report(SHMI_OPEN, -ENOSYS, "x"), -EIO);
	ck_assert_int_eq(shmi_report(SHMI_CONNECT, -ENOSYS, "x"), -ENOSYS);
	ck_assert_int_eq(shmi_report(SHMI_OPEN, -EPERM, "x"), -EACCES);
	ck_assert_int_eq(shmi_report(SHMI_LOOK, -ENFILE, "x"), -EMFILE);
}
END_TEST

START_TEST(invalid_arguments_are_those_that_we_found)
{
	shmi_error_begin();
	ck_assert_int_eq(shmi_report(SHMI_OPEN, -EINVAL, "x"), -EIO);
	ck_assert_int_eq(shmi_report(SHMI_OPEN, shmi_bad("why"), "x"), -EINVAL);
	ck_assert_str_eq(shmipc_errmsg(), "x: why");
}
END_TEST

START_TEST(limit_that_keeps_us_from_mapping_is_named)
{
	ck_assert_int_eq(shmi_limits_mapping(EAGAIN), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(shmipc_backend_cause(), "RLIMIT_MEMLOCK"));
	ck_assert_int_eq(shmi_limits_mapping(ENOMEM), -ENOMEM);
	ck_assert_int_eq(shmi_limits_mapping(EACCES), -EACCES);
}
END_TEST

/* ---- tables of operations ----------------------------------------------- */

START_TEST(built_in_tables_keep_the_rules)
{
	const struct shmipc_backend *b;
	unsigned n = 0;

	while ((b = shmi_backend_at(n))) {
		ck_assert_int_eq(shmi_backend_check(b), 0);
		ck_assert_ptr_eq(shmi_backend_find(b->name, strlen(b->name)),
				 b);
		n++;
	}
	ck_assert_uint_eq(n, 3);
}
END_TEST

/* Set size bytes of a copy of posix's table to zero: it must be refused. */
static void needs(size_t offset, size_t size)
{
	struct shmipc_backend broken = shmi_backend_posix;

	memset((char *)&broken + offset, 0, size);
	ck_assert_int_eq(shmi_backend_check(&broken), -EINVAL);
	ck_assert_int_eq(shmipc_backend_register(&broken), -EINVAL);
}

#define NEEDS(field)                                                           \
	needs(offsetof(struct shmipc_backend, field),                          \
	      sizeof(((struct shmipc_backend *)0)->field))

START_TEST(every_required_operation_is_required)
{
	NEEDS(abi);
	NEEDS(name);
	NEEDS(objects);
	NEEDS(probe);
	NEEDS(segment_create);
	NEEDS(segment_publish);
	NEEDS(segment_open);
	NEEDS(segment_close);
	NEEDS(segment_stat);
	NEEDS(segment_unlink);
	NEEDS(segment_list);
	NEEDS(gc);
	NEEDS(ksem_create);
	NEEDS(ksem_open);
	NEEDS(ksem_wait);
	NEEDS(ksem_post);
	NEEDS(ksem_close);
}
END_TEST

START_TEST(optional_operations_are_optional)
{
	struct shmipc_backend spare = shmi_backend_posix;

	spare.conn_close = NULL;
	spare.ksem_remove = NULL;
	ck_assert_int_eq(shmi_backend_check(&spare), 0);
}
END_TEST

static int export_nothing(struct shmipc_segment *seg, unsigned flags,
			  int fds[SHMIPC_SEGMENT_FDS])
{
	(void)seg;
	(void)flags;
	(void)fds;
	return -ENOTSUP;
}

static int import_nothing(struct shmipc_segment *seg,
			  const int fds[SHMIPC_SEGMENT_FDS], unsigned flags)
{
	(void)seg;
	(void)fds;
	(void)flags;
	return -ENOTSUP;
}

START_TEST(hand_over_is_whole_or_not_there)
{
	for (int i = 0; i < 8; i++) {
		struct shmipc_backend b = shmi_backend_posix;

		b.caps |= i & 1 ? SHMIPC_CAP_FDS : 0;
		b.segment_export = i & 2 ? export_nothing : NULL;
		b.segment_import = i & 4 ? import_nothing : NULL;
		ck_assert_int_eq(shmi_backend_check(&b),
				 i == 0 || i == 7 ? 0 : -EINVAL);
	}
}
END_TEST

START_TEST(bad_names_and_bits_are_refused)
{
	static const char *const bad[] = {
		"",    "Posix", "a b",
		"a,b", "^a",	"abcdefghijklmnopqrstuvwxyz0123456789",
	};
	struct shmipc_backend b = shmi_backend_posix;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b.name = bad[i];
		ck_assert_int_eq(shmi_backend_check(&b), -EINVAL);
	}
	b = shmi_backend_posix;
	b.caps |= 0x80000000U;
	ck_assert_int_eq(shmi_backend_check(&b), -EINVAL);
	b = shmi_backend_posix;
	b.segment_size = SIZE_MAX;
	ck_assert_int_eq(shmi_backend_check(&b), -EINVAL);
}
END_TEST

START_TEST(registered_backends_are_unique_and_bounded)
{
	static struct shmipc_backend more[SHMIPC_BACKENDS_MAX];
	static char names[SHMIPC_BACKENDS_MAX][16];
	int r = 0, n = 0;

	ck_assert_int_eq(shmipc_backend_register(&shmi_backend_sysv), -EEXIST);
	for (; n < SHMIPC_BACKENDS_MAX && r == 0; n++) {
		more[n] = shmi_backend_posix;
		snprintf(names[n], sizeof(names[n]), "more%d", n);
		more[n].name = names[n];
		r = shmipc_backend_register(&more[n]);
	}
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_int_eq(n - 1, SHMIPC_BACKENDS_MAX - 3);
	ck_assert_int_eq(shmipc_backend_register(&more[0]), -EEXIST);
}
END_TEST

/* ---- headers ------------------------------------------------------------ */

#define LENGTH (2 * SHMIPC_HEADER_SIZE)

/* A finished header in memory whose surroundings cannot be touched. */
static struct shmi_header *sound_header(void)
{
	char *start = mmap(NULL, 4 * SHMIPC_HEADER_SIZE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct shmi_header *h;

	ck_assert_ptr_ne(start, MAP_FAILED);
	h = (struct shmi_header *)(start + SHMIPC_HEADER_SIZE);
	ck_assert_int_eq(mprotect(h, LENGTH, PROT_READ | PROT_WRITE), 0);
	shmi_header_fill(h, &(struct shmi_contents){ .kind = SHMIPC_SHM,
						     .name = "name",
						     .size = 4000 });
	ck_assert_int_eq(shmipc_segment_commit(h), 0);
	return h;
}

static int check(const struct shmi_header *h, size_t length)
{
	struct shmipc_segment_facts facts = { .size = 0 };
	int r = shmi_header_check(h, length, SHMIPC_SHM, "name", &facts);

	if (r == 0)
		ck_assert_uint_le(facts.size, length - SHMIPC_HEADER_SIZE);
	return r;
}

START_TEST(sound_header_is_taken)
{
	struct shmi_header *h = sound_header();
	struct shmipc_segment_facts facts;

	ck_assert_int_eq(
		shmi_header_check(h, LENGTH, SHMIPC_SHM, "name", &facts), 0);
	ck_assert_uint_eq(facts.size, 4000);
	ck_assert_int_eq(facts.creator, getpid());
	ck_assert_int_eq(
		shmi_header_check(h, LENGTH, SHMIPC_SEM, "name", &facts),
		-ESRCH);
	ck_assert_int_eq(
		shmi_header_check(h, LENGTH, SHMIPC_SHM, "nam", &facts),
		-ESRCH);
}
END_TEST

START_TEST(length_is_believed_and_the_header_is_not)
{
	struct shmi_header *h = sound_header();

	ck_assert_int_eq(check(h, SHMIPC_HEADER_SIZE + 4000), 0);
	ck_assert_int_eq(check(h, SHMIPC_HEADER_SIZE + 3999), -EPROTO);
	ck_assert_int_eq(check(h, SHMIPC_HEADER_SIZE), -EPROTO);
	ck_assert_int_eq(check(h, SHMIPC_HEADER_SIZE - 1), -EPROTO);
	ck_assert_int_eq(check(h, 0), -EPROTO);
}
END_TEST

START_TEST(every_nasty_value_of_every_field_is_survived)
{
	static const uint64_t nasty[] = {
		0,
		1,
		2,
		3,
		4,
		0x7f,
		0x80,
		0xff,
		0x7fff,
		0xffff,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x7fffffffffffffff,
		UINT64_MAX,
		UINT64_MAX - 4095,
		LENGTH,
		LENGTH - 1,
		SHMIPC_HEADER_SIZE,
		SHMI_STATE_DEAD,
		SHMI_STATE_READY,
	};
	struct shmi_header *h = sound_header(), copy = *h;

	for (size_t at = 0; at < 320; at++)
		for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++)
			for (size_t size = 1; size <= 8; size *= 2) {
				struct shmipc_segment_facts facts;

				memcpy((char *)h + at, &nasty[i], size);
				(void)check(h, LENGTH);
				if (shmipc_segment_identify(h, LENGTH,
							    &facts) != -EPROTO)
					ck_assert(!*facts.name ||
						  shmipc_name_is_valid(
							  facts.name));
				*h = copy;
			}
	ck_assert_int_eq(check(h, LENGTH), 0);
}
END_TEST

START_TEST(random_headers_are_refused)
{
	struct shmi_header *h = sound_header();
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < 320; i++)
			((char *)h)[i] = (char)(rand_r(&seed) >> 4);
		ck_assert_int_eq(check(h, LENGTH), -EPROTO);
	}
}
END_TEST

START_TEST(name_without_an_end_is_refused)
{
	struct shmi_header *h = sound_header();

	memset(h->name, 'n', sizeof(h->name));
	ck_assert_int_eq(check(h, LENGTH), -EPROTO);
}
END_TEST

START_TEST(unfinished_headers_say_what_they_will_be)
{
	struct shmi_header *h = sound_header();
	struct shmipc_segment_facts f;

	memset(h, 0, sizeof(*h));
	ck_assert_int_eq(shmi_header_check(h, LENGTH, SHMIPC_SHM, "name", &f),
			 -EAGAIN);
	shmi_header_fill(h, &(struct shmi_contents){ .kind = SHMIPC_SHM,
						     .name = "name",
						     .size = 4000 });
	ck_assert_int_eq(shmi_header_check(h, LENGTH, SHMIPC_SHM, "name", &f),
			 -EINPROGRESS);
	ck_assert_int_eq(shmi_header_check(h, LENGTH, SHMIPC_SHM, "other", &f),
			 -ESRCH);
}
END_TEST

START_TEST(segments_are_identified_by_what_is_written)
{
	struct shmi_header *h = sound_header();
	struct shmipc_segment_facts its = { .kind = 77 };

	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), 0);
	ck_assert_str_eq(its.name, "name");
	ck_assert_uint_eq(its.kind, SHMIPC_SHM);
	ck_assert_uint_eq(its.size, 4000);
	h->state = SHMI_STATE_BUILDING;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its),
			 -EINPROGRESS);
	ck_assert_int_eq(shmipc_segment_abort(h), 0);
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -ESTALE);
	ck_assert_str_eq(its.name, "name");
	ck_assert_uint_eq(its.kind, SHMIPC_SHM);
	/* The creator was killed before it wrote anything; then it is dead. */
	memset(h, 0, sizeof(*h));
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -EAGAIN);
	ck_assert_int_eq(shmipc_segment_abort(h), 0);
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -ESTALE);
	ck_assert_str_eq(its.name, "");
	ck_assert_uint_eq(its.kind, 0);
	/* A stranger's bytes around a word that says the same. */
	((char *)h)[400] = 1;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -EPROTO);
	h->state = SHMI_STATE_BUILDING;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -EPROTO);
}
END_TEST

START_TEST(identifying_reads_no_more_than_it_may)
{
	struct shmi_header *h = sound_header();
	struct shmipc_segment_facts its = { .name = "before" };

	/* The last bytes that may be read: no byte follows them. */
	h = memcpy((char *)h + LENGTH - SHMIPC_HEADER_LOOK, h,
		   SHMIPC_HEADER_LOOK);
	h->magic[0] = 0;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -EPROTO);
	h->state = SHMI_STATE_DEAD;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -EPROTO);
	h->state = SHMI_STATE_BUILDING;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), -EPROTO);
	ck_assert_str_eq(its.name, "before");
	h->magic[0] = 0xc5;
	h->state = SHMI_STATE_READY;
	ck_assert_int_eq(shmipc_segment_identify(h, LENGTH, &its), 0);
	ck_assert_str_eq(its.name, "name");
}
END_TEST

START_TEST(one_of_commit_and_give_up_wins)
{
	struct shmi_header *h = sound_header();

	ck_assert_int_eq(shmipc_segment_abort(h), -EEXIST);
	ck_assert_int_eq(shmipc_segment_end(h), 0);
	ck_assert_int_eq(shmipc_segment_end(h), -ENOENT);
	ck_assert_int_eq(check(h, LENGTH), -ESTALE);

	memset(h, 0, sizeof(*h));
	shmi_header_fill(h, &(struct shmi_contents){ .kind = SHMIPC_SHM,
						     .name = "name",
						     .size = 4000 });
	ck_assert_int_eq(shmipc_segment_abort(h), 0);
	ck_assert_int_eq(shmipc_segment_abort(h), 0);
	ck_assert_int_eq(shmipc_segment_commit(h), -EAGAIN);
	ck_assert_int_eq(check(h, LENGTH), -ESTALE);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("units");
	SRunner *runner;
	TCase *tc;
	int failed;

	if (argc == 2 && strcmp(argv[1], "--server") == 0)
		return fake_server();

	tc = tcase_create("names");
	tcase_add_test(tc, slash_is_skipped_once);
	tcase_add_test(tc, length_counts_without_the_slash);
	suite_add_tcase(suite, tc);

	tc = tcase_create("codes");
	tcase_add_test(tc, only_documented_codes_come_out);
	tcase_add_test(tc, invalid_arguments_are_those_that_we_found);
	tcase_add_test(tc, limit_that_keeps_us_from_mapping_is_named);
	suite_add_tcase(suite, tc);

	tc = tcase_create("ops");
	tcase_add_test(tc, built_in_tables_keep_the_rules);
	tcase_add_test(tc, every_required_operation_is_required);
	tcase_add_test(tc, optional_operations_are_optional);
	tcase_add_test(tc, hand_over_is_whole_or_not_there);
	tcase_add_test(tc, bad_names_and_bits_are_refused);
	tcase_add_test(tc, registered_backends_are_unique_and_bounded);
	suite_add_tcase(suite, tc);

	tc = tcase_create("header");
	tcase_add_test(tc, sound_header_is_taken);
	tcase_add_test(tc, length_is_believed_and_the_header_is_not);
	tcase_add_test(tc, every_nasty_value_of_every_field_is_survived);
	tcase_add_test(tc, random_headers_are_refused);
	tcase_add_test(tc, name_without_an_end_is_refused);
	tcase_add_test(tc, unfinished_headers_say_what_they_will_be);
	tcase_add_test(tc, segments_are_identified_by_what_is_written);
	tcase_add_test(tc, identifying_reads_no_more_than_it_may);
	tcase_add_test(tc, one_of_commit_and_give_up_wins);
	suite_add_tcase(suite, tc);

	suite_add_tcase(suite, semword_case());
	suite_add_tcase(suite, kind_case());
	suite_add_tcase(suite, random_case());
	suite_add_tcase(suite, spin_case());
	suite_add_tcase(suite, posix_case());
	suite_add_tcase(suite, keys_case());
	suite_add_tcase(suite, sysv_case());
	suite_add_tcase(suite, sysv_gc_case());
	suite_add_tcase(suite, wire_case());
	suite_add_tcase(suite, broker_case());
	suite_add_tcase(suite, client_case());
	suite_add_tcase(suite, journal_case());
	suite_add_tcase(suite, order_case());
	suite_add_tcase(suite, supervisor_case());
	suite_add_tcase(suite, life_case());
	suite_add_tcase(suite, server_case());
	suite_add_tcase(suite, binding_case());
	suite_add_tcase(suite, run_case());
	suite_add_tcase(suite, walk_case());
	suite_add_tcase(suite, fake_case());

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_VERBOSE);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
