/* SPDX-License-Identifier: MIT */
/*
 * Permission bits, as their owner, as root and as somebody else. Only root can
 * become somebody else; without root the owner gets the bits that were meant
 * for others, and must get the same results.
 */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/conform/conform.h"

#define NOBODY 65534

START_TEST(mode_is_exact_whatever_the_umask)
{
	static const mode_t modes[] = { 0600, 0400, 0200, 0700, 0000,
					0640, 0666, 0777, 0604 };
	const char *name = name_of("umask");

	umask(0077);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct shmipc_shm *shm = NULL;
		struct shmipc_sem *sem = NULL;
		struct shmipc_info info;

		if (modes[i] & 077 && !can(SHMIPC_CAP_OTHER_USERS))
			continue; /* refused, as the next test shows */
		ok(shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE,
				   modes[i]));
		ok(shmipc_sem_open(ipc, &sem, name, 8, SHMIPC_CREATE,
				   modes[i]));
		if (geteuid() == 0 || modes[i] & 0400) {
			info = stat_of(SHMIPC_SHM, name);
			ck_assert_int_eq(info.mode, modes[i]);
			ck_assert_int_eq(info.uid, geteuid());
			ck_assert_int_eq(info.gid, getegid());
			ck_assert_int_eq(stat_of(SHMIPC_SEM, name).mode,
					 modes[i]);
		} else {
			fails(-EACCES,
			      shmipc_stat(ipc, SHMIPC_SHM, name, &info));
			fails(-EACCES,
			      shmipc_stat(ipc, SHMIPC_SEM, name, &info));
		}
		/* The creator's own handle works in any case. */
		bytes_of(shm)[7] = 1;
		ok(shmipc_sem_post(sem));
		drop_shm(shm, name);
		drop_sem(sem, name);
	}
}
END_TEST

START_TEST(bits_for_others_are_honoured_or_refused)
{
	static const mode_t modes[] = { 0601, 0610, 0640, 0604, 0777 };
	const char *name = name_of("others");

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct shmipc_shm *shm = NULL;
		struct shmipc_sem *sem = NULL;

		if (can(SHMIPC_CAP_OTHER_USERS)) {
			ok(shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE,
					   modes[i]));
			drop_shm(shm, name);
			continue;
		}
		fails(-ENOTSUP, shmipc_shm_open(ipc, &shm, name, 8,
						SHMIPC_CREATE, modes[i]));
		fails(-ENOTSUP, shmipc_sem_open(ipc, &sem, name, 8,
						SHMIPC_CREATE, modes[i]));
		ck_assert_ptr_null(shm);
		ck_assert_ptr_null(sem);
	}
}
END_TEST

START_TEST(other_than_permission_bits_are_invalid)
{
	struct shmipc_shm *shm = NULL;

	fails(-EINVAL, shmipc_shm_open(ipc, &shm, name_of("bits"), 8,
				       SHMIPC_CREATE, 01600));
	fails(-EINVAL, shmipc_shm_open(ipc, &shm, name_of("bits"), 8,
				       SHMIPC_CREATE, S_IFREG | 0600));
	ck_assert_ptr_null(shm);
}
END_TEST

/* ---- read-only handles -------------------------------------------------- */

static int store(void *shm)
{
	signal(SIGSEGV, SIG_DFL); /* sanitizers catch it */
	bytes_of(shm)[0] = 1;
	return 0;
}

START_TEST(store_through_a_read_only_handle_faults)
{
	const char *name = name_of("rdonly");
	struct shmipc_shm *shm = new_shm(name, 8), *reader;

	bytes_of(shm)[7] = 42;
	ok(shmipc_shm_open(ipc, &reader, name, 8, SHMIPC_RDONLY, 0));
	ck_assert_int_eq(bytes_of(reader)[7], 42);
	ck_assert_int_eq(reap(spawn(store, reader)), 128 + SIGSEGV);
	ck_assert_int_eq(bytes_of(shm)[0], 0);
	ok(shmipc_shm_close(reader));
	drop_shm(shm, name);
}
END_TEST

START_TEST(read_only_semaphore_can_be_looked_at_only)
{
	const char *name = name_of("rdsem");
	struct shmipc_sem *sem = new_sem(name, 6), *reader;
	struct timespec deadline = in_ms(10);

	ok(shmipc_sem_open(ipc, &reader, name, 0, SHMIPC_RDONLY, 0));
	ck_assert_int_eq(value_of(reader), 6);
	fails(-EACCES, shmipc_sem_wait(reader));
	fails(-EACCES, shmipc_sem_trywait(reader));
	fails(-EACCES, shmipc_sem_timedwait(reader, &deadline));
	fails(-EACCES, shmipc_sem_post(reader));
	ck_assert_int_eq(value_of(sem), 6);
	ok(shmipc_sem_close(reader));
	drop_sem(sem, name);
}
END_TEST

/* ---- somebody else ------------------------------------------------------ */

/* What somebody else gets who tries. */
struct attempt {
	const char *name;
	unsigned flags;
	int shm, sem, unlink;
};

/* 0: all three as expected; else which one was not. */
static int try_as_nobody(void *arg)
{
	const struct attempt *a = arg;
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	struct shmipc *mine;
	int r;

	if (become_nobody())
		return 99;
	if (shmipc_open(&mine, NULL) < 0)
		return 98;
	r = shmipc_shm_open(mine, &shm, a->name, 8, a->flags, 0);
	if (r != a->shm) {
		fprintf(stderr, "region: %d: %s\n", r, shmipc_errmsg());
		return 1;
	}
	if (r == 0 && bytes_of(shm)[3] != 33)
		return 2;
	if (r == 0 && !(a->flags & SHMIPC_RDONLY))
		bytes_of(shm)[4]++;
	r = shmipc_sem_open(mine, &sem, a->name, 0, a->flags, 0);
	if (r != a->sem) {
		fprintf(stderr, "semaphore: %d: %s\n", r, shmipc_errmsg());
		return 3;
	}
	if (r == 0 && !(a->flags & SHMIPC_RDONLY) &&
	    (shmipc_sem_post(sem) < 0 || shmipc_sem_wait(sem) < 0 ||
	     shmipc_sem_post(sem) < 0))
		return 4;
	r = shmipc_shm_unlink(mine, a->name);
	if (r != a->unlink) {
		fprintf(stderr, "unlink: %d: %s\n", r, shmipc_errmsg());
		return 5;
	}
	return 0;
}

/* Open as nobody what has this mode; err: the answer to both opens. */
static void nobody_gets(int err, mode_t mode, unsigned flags)
{
	const char *name = name_of("nobody");
	struct attempt a = { name, flags, err, err, -EACCES };
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;

	if (geteuid() != 0) {
		mode = (mode & 7) << 6;
		a.unlink = 0;
	} else if (!can(SHMIPC_CAP_OTHER_USERS)) {
		/* Not even the name can be reached. */
		mode &= 0700;
		a.shm = a.sem = a.unlink = -ENOENT;
	}
	ok(shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE, mode));
	ok(shmipc_sem_open(ipc, &sem, name, 2, SHMIPC_CREATE, mode));
	bytes_of(shm)[3] = 33;
	ck_assert_int_eq(reap(spawn(try_as_nobody, &a)), 0);
	if (a.shm == 0 && !(flags & SHMIPC_RDONLY)) {
		ck_assert_int_eq(bytes_of(shm)[4], 1);
		ck_assert_int_eq(value_of(sem), 3);
	} else {
		ck_assert_int_eq(bytes_of(shm)[4], 0);
		ck_assert_int_eq(value_of(sem), 2);
	}
	if (a.unlink != 0)
		ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_shm_close(shm));
	drop_sem(sem, name);
}

START_TEST(mode_0000_keeps_others_out)
{
	nobody_gets(-EACCES, 0000, 0);
	nobody_gets(-EACCES, 0000, SHMIPC_RDONLY);
}
END_TEST

START_TEST(mode_0600_keeps_others_out)
{
	nobody_gets(-EACCES, 0600, 0);
	nobody_gets(-EACCES, 0600, SHMIPC_RDONLY);
}
END_TEST

START_TEST(mode_0644_lets_others_read)
{
	nobody_gets(-EACCES, 0644, 0);
	nobody_gets(0, 0644, SHMIPC_RDONLY);
}
END_TEST

START_TEST(mode_0666_lets_others_write)
{
	nobody_gets(0, 0666, 0);
	nobody_gets(0, 0666, SHMIPC_RDONLY);
}
END_TEST

/* An owner without privileges, and modes that deny the owner too. */
static int own_as_nobody(void *arg)
{
	const char *name = arg;
	struct shmipc_shm *shm, *again;
	struct shmipc_sem *sem, *another;
	struct shmipc *mine;

	if (become_nobody())
		return 99;
	if (shmipc_open(&mine, NULL) < 0 ||
	    shmipc_shm_open(mine, &shm, name, 8, SHMIPC_CREATE, 0000) < 0 ||
	    shmipc_sem_open(mine, &sem, name, 0, SHMIPC_CREATE, 0000) < 0) {
		fprintf(stderr, "%s\n", shmipc_errmsg());
		return 1;
	}
	bytes_of(shm)[0] = 1;
	if (shmipc_sem_post(sem) < 0 || shmipc_sem_wait(sem) < 0)
		return 2;
	if (shmipc_shm_open(mine, &again, name, 0, 0, 0) != -EACCES ||
	    shmipc_sem_open(mine, &another, name, 0, 0, 0) != -EACCES)
		return 3;
	if (shmipc_shm_open(mine, &again, name, 8, SHMIPC_CREATE | SHMIPC_EXCL,
			    0600) != -EEXIST)
		return 4;
	if (shmipc_shm_unlink(mine, name) < 0 ||
	    shmipc_sem_unlink(mine, name) < 0) {
		fprintf(stderr, "%s\n", shmipc_errmsg());
		return 5;
	}
	if (shmipc_shm_unlink(mine, name) != -ENOENT)
		return 6;
	shmipc_shm_close(shm);
	shmipc_sem_close(sem);
	shmipc_close(mine);
	return 0;
}

START_TEST(owner_can_unlink_what_he_may_not_open)
{
	ck_assert_int_eq(reap(spawn(own_as_nobody, (void *)name_of("own"))), 0);
}
END_TEST

static int change_user_and_unlink(void *arg)
{
	const char *name = arg;
	struct shmipc_shm *shm;
	struct shmipc *mine;

	if (shmipc_open(&mine, NULL) < 0 ||
	    shmipc_shm_open(mine, &shm, name, 8, SHMIPC_CREATE, 0600) < 0)
		return 1;
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return 99;
	return shmipc_shm_unlink(mine, name) < 0 ? 0 : 2;
}

START_TEST(process_that_changed_its_user_has_no_power_left)
{
	const char *name = name_of("changed");

	ck_assert_int_eq(reap(spawn(change_user_and_unlink, (void *)name)), 0);
	ok(shmipc_shm_unlink(ipc, name));
}
END_TEST

void add_mode(TCase *tc)
{
	tcase_add_test(tc, mode_is_exact_whatever_the_umask);
	tcase_add_test(tc, bits_for_others_are_honoured_or_refused);
	tcase_add_test(tc, other_than_permission_bits_are_invalid);
	tcase_add_test(tc, store_through_a_read_only_handle_faults);
	tcase_add_test(tc, read_only_semaphore_can_be_looked_at_only);
	tcase_add_test(tc, mode_0000_keeps_others_out);
	tcase_add_test(tc, mode_0600_keeps_others_out);
	tcase_add_test(tc, mode_0644_lets_others_read);
	tcase_add_test(tc, mode_0666_lets_others_write);
	tcase_add_test(tc, owner_can_unlink_what_he_may_not_open);
	if (geteuid() != 0) {
		printf("not root: \"others\" are the owner with their bits\n"
		       "not root: not tried: "
		       "process_that_changed_its_user_has_no_power_left\n");
		return;
	}
	tcase_add_test(tc, process_that_changed_its_user_has_no_power_left);
}
