/* SPDX-License-Identifier: MIT */
/* White box: what shmipc_gc() removes from System V's tables, and what not. */
#include <stdio.h>
#include <string.h>
#include <sys/sem.h>
#include <unistd.h>

#include "backends/sysv/key.h"
#include "backends/sysv/ksem.h"
#include "backends/sysv/slot.h"
#include "core/header.h"
#include "tests/unit/sysv_fixture.h"
#include "tests/unit/unit.h"

static void remove_garbage(void)
{
	ck_assert_int_ge(shmipc_gc(sysv_ipc, 0, NULL, NULL), 0);
}

START_TEST(unfinished_segments_are_garbage_unless_they_are_attached)
{
	for (int with_name = 0; with_name < 2; with_name++) {
		int id = sysv_leave_behind(0, with_name);
		void *addr = shmat(id, NULL, SHM_RDONLY);

		ck_assert_ptr_ne(addr, (void *)-1);
		remove_garbage();
		ck_assert(sysv_segment_exists(id));
		shmdt(addr);
		ck_assert_int_ge(
			shmipc_gc(sysv_ipc, SHMIPC_GC_DRY_RUN, NULL, NULL), 1);
		ck_assert(sysv_segment_exists(id));
		remove_garbage();
		ck_assert(!sysv_segment_exists(id));
	}
}
END_TEST

/* As a creator leaves it that is killed after it made its liveness segment. */
START_TEST(segment_with_a_word_and_a_part_of_the_magic_is_garbage)
{
	static struct shmi_header whole;

	shmi_header_fill(&whole, &(struct shmi_contents){ .kind = SHMIPC_SHM,
							  .name = sysv_name });
	for (size_t part = 0; part <= sizeof(whole.magic); part++) {
		int id = sysv_leave_behind(0, false);
		void *addr = shmat(id, NULL, 0);

		ck_assert_ptr_ne(addr, (void *)-1);
		shmipc_segment_set_word(addr, 77);
		memcpy(addr, whole.magic, part);
		shmdt(addr);
		remove_garbage();
		ck_assert(!sysv_segment_exists(id));
	}
}
END_TEST

/* Their key and size are like ours, and their state says "unfinished". */
START_TEST(segments_of_other_programs_are_no_garbage)
{
	const struct {
		key_t key;
		size_t size;
	} others[] = {
		{ sysvkey_segment(SHMIPC_SHM, sysv_name, 0),
		  sysvkey_size(SHMIPC_SHM, sysv_name, 8192, false) },
		{ sysvkey_segment(SHMIPC_SHM, sysv_name, 0),
		  sysvkey_size(SHMIPC_SHM, sysv_name, 8192, true) },
		{ sysvkey_companion(0x1234567), 678 },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (int state = 0; state < 2; state++) {
			int id = shmget(others[i].key, others[i].size,
					IPC_CREAT | IPC_EXCL | 0600);
			char *bytes = shmat(id, NULL, 0);

			ck_assert_ptr_ne(bytes, (void *)-1);
			strcpy(bytes, "another program's");
			memset(bytes + 20, 'x', 600);
			memcpy(bytes + 16, state ? "DAED" : "\0\0\0", 4);
			shmdt(bytes);
			remove_garbage();
			ck_assert(sysv_segment_exists(id));
			ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
		}
}
END_TEST

static int make_liveness_segment(int id)
{
	int made =
		shmget(sysvkey_companion(id), 678, IPC_CREAT | IPC_EXCL | 0600);

	ck_assert_int_ge(made, 0);
	return made;
}

START_TEST(liveness_segment_of_a_dead_creator_goes_with_its_segment)
{
	int id = sysv_leave_behind(0, 0), liveness;
	void *addr = shmat(id, NULL, 0);

	/* The creator was killed before it removed the liveness segment, */
	liveness = make_liveness_segment(id);
	remove_garbage();
	ck_assert(sysv_segment_exists(liveness)); /* the creator may be alive */
	shmdt(addr);
	remove_garbage();
	ck_assert(!sysv_segment_exists(id));
	ck_assert(!sysv_segment_exists(liveness));
	/* or the process that removed the segment was killed before that. */
	liveness = make_liveness_segment(id);
	remove_garbage();
	ck_assert(!sysv_segment_exists(liveness));
}
END_TEST

START_TEST(set_without_its_segment_is_garbage_if_it_is_ours)
{
	int id = sysv_leave_behind(0, 0), set;

	ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
	for (int size = 1; size <= SHMIPC_KSEMS_MAX + 2; size++) {
		bool ours = size > 1 && size <= SHMIPC_KSEMS_MAX + 1;

		set = semget(sysvkey_companion(id), size,
			     IPC_CREAT | IPC_EXCL | 0600);
		ck_assert_int_ge(set, 0);
		/* Without the mark it is another program's. */
		remove_garbage();
		ck_assert_int_eq(semctl(set, 0, GETVAL), 0);
		ck_assert_int_eq(semctl(set, size - 1, SETVAL, SYSV_SET_MARK),
				 0);
		remove_garbage();
		ck_assert_int_eq(semctl(set, 0, IPC_RMID), ours ? -1 : 0);
	}
}
END_TEST

/* Put a set beside an unfinished segment, whose creator is dead. */
static int leave_set_behind(int size, int mark)
{
	int set = semget(sysvkey_companion(sysv_leave_behind(0, true)), size,
			 IPC_CREAT | IPC_EXCL | 0600);

	ck_assert_int_ge(set, 0);
	ck_assert_int_eq(semctl(set, size - 1, SETVAL, mark), 0);
	return set;
}

START_TEST(set_of_a_dead_creator_goes_with_its_segment)
{
	struct sembuf add = { .sem_op = 1 };
	struct shmipc_shm *shm;
	int set;

	for (int size = 2; size <= SHMIPC_KSEMS_MAX + 1; size++)
		for (int marked = 0; marked < 2; marked++) {
			set = leave_set_behind(size,
					       marked ? SYSV_SET_MARK : 0);
			ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm,
							 sysv_name, 0, 0, 0),
					 -ENOENT);
			ck_assert_int_lt(semctl(set, 0, GETVAL), 0);
		}
	/* A set that is in use without the mark is another program's. */
	set = leave_set_behind(2, 0);
	ck_assert_int_eq(semop(set, &add, 1), 0);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 0, 0, 0),
			 -ENOENT);
	ck_assert_int_eq(semctl(set, 0, IPC_RMID), 0);
}
END_TEST

START_TEST(size_alone_makes_a_segment_transient)
{
	struct shmi_header *header;
	struct shmipc_shm *shm;
	struct slot slot;

	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 8,
					 SHMIPC_CREATE | SHMIPC_EXCL, 0600),
			 0);
	ck_assert_int_eq(slot_look(SHMIPC_SHM, sysv_name, 0, 0, &slot), 0);
	header = slot.addr;
	header->flags |= SHMI_HEADER_TRANSIENT;
	shmipc_shm_close(shm);
	ck_assert_int_eq(shmipc_shm_open(sysv_ipc, &shm, sysv_name, 8, 0, 0),
			 -EPROTO);
	remove_garbage();
	ck_assert(sysv_segment_exists(slot.id));
	header->flags = 0;
	slot_leave(&slot);
	ck_assert_int_eq(shmipc_shm_unlink(sysv_ipc, sysv_name), 0);
}
END_TEST

TCase *sysv_gc_case(void)
{
	TCase *tc = tcase_create("sysv_gc");

	tcase_add_checked_fixture(tc, sysv_setup, sysv_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(
		tc, unfinished_segments_are_garbage_unless_they_are_attached);
	tcase_add_test(tc,
		       segment_with_a_word_and_a_part_of_the_magic_is_garbage);
	tcase_add_test(tc, segments_of_other_programs_are_no_garbage);
	tcase_add_test(
		tc, liveness_segment_of_a_dead_creator_goes_with_its_segment);
	tcase_add_test(tc, set_without_its_segment_is_garbage_if_it_is_ours);
	tcase_add_test(tc, set_of_a_dead_creator_goes_with_its_segment);
	tcase_add_test(tc, size_alone_makes_a_segment_transient);
	return tc;
}
