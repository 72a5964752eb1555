/* SPDX-License-Identifier: MIT */
/*
 * Runs the conformance suite on the backend that SHMIPC_BACKEND names. Its
 * name is the test case's, so a failure reads
 * "posix:failed_create_changes_nothing".
 *
 * This file alone knows backends: it registers the fourth one, which is made
 * of nothing but <shmipc-backend.h>.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/conform/conform.h"

extern const struct shmipc_backend file_backend;

/* Taken before each test; afterwards all must be as it was. */
static int descriptors;
static int mappings;

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Shared mappings, of whatever object. */
static int count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[4096];
	int n = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		n += strstr(line, "s ") == strchr(line, ' ') + 4;
	fclose(file);
	return n;
}

static bool is_ours(const struct shmipc_info *info)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "t.%d.", (int)test_pid);
	return !strncmp(info->name, prefix, strlen(prefix));
}

/* Our process id is ours now; what has it is of a run that failed. */
static int unlink_old(const struct shmipc_info *info, void *arg)
{
	(void)arg;
	if (is_ours(info))
		ok(info->kind == SHMIPC_SHM
			   ? shmipc_shm_unlink(ipc, info->name)
			   : shmipc_sem_unlink(ipc, info->name));
	return 0;
}

static void setup(void)
{
	test_pid = getpid();
	descriptors = count_descriptors();
	mappings = count_mappings();
	ok(shmipc_open(&ipc, NULL));
	ok(shmipc_list(ipc, unlink_old, NULL));
}

static int is_not_left(const struct shmipc_info *info, void *arg)
{
	(void)arg;
	ck_assert_msg(!is_ours(info), "%s was left behind", info->name);
	return 0;
}

static void teardown(void)
{
	ok(shmipc_list(ipc, is_not_left, NULL));
	shmipc_close(ipc);
	ck_assert_int_eq(count_descriptors(), descriptors);
	ck_assert_int_eq(count_mappings(), mappings);
}

/* CK_RUN_CASE=posix.lock selects one. */
static TCase *new_case(Suite *suite, const char *backend, const char *part)
{
	static char names[3][64]; /* libcheck keeps the pointers */
	static unsigned used;
	char *name = names[used++];
	TCase *tc;

	snprintf(name, sizeof(names[0]), "%s%s", backend, part);
	tc = tcase_create(name);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return tc;
}

int main(void)
{
	const char *backend = getenv("SHMIPC_BACKEND");
	Suite *suite = suite_create("conformance");
	SRunner *runner;
	TCase *tc;
	int failed;

	if (!backend) {
		fprintf(stderr, "SHMIPC_BACKEND must say which backend\n");
		return 1;
	}
	if (shmipc_backend_register(&file_backend) < 0) {
		fprintf(stderr, "%s\n", shmipc_errmsg());
		return 1;
	}

	tc = new_case(suite, backend, "");
	add_names(tc);
	add_create(tc);
	add_unlink(tc);
	add_mode(tc);
	add_info(tc);
	add_list(tc);
	add_transient(tc);
	add_gc(tc);
	add_hostile(tc);
	add_process(tc);
	add_stack(tc);
	add_errors(tc);
	add_fds(tc);
	add_fds_users(tc);
	add_fds_hostile(tc);
	tc = new_case(suite, backend, ".sem");
	add_sem(tc);
	add_wait(tc);
	tc = new_case(suite, backend, ".lock");
	add_lock(tc);
	add_lock_sleep(tc);
	add_lock_death(tc);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_VERBOSE);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
