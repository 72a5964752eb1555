/* SPDX-License-Identifier: MIT */
/*
 * A kind that only this test knows: with bytes and three kernel semaphores.
 * Everything that is done with objects works for it on every backend, of which
 * none has heard of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "core/kind.h"
#include "core/object.h"
#include "tests/lib/process.h"
#include "tests/unit/unit.h"

extern const struct shmipc_backend file_backend;

#define NUMBER 200

static void say_state(const struct shmi_header *header, struct shmipc_info *ret)
{
	(void)header;
	snprintf(ret->state, sizeof(ret->state), "a test");
}

static const struct shmi_kind test_kind = {
	.info = {
		.kind = (enum shmipc_kind)NUMBER,
		.name = "tst",
		.noun = "test",
		.has_bytes = 1,
		.ksems = SHMIPC_KSEMS_MAX,
		.flags = SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_TRANSIENT,
	},
	.state = say_state,
};

static const char *const backends[] = { "posix", "sysv", "memfd", "file" };

static struct shmipc *ipc;
static char name[64];

static int open_it(unsigned flags, struct shmi_object **ret)
{
	struct shmi_open_args args = {
		.kind = &test_kind,
		.name = name,
		.handle = sizeof(struct shmi_object),
		.size = 100,
		.flags = flags,
		.mode = 0600,
	};

	return shmi_object_open(ipc, ret, &args);
}

static int count_it(const struct shmipc_info *info, void *arg)
{
	*(int *)arg += info->kind == (enum shmipc_kind)NUMBER &&
		       !strcmp(info->name, name);
	return 0;
}

static int count_kind(const struct shmipc_info *info, void *arg)
{
	*(int *)arg += info->kind == (enum shmipc_kind)NUMBER;
	return 0;
}

static int stat_it(struct shmipc_info *ret)
{
	return shmipc_stat(ipc, (enum shmipc_kind)NUMBER, name, ret);
}

static void wake_through_each(struct shmi_object *a, struct shmi_object *b)
{
	const struct timespec past = { .tv_nsec = 1 };
	const struct shmipc_backend *ops = a->seg.backend;

	for (unsigned i = 0; i < SHMIPC_KSEMS_MAX; i++) {
		ops->ksem_post(&a->seg, i);
		for (unsigned k = 0; k < SHMIPC_KSEMS_MAX; k++)
			ck_assert_int_eq(ops->ksem_wait(&b->seg, k, &past),
					 k == i ? 0 : -ETIMEDOUT);
	}
}

START_TEST(kind_of_a_test_works_on_every_backend)
{
	const unsigned before = process_fds(getpid());
	struct shmi_object *made, *opened;
	struct shmipc_info info;
	int listed = 0, left = 0;

	ck_assert_uint_gt(before, 0);
	ck_assert_int_eq(shmi_kind_register(&test_kind), 0);
	ck_assert_int_eq(shmi_kind_register(&test_kind), -EEXIST);
	ck_assert_int_eq(shmipc_backend_register(&file_backend), 0);
	ck_assert_int_eq(shmipc_open(&ipc, backends[_i]), 0);
	snprintf(name, sizeof(name), "t.%d.kind", (int)getpid());

	ck_assert_int_eq(open_it(0, &opened), -ENOENT);
	ck_assert_int_eq(open_it(SHMIPC_CREATE | SHMIPC_EXCL, &made), 0);
	ck_assert_int_eq(open_it(SHMIPC_CREATE | SHMIPC_EXCL, &opened),
			 -EEXIST);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "test \"t."));
	ck_assert_int_eq(open_it(0, &opened), 0);
	ck_assert_uint_eq(opened->size, 100);
	wake_through_each(made, opened);

	ck_assert_int_eq(stat_it(&info), 0);
	ck_assert_uint_eq(info.size, 100);
	ck_assert_uint_eq(info.attached, 2);
	ck_assert_str_eq(info.state, "a test");
	ck_assert_int_ge(shmipc_list(ipc, count_it, &listed), 1);
	ck_assert_int_eq(listed, 1);
	/* The names of each kind are a space of their own. */
	ck_assert_int_eq(shmipc_shm_unlink(ipc, name), -ENOENT);

	shmi_object_close(opened);
	ck_assert_int_eq(shmipc_unlink(ipc, (enum shmipc_kind)NUMBER, name), 0);
	ck_assert_int_eq(stat_it(&info), -ENOENT);
	shmi_object_close(made);
	ck_assert_int_ge(shmipc_gc(ipc, 0, count_kind, &left), 0);
	ck_assert_int_eq(left, 0);
	shmipc_close(ipc);
	ck_assert_uint_eq(process_fds(getpid()), before);
}
END_TEST

START_TEST(orphan_of_a_kind_of_a_test_is_garbage)
{
	struct shmi_object *made;
	struct shmipc_info info;
	int found = 0;

	ck_assert_int_eq(shmi_kind_register(&test_kind), 0);
	ck_assert_int_eq(shmipc_backend_register(&file_backend), 0);
	ck_assert_int_eq(shmipc_open(&ipc, backends[_i]), 0);
	snprintf(name, sizeof(name), "t.%d.kind", (int)getpid());
	if (fork() == 0)
		/* Its only user ends without closing it. */
		_exit(open_it(SHMIPC_CREATE | SHMIPC_TRANSIENT, &made) != 0);
	while (waitpid(-1, NULL, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	ck_assert_int_ge(shmipc_gc(ipc, 0, count_it, &found), 1);
	ck_assert_int_eq(found, 1);
	ck_assert_int_eq(stat_it(&info), -ENOENT);
	shmipc_close(ipc);
}
END_TEST

TCase *kind_case(void)
{
	TCase *tc = tcase_create("kind");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, kind_of_a_test_works_on_every_backend, 0, 4);
	tcase_add_loop_test(tc, orphan_of_a_kind_of_a_test_is_garbage, 0, 4);
	return tc;
}
