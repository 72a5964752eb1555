/* SPDX-License-Identifier: MIT */
/*
 * White box: names, keys and slots of the sysv backend, when creators die or
 * race. What gc removes is in sysv_gc.c.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/sysv/key.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/slot.h"
#include "backends/sysv/sysv.h"
#include "core/header.h"
#include "core/kind.h"
#include "tests/unit/sysv_fixture.h"
#include "tests/unit/unit.h"

START_TEST(name_of_a_dead_creator_is_taken_over)
{
	for (unsigned slot = 0; slot < SYSV_SLOTS; slot++)
		for (int with_name = 0; with_name < 2; with_name++) {
			int id = sysv_leave_behind(slot, with_name);
			struct shmipc_shm *shm;

			ck_assert_int_eq(
				shmipc_shm_open(sysv_ipc, &shm, sysv_name, 100,
						SHMIPC_CREATE | SHMIPC_EXCL,
						0600),
				0);
			ck_assert(!sysv_segment_exists(id));
			ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name),
					 0);
			shmipc_shm_close(shm);
		}
}
END_TEST

START_TEST(opener_removes_the_segment_of_a_dead_creator)
{
	int id = sysv_leave_behind(1, true);
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 0, 0, 0),
			 -ENOENT);
	ck_assert(!sysv_segment_exists(id));
}
END_TEST

START_TEST(opener_waits_for_a_live_creator_but_not_for_ever)
{
	int id = sysv_leave_behind(0, true);
	void *addr = shmat(id, NULL, 0); /* a creator at work */
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 0, 0, 0),
			 -ETIMEDOUT);
	/* The creator was too slow, and cannot finish any more. */
	ck_assert_int_eq(shmipc_segment_commit(addr), -EAGAIN);
	shmdt(addr);
	ck_assert(!sysv_segment_exists(id));
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 0, 0, 0),
			 -ENOENT);
}
END_TEST

static void finish_later(void *addr)
{
	struct timespec t = { 0, 100000000 };

	nanosleep(&t, NULL);
	_exit(shmipc_segment_commit(addr) < 0);
}

START_TEST(opener_gets_the_segment_that_a_slow_creator_finishes)
{
	int id = sysv_leave_behind(2, true), status;
	void *addr = shmat(id, NULL, 0);
	struct shmipc_shm *shm;
	pid_t pid = fork();

	if (pid == 0)
		finish_later(addr);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 0, 0, 0),
			 0);
	ck_assert_uint_eq(shmipc_shm_size(shm), 4096);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	shmdt(addr);
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
	shmipc_shm_close(shm);
	ck_assert(!sysv_segment_exists(id));
}
END_TEST

/* A creator of our name, before segment_publish(). */
static struct shmipc_segment creator_at_work(void *priv)
{
	struct shmipc_segment seg = {
		.backend = &shmi_backend_sysv,
		.kind = &shmi_kind_shm.info,
		.name = sysv_name,
		.priv = priv,
	};

	ck_assert_int_eq(shmi_backend_sysv.segment_create(&seg, 8192, 0600, 0),
			 0);
	shmi_header_fill(seg.addr, &(struct shmi_contents){ .kind = SHMIPC_SHM,
							    .name = sysv_name,
							    .size = 4096 });
	return seg;
}

START_TEST(rival_that_is_unfinished_is_made_dead)
{
	char priv[SHMIPC_BACKEND_PRIVATE_MAX] = { 0 };
	struct shmipc_segment seg = creator_at_work(priv);

	/* It chose another slot, and is as far as this creator. */
	for (unsigned slot = 1; slot < SYSV_SLOTS; slot++) {
		int rival = sysv_leave_behind(slot, true);
		void *addr = shmat(rival, NULL, 0);

		ck_assert_int_eq(shmi_backend_sysv.segment_publish(&seg),
				 slot == 1 ? 0 : -EAGAIN);
		ck_assert_int_eq(shmipc_segment_commit(addr), -EAGAIN);
		shmdt(addr);
		ck_assert(!sysv_segment_exists(rival));
	}
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
	shmi_backend_sysv.segment_close(&seg);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__ /* which needs address space for itself */
/* For example for lack of address space. */
START_TEST(failure_to_see_a_rival_is_an_error)
{
	static char priv[SHMIPC_BACKEND_PRIVATE_MAX];
	const size_t large = (size_t)1 << 30;
	struct shmipc_segment seg = {
		.backend = &shmi_backend_sysv,
		.kind = &shmi_kind_shm.info,
		.name = sysv_name,
		.priv = priv,
	};
	struct rlimit limit, little;
	int id, r;

	ck_assert_int_eq(shmi_backend_sysv.segment_create(&seg, 8192, 0600, 0),
			 0);
	shmi_header_fill(seg.addr, &(struct shmi_contents){ .kind = SHMIPC_SHM,
							    .name = sysv_name,
							    .size = 4096 });
	id = shmget(sysvkey_segment(SHMIPC_SHM, sysv_name, 1),
		    sysvkey_size(SHMIPC_SHM, sysv_name, large, false),
		    IPC_CREAT | IPC_EXCL | SHM_NORESERVE | 0600);
	ck_assert_int_ge(id, 0);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	little = limit;
	little.rlim_cur = large;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &little), 0);
	r = shmi_backend_sysv.segment_publish(&seg);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	ck_assert_int_eq(r, -ENOMEM);
	shmi_backend_sysv.segment_close(&seg);
	ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
}
END_TEST
#endif

START_TEST(rival_that_is_finished_wins)
{
	char priv[SHMIPC_BACKEND_PRIVATE_MAX] = { 0 };
	struct shmipc_segment seg = creator_at_work(priv);
	int rival = sysv_leave_behind(3, true);
	void *addr = shmat(rival, NULL, 0);
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_segment_commit(addr), 0);
	ck_assert_int_eq(shmi_backend_sysv.segment_publish(&seg), -EEXIST);
	shmi_backend_sysv.segment_close(&seg);
	shmdt(addr);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 4096, 0, 0),
			 0);
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
	shmipc_shm_close(shm);
	ck_assert(!sysv_segment_exists(rival));
}
END_TEST

/* Put another name into a slot of ours, where a collision would put it. */
static int collide(unsigned slot)
{
	/* A name with our key, found by search. */
	static char other[64];
	int id;
	void *addr;

	for (unsigned i = 0;; i++) {
		snprintf(other, sizeof(other), "t.collide.%u", i);
		if (sysvkey_segment(SHMIPC_SHM, other, slot) ==
		    sysvkey_segment(SHMIPC_SHM, sysv_name, slot))
			break;
	}
	id = shmget(sysvkey_segment(SHMIPC_SHM, other, slot),
		    sysvkey_size(SHMIPC_SHM, other, 8192, false),
		    IPC_CREAT | IPC_EXCL | 0600);
	ck_assert_int_ge(id, 0);
	addr = shmat(id, NULL, 0);
	shmi_header_fill(addr, &(struct shmi_contents){ .kind = SHMIPC_SHM,
							.name = other,
							.size = 4096 });
	ck_assert_int_eq(shmipc_segment_commit(addr), 0);
	shmdt(addr);
	return id;
}

START_TEST(names_with_one_key_are_two_objects)
{
	int id = collide(0);
	struct shmipc_shm *shm, *again;

	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 0, 0, 0),
			 -ENOENT);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	/* Its unlink leaves a free slot before the one of our name. */
	ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &again, sysv_name, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 -EEXIST);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &again, sysv_name, 64, 0, 0),
			 0);
	*(char *)shmipc_shm_addr(shm) = 'x';
	ck_assert_int_eq(*(char *)shmipc_shm_addr(again), 'x');
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
	shmipc_shm_close(again);
	shmipc_shm_close(shm);
}
END_TEST

/* Root may read and write with any mode. */
static void drop_privileges(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(setuid(65533), 0);
}

static void allow_reading_only(int id)
{
	struct shmid_ds ds;

	ck_assert_int_eq(shmctl(id, IPC_STAT, &ds), 0);
	ds.shm_perm.mode = 0400;
	ck_assert_int_eq(shmctl(id, IPC_SET, &ds), 0);
}

START_TEST(rival_that_may_only_be_read_is_left_alone)
{
	enum { NAMELESS, UNFINISHED, FINISHED, STATES };

	drop_privileges();
	for (int state = 0; state < STATES; state++) {
		char priv[SHMIPC_BACKEND_PRIVATE_MAX] = { 0 };
		struct shmipc_segment seg = creator_at_work(priv);
		int rival = sysv_leave_behind(2, state != NAMELESS);
		void *addr = shmat(rival, NULL, 0);

		if (state == FINISHED)
			ck_assert_int_eq(shmipc_segment_commit(addr), 0);
		shmdt(addr);
		allow_reading_only(rival);
		/* If it has no name yet, its creator will see ours. */
		ck_assert_int_eq(shmi_backend_sysv.segment_publish(&seg),
				 state == NAMELESS ? 0 : -EEXIST);
		ck_assert(sysv_segment_exists(rival));
		ck_assert_int_eq(shmctl(rival, IPC_RMID, NULL), 0);
		if (state == NAMELESS)
			ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name),
					 0);
		shmi_backend_sysv.segment_close(&seg);
	}
}
END_TEST

START_TEST(segment_of_another_program_under_our_key_is_left_alone)
{
	int id = shmget(sysvkey_segment(SHMIPC_SHM, sysv_name, 0), 8192,
			IPC_CREAT | IPC_EXCL | 0600);
	struct shmipc_shm *shm;

	ck_assert_int_ge(id, 0);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 64,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	ck_assert(sysv_segment_exists(id));
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
	shmipc_shm_close(shm);
	ck_assert(sysv_segment_exists(id));
	ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
}
END_TEST

START_TEST(set_goes_with_the_last_user_of_its_semaphore)
{
	struct shmipc_sem *sem, *other;
	struct slot slot;
	key_t key;

	ck_assert_int_eq(shmipc_sem_open(sysv_ipc, &sem, sysv_name, 0,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	ck_assert_int_eq(shmipc_sem_open(sysv_ipc, &other, sysv_name, 0, 0, 0),
			 0);
	ck_assert_int_eq(slot_look(SHMIPC_SEM, sysv_name, 0, 0, &slot), 0);
	key = sysvkey_companion(slot.id);
	slot_leave(&slot);
	ck_assert_int_ge(semget(key, 0, 0), 0);
	ck_assert_int_eq(shmipc_sem_unlink(sysv_ipc, sysv_name), 0);
	ck_assert_int_ge(semget(key, 0, 0), 0);
	shmipc_sem_close(sem);
	ck_assert_int_ge(semget(key, 0, 0), 0);
	shmipc_sem_close(other);
	ck_assert_int_lt(semget(key, 0, 0), 0);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(wait_reports_a_removed_set)
{
	struct shmipc_sem *sem;
	struct slot slot;

	ck_assert_int_eq(shmipc_sem_open(sysv_ipc, &sem, sysv_name, 0,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	ck_assert_int_eq(slot_look(SHMIPC_SEM, sysv_name, 0, 0, &slot), 0);
	ck_assert_int_eq(
		semctl(semget(sysvkey_companion(slot.id), 0, 0), 0, IPC_RMID),
		0);
	slot_leave(&slot);
	ck_assert_int_eq(shmipc_sem_wait(sem), -EIDRM);
	ck_assert_int_eq(shmipc_sem_post(sem), 0);
	ck_assert_int_eq(shmipc_sem_wait(sem), 0);
	ck_assert_int_eq(shmipc_sem_unlink(sysv_ipc, sysv_name), 0);
	shmipc_sem_close(sem);
}
END_TEST

START_TEST(set_that_is_too_small_is_refused)
{
	struct shmipc_sem *sem, *other;
	struct slot slot;
	int set;

	ck_assert_int_eq(shmipc_sem_open(sysv_ipc, &sem, sysv_name, 0,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	ck_assert_int_eq(slot_look(SHMIPC_SEM, sysv_name, 0, 0, &slot), 0);
	set = semget(sysvkey_companion(slot.id), 0, 0);
	ck_assert_int_eq(semctl(set, 0, IPC_RMID), 0);
	set = semget(sysvkey_companion(slot.id), 1,
		     IPC_CREAT | IPC_EXCL | 0600);
	ck_assert_int_ge(set, 0);
	slot_leave(&slot);
	ck_assert_int_eq(shmipc_sem_open(sysv_ipc, &other, sysv_name, 0, 0, 0),
			 -EPROTO);
	ck_assert_int_eq(semctl(set, 0, IPC_RMID), 0);
	ck_assert_int_eq(shmipc_sem_unlink(sysv_ipc, sysv_name), 0);
	shmipc_sem_close(sem);
}
END_TEST

START_TEST(backend_word_that_leads_to_another_program_is_refused)
{
	int foreign = shmget(IPC_PRIVATE, 678, 0600);
	struct shmipc_shm *shm, *other;
	struct slot slot;
	uint64_t word;

	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 8,
					 SHMIPC_CREATE | SHMIPC_TRANSIENT,
					 0600),
			 0);
	ck_assert_int_eq(slot_look(SHMIPC_SHM, sysv_name, 0, 0, &slot), 0);
	word = shmipc_segment_word(slot.addr);
	shmipc_segment_set_word(slot.addr, (uint64_t)foreign);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &other, sysv_name, 0, 0, 0),
			 -EPROTO);
	shmipc_segment_set_word(slot.addr, UINT64_MAX);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &other, sysv_name, 0, 0, 0),
			 -EPROTO);
	ck_assert_int_ge(shmipc_gc(sysv_ipc, 0, NULL, NULL), 0);
	ck_assert(sysv_segment_exists(slot.id));
	shmipc_segment_set_word(slot.addr, word);
	slot_leave(&slot);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &other, sysv_name, 0, 0, 0),
			 0);
	shmipc_shm_close(other);
	shmipc_shm_close(shm);
	ck_assert(!sysv_segment_exists(slot.id));
	ck_assert_int_eq(shmctl(foreign, IPC_RMID, NULL), 0);
}
END_TEST

/* Look at our object by its name while the listing shows it. */
static int look_again(const struct shmipc_info *info, void *arg)
{
	struct shmipc_info again;
	int *seen = arg;

	if (strcmp(info->name, sysv_name) != 0)
		return 0;
	ck_assert_int_eq(info->in_use, 0);
	ck_assert_int_eq(shmipc_stat(sysv_ipc, info->kind, sysv_name, &again),
			 0);
	ck_assert_int_eq(again.in_use, 0);
	ck_assert_uint_eq(again.attached, 0);
	ck_assert_uint_eq(info->value, again.value);
	++*seen;
	return 0;
}

START_TEST(listing_is_no_user_of_what_it_shows)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	int seen = 0;

	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 100000,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	shmipc_shm_close(shm);
	ck_assert_int_eq(shmipc_sem_open(sysv_ipc, &sem, sysv_name, 5,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	shmipc_sem_close(sem);
	ck_assert_int_ge(shmipc_list(sysv_ipc, look_again, &seen), 2);
	ck_assert_int_eq(seen, 2);
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
	ck_assert_int_eq(shmipc_sem_unlink(sysv_ipc, sysv_name), 0);
}
END_TEST

TCase *sysv_case(void)
{
	TCase *tc = tcase_create("sysv");

	tcase_add_checked_fixture(tc, sysv_setup, sysv_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, name_of_a_dead_creator_is_taken_over);
	tcase_add_test(tc, opener_removes_the_segment_of_a_dead_creator);
	tcase_add_test(tc, opener_waits_for_a_live_creator_but_not_for_ever);
	tcase_add_test(tc,
		       opener_gets_the_segment_that_a_slow_creator_finishes);
	tcase_add_test(tc, rival_that_is_unfinished_is_made_dead);
	tcase_add_test(tc, rival_that_is_finished_wins);
#ifndef __SANITIZE_ADDRESS__
	tcase_add_test(tc, failure_to_see_a_rival_is_an_error);
#endif
	tcase_add_test(tc, names_with_one_key_are_two_objects);
	tcase_add_test(tc, rival_that_may_only_be_read_is_left_alone);
	tcase_add_test(tc,
		       segment_of_another_program_under_our_key_is_left_alone);
	tcase_add_test(tc, set_goes_with_the_last_user_of_its_semaphore);
	tcase_add_test(tc, wait_reports_a_removed_set);
	tcase_add_test(tc, set_that_is_too_small_is_refused);
	tcase_add_test(tc,
		       backend_word_that_leads_to_another_program_is_refused);
	tcase_add_test(tc, listing_is_no_user_of_what_it_shows);
	return tc;
}
