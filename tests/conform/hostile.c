/* SPDX-License-Identifier: MIT */
/*
 * A peer that may write an object writes arbitrary bytes into its header: at
 * rest, and while we work. It may destroy the object, and nothing else.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/conform/conform.h"

#define HEADER 4096
#define STATE  16   /* where the header says whether it is finished */
#define VALUE  1024 /* of a semaphore */
#define LOCK   2048 /* of a region, and what the kernel finds beside it */
#define LINKS  128  /* bytes of it */
#define FIELDS 320  /* everything else that has a meaning is before */

static const uint64_t nasty[] = {
	0,
	1,
	2,
	3,
	0x7f,
	0xff,
	0x7fff,
	0xffff,
	4095,
	4096,
	4097,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x7fffffffffffffff,
	0x8000000000000000,
	UINT64_MAX - 4095,
	UINT64_MAX,
	0x59444552, /* "REDY" */
	0x44414544, /* "DEAD" */
};

#define NASTY (sizeof(nasty) / sizeof(nasty[0]))

/* The header of the one object that this process has open. */
static unsigned char *find_header(const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned char *found = NULL;
	char line[4096];

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		char access[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, access) == 3 &&
		    !strcmp(access, "rw-s") && end - start >= HEADER &&
		    !memcmp((char *)start, "\xc5shmipc\x1a", 8) &&
		    !strcmp((char *)start + 48, name))
			found = (unsigned char *)start;
	}
	fclose(maps);
	ck_assert_ptr_nonnull(found);
	return found;
}

/*
 * Where names appear early, the state says whether the creator is still busy,
 * and others wait for it (tests/unit/sysv.c): left out here.
 */
static bool is_left_out(size_t at)
{
	return at <= STATE && at + 8 > STATE &&
	       !strcmp(shmipc_backend_name(ipc), "sysv");
}

static void is_documented(int r)
{
	ck_assert_msg(r == 0 || r == -EPROTO || r == -ENOENT || r == -EINVAL ||
			      r == -EAGAIN || r == -ETIMEDOUT ||
			      r == -EOVERFLOW || r == -EXDEV || r == -EIO,
		      "it gave %d: %s", r, shmipc_errmsg());
}

static int ignore(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

/* Everything by name that does not take the name away. */
static void use_region(const char *name)
{
	struct shmipc_shm *shm;
	struct shmipc_info info;
	int r = shmipc_shm_open(ipc, &shm, name, 0, 0, 0);

	is_documented(r);
	if (r == 0) {
		volatile unsigned char *bytes = bytes_of(shm);

		/* Wherever its end is said to be, it is ours to read. */
		(void)bytes[0];
		(void)bytes[shmipc_shm_size(shm) - 1];
		ok(shmipc_shm_close(shm));
	}
	fails(-EEXIST, shmipc_shm_open(ipc, &shm, name, 1,
				       SHMIPC_CREATE | SHMIPC_EXCL, 0600));
	is_documented(shmipc_stat(ipc, SHMIPC_SHM, name, &info));
}

static void use_semaphore(const char *name, struct shmipc_sem *sem)
{
	struct timespec soon = in_ms(1);
	struct shmipc_sem *other;
	struct shmipc_info info;
	int value = 0, r;

	r = shmipc_sem_open(ipc, &other, name, 0, 0, 0);
	is_documented(r);
	if (r == 0)
		ok(shmipc_sem_close(other));
	is_documented(shmipc_stat(ipc, SHMIPC_SEM, name, &info));
	is_documented(shmipc_sem_trywait(sem));
	is_documented(shmipc_sem_post(sem));
	is_documented(shmipc_sem_timedwait(sem, &soon));
	ok(shmipc_sem_getvalue(sem, &value));
	ck_assert_int_ge(value, 0);
}

START_TEST(every_nasty_value_in_a_region_is_survived)
{
	const char *name = name_of("region");
	struct shmipc_shm *shm = new_shm(name, 5000);
	unsigned char *header = find_header(name), sound[HEADER];

	memcpy(sound, header, HEADER);
	for (size_t at = 0; at < FIELDS; at += 4)
		for (size_t i = 0; i < NASTY; i++) {
			if (is_left_out(at))
				continue;
			memcpy(header + at, &nasty[i], at % 8 ? 4 : 8);
			use_region(name);
			memcpy(header, sound, HEADER);
		}
	ok(shmipc_shm_close(open_shm(name)));
	drop_shm(shm, name);
}
END_TEST

START_TEST(every_nasty_value_in_a_semaphore_is_survived)
{
	const char *name = name_of("sem");
	struct shmipc_sem *sem = new_sem(name, 2);
	unsigned char *header = find_header(name), sound[HEADER];

	memcpy(sound, header, HEADER);
	for (size_t at = 0; at <= FIELDS; at += 8)
		for (size_t i = 0; i < NASTY; i++) {
			size_t where = at == FIELDS ? VALUE : at;

			if (is_left_out(where))
				continue;
			memcpy(header + where, &nasty[i],
			       where == VALUE ? 4 : 8);
			use_semaphore(name, sem);
			memcpy(header, sound, HEADER);
		}
	ok(shmipc_sem_close(open_sem(name)));
	drop_sem(sem, name);
}
END_TEST

/* Write nasty values all the time, until killed. */
static int scribble(void *arg)
{
	unsigned char *header = arg;
	unsigned seed = (unsigned)getpid();

	for (;;) {
		size_t at = (size_t)rand_r(&seed) % (FIELDS / 4 + 8) * 4;
		size_t where = at < FIELDS ? at : VALUE;

		if (!is_left_out(where))
			memcpy(header + where,
			       &nasty[(size_t)rand_r(&seed) % NASTY], 4);
	}
	return 0;
}

START_TEST(nasty_values_while_we_work_are_survived)
{
	const char *name = name_of("work");
	struct shmipc_shm *shm = new_shm(name, 5000);
	struct shmipc_sem *sem;
	unsigned char *headers[2], sound[2][HEADER];
	const char *sem_name = name_of("worksem");
	pid_t pids[2];
	long end;

	headers[0] = find_header(name);
	sem = new_sem(sem_name, 1);
	headers[1] = find_header(sem_name);
	for (int i = 0; i < 2; i++) {
		memcpy(sound[i], headers[i], HEADER);
		pids[i] = spawn(scribble, headers[i]);
	}
	for (end = now_ms() + 500; now_ms() < end;) {
		/* Now and then it is sound again, so that more is reached. */
		memcpy(headers[0], sound[0], HEADER);
		memcpy(headers[1], sound[1], HEADER);
		use_region(name);
		use_semaphore(sem_name, sem);
		ok(shmipc_list(ipc, ignore, NULL));
		ok(shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, ignore, NULL));
	}
	for (int i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		ck_assert_int_eq(reap(pids[i]), 128 + SIGKILL);
		memcpy(headers[i], sound[i], HEADER);
	}
	ok(shmipc_shm_close(open_shm(name)));
	drop_shm(shm, name);
	drop_sem(sem, sem_name);
}
END_TEST

/* ---- the lock ----------------------------------------------------------- */

/* What nobody may write to: a lock and a mutex that the same thread holds. */
struct sound {
	struct shmipc_shm *shm;
	pthread_mutex_t mutex;
};

static void make_sound(struct sound *sound, const char *name)
{
	pthread_mutexattr_t attr;

	sound->shm = new_shm(name, 8);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	ck_assert_int_eq(pthread_mutex_init(&sound->mutex, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}

static void take_sound(struct sound *sound)
{
	ok(shmipc_shm_lock(sound->shm, NULL));
	ck_assert_int_eq(pthread_mutex_lock(&sound->mutex), 0);
}

static void give_sound(struct sound *sound)
{
	ok(shmipc_shm_unlock(sound->shm));
	ck_assert_int_eq(pthread_mutex_unlock(&sound->mutex), 0);
}

static bool is_code_of_lock(int r)
{
	return r == 0 || r == -EOWNERDEAD || r == -ENOTRECOVERABLE ||
	       r == -EDEADLK || r == -ETIMEDOUT || r == -EBUSY;
}

/* Lock and unlock, between a sound lock and mutex and in changing order. */
static void use_lock(struct shmipc_shm *shm, struct sound *sound, unsigned i)
{
	struct timespec soon = in_ms(1);
	int r;

	if (i % 2)
		take_sound(sound);
	r = i % 3 ? shmipc_shm_lock(shm, &soon) : shmipc_shm_trylock(shm);
	ck_assert_msg(is_code_of_lock(r), "it gave %d: %s", r, shmipc_errmsg());
	if (i % 2 == 0)
		take_sound(sound);
	if (i % 4 < 2)
		give_sound(sound);
	if (r == 0 || r == -EOWNERDEAD) {
		r = i % 5 ? shmipc_shm_mark_consistent(shm) : 0;
		ck_assert(r == 0 || r == -EINVAL);
		ok(shmipc_shm_unlock(shm));
	}
	fails(-EPERM, shmipc_shm_unlock(shm));
	if (i % 4 >= 2)
		give_sound(sound);
}

/* The nasty values, and the id of a thread: ours. */
static uint64_t value_number(size_t i)
{
	return i < NASTY ? nasty[i] : (uint64_t)gettid() << (i - NASTY);
}

START_TEST(every_nasty_value_in_a_lock_is_survived)
{
	const char *name = name_of("lock"), *sound_name = name_of("sound");
	struct shmipc_shm *shm = new_shm(name, 8);
	unsigned char *header = find_header(name), copy[HEADER];
	struct sound sound;

	make_sound(&sound, sound_name);
	memcpy(copy, header, HEADER);
	for (size_t at = LOCK; at < LOCK + LINKS; at += 4)
		for (unsigned i = 0; i < NASTY + 2; i++) {
			uint64_t value = value_number(i);

			memcpy(header + at, &value, at % 8 ? 4 : 8);
			use_lock(shm, &sound, i);
			memcpy(header, copy, HEADER);
		}
	use_lock(shm, &sound, 1);
	drop_shm(sound.shm, sound_name);
	drop_shm(shm, name);
}
END_TEST

START_TEST(every_nasty_value_in_a_held_lock_is_survived)
{
	const char *name = name_of("lock"), *sound_name = name_of("sound");
	struct shmipc_shm *shm = new_shm(name, 8), *other = open_shm(name);
	unsigned char *header = find_header(name), copy[HEADER];
	struct sound sound;
	int r;

	make_sound(&sound, sound_name);
	memcpy(copy, header, HEADER);
	for (size_t at = LOCK; at < LOCK + LINKS; at += 4)
		for (unsigned i = 0; i < NASTY + 2; i++) {
			uint64_t value = value_number(i);

			ok(shmipc_shm_lock(shm, NULL));
			memcpy(header + at, &value, at % 8 ? 4 : 8);
			use_lock(other, &sound, i);
			/* It may get it too, and dies in it then. */
			r = in_thread(shmipc_shm_trylock, shm);
			ck_assert(is_code_of_lock(r));
			ok(shmipc_shm_unlock(shm));
			memcpy(header, copy, HEADER);
		}
	use_lock(shm, &sound, 1);
	ok(shmipc_shm_close(other));
	drop_shm(sound.shm, sound_name);
	drop_shm(shm, name);
}
END_TEST

static int scribble_on_the_lock(void *arg)
{
	unsigned char *header = arg;
	unsigned seed = (unsigned)getpid();

	for (;;) {
		size_t at = rand_r(&seed) / 16 % 2
				    ? 0
				    : (size_t)rand_r(&seed) % (LINKS / 4) * 4;

		memcpy(header + LOCK + at,
		       &nasty[(size_t)rand_r(&seed) % NASTY], 4);
		usleep(10);
	}
	return 0;
}

struct user {
	struct shmipc_shm *shm;
	struct sound sound;
	long end;
};

static void *use_lock_until_the_end(void *arg)
{
	struct user *user = arg;

	for (unsigned i = 0; now_ms() < user->end; i++)
		use_lock(user->shm, &user->sound, i);
	return NULL;
}

START_TEST(nasty_values_while_threads_lock_are_survived)
{
	enum { THREADS = 4 };
	static const char *const words[THREADS] = { "a", "b", "c", "d" };
	struct shmipc_shm *shm = new_shm(name_of("lock"), 8);
	struct shmipc_shm *other = open_shm(name_of("lock"));
	unsigned char *header = find_header(name_of("lock")), copy[HEADER];
	struct user users[THREADS];
	pthread_t threads[THREADS];
	pid_t pid;

	memcpy(copy, header, HEADER);
	pid = spawn(scribble_on_the_lock, header);
	for (int i = 0; i < THREADS; i++) {
		users[i].shm = i % 2 ? shm : other;
		users[i].end = now_ms() + 700;
		make_sound(&users[i].sound, name_of(words[i]));
	}
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use_lock_until_the_end,
			       &users[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end_by_kill(pid);
	memcpy(header, copy, HEADER);
	for (int i = 0; i < THREADS; i++) {
		use_lock(shm, &users[i].sound, 1);
		drop_shm(users[i].sound.shm, name_of(words[i]));
	}
	ok(shmipc_shm_close(other));
	drop_shm(shm, name_of("lock"));
}
END_TEST

/* The lock of an earlier region stands in the list behind that of a later. */
struct spoiled {
	struct shmipc_shm *shms[3];
	unsigned char *header; /* of the first, so the last in the list */
	uint64_t value;
	size_t at;
};

static int spoil_and_die(void *arg)
{
	struct spoiled *spoiled = arg;

	for (int i = 0; i < 3; i++)
		if (shmipc_shm_lock(spoiled->shms[i], NULL) < 0)
			return 1;
	memcpy(spoiled->header + spoiled->at, &spoiled->value, 8);
	raise(SIGKILL);
	return 2;
}

START_TEST(spoiled_link_harms_no_lock_that_was_taken_later)
{
	static const char *const words[] = { "a", "b", "c" };
	struct spoiled spoiled;
	unsigned char copy[HEADER];

	for (int i = 0; i < 3; i++)
		spoiled.shms[i] = new_shm(name_of(words[i]), 8);
	spoiled.header = find_header(name_of("a"));
	memcpy(copy, spoiled.header, HEADER);
	for (spoiled.at = LOCK + 8; spoiled.at < LOCK + LINKS; spoiled.at += 8)
		for (size_t i = 0; i < NASTY; i++) {
			spoiled.value = nasty[i];
			ck_assert_int_eq(reap(spawn(spoil_and_die, &spoiled)),
					 128 + SIGKILL);
			take_over(spoiled.shms[0]);
			take_over(spoiled.shms[1]);
			take_over(spoiled.shms[2]);
			memcpy(spoiled.header, copy, HEADER);
		}
	for (int i = 0; i < 3; i++)
		drop_shm(spoiled.shms[i], name_of(words[i]));
}
END_TEST

void add_hostile(TCase *tc)
{
	tcase_add_test(tc, every_nasty_value_in_a_region_is_survived);
	tcase_add_test(tc, every_nasty_value_in_a_semaphore_is_survived);
	tcase_add_test(tc, nasty_values_while_we_work_are_survived);
	tcase_add_test(tc, every_nasty_value_in_a_lock_is_survived);
	tcase_add_test(tc, every_nasty_value_in_a_held_lock_is_survived);
	tcase_add_test(tc, nasty_values_while_threads_lock_are_survived);
	tcase_add_test(tc, spoiled_link_harms_no_lock_that_was_taken_later);
}
