/* SPDX-License-Identifier: MIT */
/* Bad input, damaged objects, sentences, and choosing a backend. */
#include <stdio.h>
#include <stdlib.h>

#include <shmipc-backend.h>

#include "tests/conform/conform.h"

START_TEST(sentence_names_object_and_backend)
{
	const char *name = name_of("sentence");
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;

	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), name));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "region"));
	ck_assert_ptr_nonnull(
		strstr(shmipc_errmsg(), shmipc_backend_name(ipc)));
	fails(-ENOENT, shmipc_sem_unlink(ipc, name));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), name));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "semaphore"));

	sem = new_sem(name, 0);
	fails(-EAGAIN, shmipc_sem_trywait(sem));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), name));
	ck_assert_ptr_nonnull(
		strstr(shmipc_errmsg(), shmipc_backend_name(ipc)));
	drop_sem(sem, name);
}
END_TEST

START_TEST(sentence_of_a_hostile_name_is_printable)
{
	struct shmipc_shm *shm;

	fails(-EINVAL, shmipc_shm_open(ipc, &shm, "a\n\033[31m%s%n\x80", 1,
				       SHMIPC_CREATE, 0600));
	for (const char *c = shmipc_errmsg(); *c; c++)
		ck_assert(*c >= ' ' && *c <= '~');
}
END_TEST

START_TEST(success_keeps_the_sentence)
{
	const char *name = name_of("keep");
	char before[1024];

	fails(-ENOENT, shmipc_shm_unlink(ipc, name));
	snprintf(before, sizeof(before), "%s", shmipc_errmsg());
	drop_shm(new_shm(name, 1), name);
	ck_assert_str_eq(shmipc_errmsg(), before);
}
END_TEST

START_TEST(null_handles_are_refused_or_ignored)
{
	struct timespec deadline = in_ms(10);
	struct shmipc_info info;
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;
	int value;

	fails(-EINVAL, shmipc_open(NULL, NULL));
	fails(-EINVAL, shmipc_shm_open(NULL, &shm, "a", 1, 0, 0));
	fails(-EINVAL, shmipc_shm_open(ipc, NULL, "a", 1, 0, 0));
	fails(-EINVAL, shmipc_sem_open(NULL, &sem, "a", 1, 0, 0));
	fails(-EINVAL, shmipc_sem_open(ipc, NULL, "a", 1, 0, 0));
	fails(-EINVAL, shmipc_shm_unlink(NULL, "a"));
	fails(-EINVAL, shmipc_sem_unlink(NULL, "a"));
	fails(-EINVAL, shmipc_sem_wait(NULL));
	fails(-EINVAL, shmipc_sem_trywait(NULL));
	fails(-EINVAL, shmipc_sem_timedwait(NULL, &deadline));
	fails(-EINVAL, shmipc_sem_post(NULL));
	fails(-EINVAL, shmipc_sem_getvalue(NULL, &value));
	fails(-EINVAL, shmipc_stat(NULL, SHMIPC_SHM, "a", &info));
	fails(-EINVAL, shmipc_stat(ipc, SHMIPC_SHM, "a", NULL));
	fails(-EINVAL, shmipc_list(NULL, NULL, NULL));
	fails(-EINVAL, shmipc_list(ipc, NULL, NULL));
	fails(-EINVAL, shmipc_backends(NULL, NULL));
	fails(-EINVAL, shmipc_backend_register(NULL));

	ok(shmipc_shm_close(NULL));
	ok(shmipc_sem_close(NULL));
	shmipc_close(NULL);
	ck_assert_ptr_null(shmipc_shm_addr(NULL));
	ck_assert_uint_eq(shmipc_shm_size(NULL), 0);
	ck_assert_int_eq(shmipc_shm_created(NULL), 0);
	ck_assert_int_eq(shmipc_sem_created(NULL), 0);
	ck_assert_ptr_null(shmipc_backend_name(NULL));
}
END_TEST

START_TEST(null_result_of_getvalue_is_invalid)
{
	const char *name = name_of("null");
	struct shmipc_sem *sem = new_sem(name, 1);

	fails(-EINVAL, shmipc_sem_getvalue(sem, NULL));
	drop_sem(sem, name);
}
END_TEST

START_TEST(senseless_flags_are_invalid)
{
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;
	static const unsigned bad[] = {
		SHMIPC_EXCL,
		SHMIPC_CREATE | SHMIPC_RDONLY,
		0x80000000U,
		SHMIPC_CREATE | 0x100000U,
	};

	for (int i = 0; i < 4; i++) {
		fails(-EINVAL, shmipc_shm_open(ipc, &shm, name_of("flags"), 1,
					       bad[i], 0600));
		fails(-EINVAL, shmipc_sem_open(ipc, &sem, name_of("flags"), 1,
					       bad[i], 0600));
	}
	fails(-EINVAL, shmipc_sem_open(ipc, &sem, name_of("flags"), 1,
				       SHMIPC_CREATE | SHMIPC_LAZY, 0600));
	ck_assert_ptr_null(shm);
	ck_assert_ptr_null(sem);
}
END_TEST

START_TEST(unknown_kind_is_invalid)
{
	struct shmipc_info info;

	fails(-EINVAL, shmipc_stat(ipc, (enum shmipc_kind)0, "a", &info));
	fails(-EINVAL, shmipc_stat(ipc, (enum shmipc_kind)3, "a", &info));
}
END_TEST

/* ---- damaged objects ---------------------------------------------------- */

/* The page before a region's bytes is the library's. */
static unsigned char *header_of(struct shmipc_shm *shm)
{
	return bytes_of(shm) - 4096;
}

/* In another process, over all of the header. */
static int scribble(void *arg)
{
	struct shmipc_shm *shm = open_shm(arg);
	unsigned seed = (unsigned)getpid();

	for (int i = 0; i < 4096; i++)
		header_of(shm)[i] = (unsigned char)(rand_r(&seed) >> 4);
	return 0;
}

START_TEST(overwritten_header_is_refused_and_left_alone)
{
	const char *name = name_of("damaged");

	for (int round = 0; round < 50; round++) {
		struct shmipc_shm *shm = new_shm(name, 100), *other = NULL;
		unsigned char before[4096], sound[4096];
		struct shmipc_info info;

		memset(bytes_of(shm), 8, 100);
		memcpy(sound, header_of(shm), 4096);
		ck_assert_int_eq(reap(spawn(scribble, (void *)name)), 0);
		memcpy(before, header_of(shm), 4096);

		fails(-EPROTO, shmipc_shm_open(ipc, &other, name, 0, 0, 0));
		fails(-EPROTO, shmipc_shm_open(ipc, &other, name, 100,
					       SHMIPC_CREATE, 0600));
		fails(-EEXIST,
		      shmipc_shm_open(ipc, &other, name, 100,
				      SHMIPC_CREATE | SHMIPC_EXCL, 0600));
		fails(-EPROTO, shmipc_stat(ipc, SHMIPC_SHM, name, &info));
		fails(-EPROTO, shmipc_shm_unlink(ipc, name));
		ck_assert_ptr_null(other);

		/* The object is untouched, and open handles still work. */
		ck_assert_int_eq(memcmp(before, header_of(shm), 4096), 0);
		ck_assert_int_eq(bytes_of(shm)[99], 8);
		ck_assert_uint_eq(shmipc_shm_size(shm), 100);
		memcpy(header_of(shm), sound, 4096);
		drop_shm(shm, name);
	}
}
END_TEST

START_TEST(header_with_one_wrong_byte_never_crashes)
{
	const char *name = name_of("onebyte");
	struct shmipc_shm *shm = new_shm(name, 100);
	int refused = 0;

	for (int i = 0; i < 320; i++) {
		unsigned char sound = header_of(shm)[i];
		struct shmipc_shm *other;
		int r;

		header_of(shm)[i] ^= 0xff;
		r = shmipc_shm_open(ipc, &other, name, 0, 0, 0);
		if (r == 0) {
			ck_assert_uint_le(shmipc_shm_size(other), 100 + 4096);
			ok(shmipc_shm_close(other));
		} else {
			fails(-EPROTO, r);
			refused++;
		}
		header_of(shm)[i] = sound;
	}
	ck_assert_int_ge(refused, 8 + 4 + 4 + 4 + 4);
	drop_shm(shm, name);
}
END_TEST

static int is_not_it(const struct shmipc_info *info, void *name)
{
	ck_assert_str_ne(info->name, name);
	return 0;
}

START_TEST(listing_leaves_damaged_objects_out)
{
	const char *name = name_of("listed");
	struct shmipc_shm *shm = new_shm(name, 10);
	unsigned char sound[4096];
	struct shmipc_info info;

	memcpy(sound, header_of(shm), 4096);
	memset(header_of(shm), 0xff, 4096);
	fails(-EPROTO, shmipc_stat(ipc, SHMIPC_SHM, name, &info));
	ok(shmipc_list(ipc, is_not_it, (void *)name));
	memcpy(header_of(shm), sound, 4096);
	drop_shm(shm, name);
}
END_TEST

/* ---- choosing a backend ------------------------------------------------- */

static void chooses(const char *expected, const char *wanted)
{
	struct shmipc *other;

	ok(shmipc_open(&other, wanted));
	ck_assert_str_eq(shmipc_backend_name(other), expected);
	shmipc_close(other);
}

START_TEST(environment_chooses_the_backend)
{
	ck_assert_str_eq(shmipc_backend_name(ipc), getenv("SHMIPC_BACKEND"));
	setenv("SHMIPC_BACKEND", "^sysv,posix", 1);
	chooses("memfd", NULL);
	setenv("SHMIPC_BACKEND", "", 1);
	chooses("posix", NULL);
	unsetenv("SHMIPC_BACKEND");
	chooses("posix", NULL);
	/* An argument comes before the environment. */
	setenv("SHMIPC_BACKEND", "nonsense", 1);
	chooses("sysv", "sysv");
}
END_TEST

START_TEST(first_of_a_list_that_works_is_taken)
{
	chooses("memfd", "memfd,posix");
	chooses("posix", "posix,memfd,sysv");
	chooses("posix", "^sysv");
	chooses("sysv", "^posix");
	/* memfd cannot work without its broker's program. */
	setenv("SHMIPC_BROKER", "/nonexistent", 1);
	chooses("posix", "memfd,posix");
	chooses("file", "^posix,sysv");
}
END_TEST

START_TEST(single_name_is_never_replaced)
{
	struct shmipc *other = NULL;
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", getenv("SHMIPC_TEST_DIR"));
	unsetenv("SHMIPC_TEST_DIR");
	fails(-ENOSYS, shmipc_open(&other, "file"));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "SHMIPC_TEST_DIR"));
	ck_assert_ptr_null(other);
	setenv("SHMIPC_TEST_DIR", dir, 1);
}
END_TEST

START_TEST(memfd_without_its_broker_creates_nothing)
{
	struct shmipc_shm *shm = NULL;
	struct shmipc *other;
	char dir[256];

	/* Of what exists, others may hand over something. */
	snprintf(dir, sizeof(dir), "%s/none", getenv("SHMIPC_TEST_DIR"));
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	setenv("SHMIPC_BROKER", "/nonexistent", 1);
	chooses("memfd", "memfd");
	ok(shmipc_open(&other, "memfd"));
	fails(-ECONNREFUSED, shmipc_shm_open(other, &shm, name_of("none"), 1,
					     SHMIPC_CREATE, 0600));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "/nonexistent"));
	ck_assert_ptr_null(shm);
	shmipc_close(other);
}
END_TEST

START_TEST(nothing_left_to_choose_is_refused)
{
	struct shmipc *other = NULL;

	fails(-ENOSYS, shmipc_open(&other, "^posix,sysv,memfd,file"));
	ck_assert_ptr_null(other);
}
END_TEST

static void is_unknown(const char *wanted, const char *hint)
{
	struct shmipc *other = NULL;

	fails(-EINVAL, shmipc_open(&other, wanted));
	ck_assert_ptr_null(other);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "posix, sysv"));
	if (hint)
		ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), hint));
	else
		ck_assert_ptr_null(strstr(shmipc_errmsg(), "did you mean"));
}

START_TEST(unknown_backend_is_refused_with_a_hint)
{
	is_unknown("posx", "did you mean posix");
	is_unknown("memdf", "did you mean memfd");
	is_unknown("SYSV", NULL);
	is_unknown("quantum", NULL);
	is_unknown("posix,sisv", "did you mean sysv");
	is_unknown("^posx", "did you mean posix");
	is_unknown("", NULL);
	is_unknown(",", NULL);
	is_unknown("posix,", NULL);
	is_unknown("^", NULL);
	is_unknown("posix,^sysv", "did you mean sysv");
	setenv("SHMIPC_BACKEND", "posx", 1);
	is_unknown(NULL, "did you mean posix");
}
END_TEST

START_TEST(very_long_selection_is_refused)
{
	char *text = malloc(100000);
	struct shmipc *other = NULL;

	memset(text, 'p', 99999);
	text[99999] = '\0';
	fails(-EINVAL, shmipc_open(&other, text));
	for (int i = 0; i < 99994; i += 6)
		memcpy(text + i, "posix,", 6);
	fails(-EINVAL, shmipc_open(&other, text));
	ck_assert_ptr_null(other);
	free(text);
}
END_TEST

static int count_backend(const struct shmipc_backend_info *info, void *arg)
{
	ck_assert_ptr_nonnull(info->name);
	ck_assert_ptr_nonnull(info->objects);
	ck_assert_msg(info->works || *info->reason, "no reason");
	++*(int *)arg;
	return !strcmp(info->name, "sysv");
}

START_TEST(backends_can_be_listed)
{
	int count = 0;

	/* count_backend() stops at the second. */
	ck_assert_int_eq(shmipc_backends(count_backend, &count), 2);
	ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(handle_outlives_its_connection)
{
	const char *name = name_of("orphan");
	struct shmipc_sem *sem;
	struct shmipc *other;

	ok(shmipc_open(&other, NULL));
	ok(shmipc_sem_open(other, &sem, name, 1, SHMIPC_CREATE, 0600));
	shmipc_close(other);
	ok(shmipc_sem_wait(sem));
	ok(shmipc_sem_post(sem));
	drop_sem(sem, name);
}
END_TEST

/* In a child: what is said in it on stderr. */
static int fail_aloud(void *arg)
{
	struct shmipc_shm *shm;
	struct shmipc *other;
	int r = 1;

	if (dup2(*(int *)arg, STDERR_FILENO) < 0 ||
	    shmipc_open(&other, NULL) < 0)
		return 1;
	if (shmipc_shm_open(other, &shm, "no.such.region", 0, 0, 0) == -ENOENT)
		r = 0;
	shmipc_close(other);
	return r;
}

static size_t said_with(const char *value, char *ret, size_t size)
{
	size_t length = 0;
	int ends[2];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	setenv("SHMIPC_DEBUG", value, 1);
	ck_assert_int_eq(reap(spawn(fail_aloud, &ends[1])), 0);
	unsetenv("SHMIPC_DEBUG");
	close(ends[1]);
	while ((n = read(ends[0], ret + length, size - 1 - length)) > 0)
		length += (size_t)n;
	close(ends[0]);
	ret[length] = '\0';
	return length;
}

START_TEST(debugging_tells_what_fails_and_is_off_else)
{
	struct shmipc *other;
	char said[4096];

	ck_assert_uint_eq(said_with("", said, sizeof(said)), 0);
	ck_assert_uint_eq(said_with("0", said, sizeof(said)), 0);
	ck_assert_uint_gt(said_with("1", said, sizeof(said)), 0);
	ck_assert_ptr_nonnull(strstr(said, "no.such.region"));
	setenv("SHMIPC_DEBUG", "yes", 1);
	fails(-EINVAL, shmipc_open(&other, NULL));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "SHMIPC_DEBUG"));
	unsetenv("SHMIPC_DEBUG");
}
END_TEST

START_TEST(version_is_told)
{
	ck_assert_str_eq(shmipc_version(), "0.1.0");
}
END_TEST

struct others {
	struct shmipc *ipc[SHMIPC_BACKENDS_MAX];
	int n;
};

/* All backends but ours that work here. */
static int open_other(const struct shmipc_backend_info *info, void *arg)
{
	struct others *others = arg;

	if (info->works && strcmp(info->name, shmipc_backend_name(ipc)) != 0)
		ok(shmipc_open(&others->ipc[others->n++], info->name));
	return 0;
}

START_TEST(object_of_another_backend_is_told)
{
	const char *name = name_of("elsewhere");
	struct others others = { .n = 0 };

	ok(shmipc_backends(open_other, &others));
	ck_assert_int_ge(others.n, 1);
	for (int i = 0; i < others.n; i++) {
		struct shmipc *other = others.ipc[i];
		struct shmipc_shm *there, *shm;
		struct shmipc_sem *sem, *here;

		ok(shmipc_shm_open(other, &there, name, 8,
				   SHMIPC_CREATE | SHMIPC_EXCL, 0600));
		fails(-EXDEV, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
		ck_assert_ptr_nonnull(
			strstr(shmipc_errmsg(), shmipc_backend_name(other)));
		fails(-EXDEV,
		      shmipc_shm_open(ipc, &shm, name, 0, SHMIPC_RDONLY, 0));
		/* The other kind is another name. */
		fails(-ENOENT, shmipc_sem_open(ipc, &sem, name, 0, 0, 0));
		ok(shmipc_sem_open(other, &sem, name, 8,
				   SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600));
		fails(-EXDEV, shmipc_sem_open(ipc, &here, name, 0, 0, 0));
		ok(shmipc_sem_close(sem));
		fails(-ENOENT, shmipc_sem_open(ipc, &here, name, 0, 0, 0));
		/* A caller that creates a new one gets it on this backend. */
		drop_shm(new_shm(name, 8), name);
		ok(shmipc_shm_close(there));
		ok(shmipc_shm_unlink(other, name));
		fails(-ENOENT, shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
	}
	for (int i = 0; i < others.n; i++)
		shmipc_close(others.ipc[i]);
}
END_TEST

START_TEST(looking_elsewhere_starts_no_broker)
{
	char sock[600], dir[512];
	struct shmipc_shm *shm;

	if (!strcmp(shmipc_backend_name(ipc), "memfd"))
		return; /* there the broker is not elsewhere */
	snprintf(dir, sizeof(dir), "%s/quiet", getenv("SHMIPC_TEST_DIR"));
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	fails(-ENOENT, shmipc_shm_open(ipc, &shm, name_of("no"), 0, 0, 0));
	ck_assert_int_lt(access(sock, F_OK), 0);
	ck_assert_int_lt(access(dir, F_OK), 0);
}
END_TEST

static int fail_in_visit(const struct shmipc_backend_info *info, void *arg)
{
	char before[512];
	struct shmipc *none;

	(void)arg;
	snprintf(before, sizeof(before), "%s", info->reason);
	fails(-EINVAL, shmipc_open(&none, "nonsense"));
	ck_assert_str_eq(info->reason, before);
	return 0;
}

START_TEST(reason_stays_what_it_is_during_the_visit)
{
	setenv("SHMIPC_BROKER", "/nonexistent", 1);
	ok(shmipc_backends(fail_in_visit, NULL));
}
END_TEST

void add_errors(TCase *tc)
{
	tcase_add_test(tc, reason_stays_what_it_is_during_the_visit);
	tcase_add_test(tc, object_of_another_backend_is_told);
	tcase_add_test(tc, looking_elsewhere_starts_no_broker);
	tcase_add_test(tc, sentence_names_object_and_backend);
	tcase_add_test(tc, sentence_of_a_hostile_name_is_printable);
	tcase_add_test(tc, success_keeps_the_sentence);
	tcase_add_test(tc, null_handles_are_refused_or_ignored);
	tcase_add_test(tc, null_result_of_getvalue_is_invalid);
	tcase_add_test(tc, senseless_flags_are_invalid);
	tcase_add_test(tc, unknown_kind_is_invalid);
	tcase_add_test(tc, overwritten_header_is_refused_and_left_alone);
	tcase_add_test(tc, header_with_one_wrong_byte_never_crashes);
	tcase_add_test(tc, listing_leaves_damaged_objects_out);
	tcase_add_test(tc, environment_chooses_the_backend);
	tcase_add_test(tc, first_of_a_list_that_works_is_taken);
	tcase_add_test(tc, single_name_is_never_replaced);
	tcase_add_test(tc, memfd_without_its_broker_creates_nothing);
	tcase_add_test(tc, nothing_left_to_choose_is_refused);
	tcase_add_test(tc, unknown_backend_is_refused_with_a_hint);
	tcase_add_test(tc, very_long_selection_is_refused);
	tcase_add_test(tc, backends_can_be_listed);
	tcase_add_test(tc, handle_outlives_its_connection);
	tcase_add_test(tc, debugging_tells_what_fails_and_is_off_else);
	tcase_add_test(tc, version_is_told);
}
