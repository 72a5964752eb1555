/* SPDX-License-Identifier: MIT */
/* White box: the word of a semaphore, and looking again before sleeping. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/random.h"
#include "core/semword.h"
#include "tests/unit/unit.h"

/* ---- the word of a semaphore -------------------------------------------- */

/* A place that only counts, and takes what a test puts into its hands. */
static struct {
	int tokens;
	int sleeps;
	void (*during_sleep)(struct shmipc_segment *seg);
} place;

static int count_wait(struct shmipc_segment *seg, unsigned index,
		      const struct timespec *deadline)
{
	ck_assert_uint_eq(index, 0);
	(void)deadline;
	place.sleeps++;
	if (place.during_sleep)
		place.during_sleep(seg);
	if (place.tokens == 0)
		return -ETIMEDOUT;
	place.tokens--;
	return 0;
}

static void count_post(struct shmipc_segment *seg, unsigned index)
{
	(void)seg;
	(void)index;
	place.tokens++;
}

static struct shmi_header word_header;
static struct shmi_spin spin;
static const struct shmipc_backend counting = {
	.ksem_wait = count_wait,
	.ksem_post = count_post,
};

static struct shmipc_segment word_of(uint32_t word)
{
	memset(&place, 0, sizeof(place));
	memset(&spin, 0, sizeof(spin));
	word_header.value = word;
	return (struct shmipc_segment){ .backend = &counting,
					.addr = &word_header };
}

static void post_two(struct shmipc_segment *seg)
{
	place.during_sleep = NULL;
	ck_assert_int_eq(shmi_semword_post(seg), 0);
	ck_assert_int_eq(shmi_semword_post(seg), 0);
}

START_TEST(kernel_is_not_entered_without_a_sleeper)
{
	struct shmipc_segment seg = word_of(0);

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(shmi_semword_post(&seg), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(shmi_semword_wait(&seg, &spin, NULL), 0);
	ck_assert_int_eq(shmi_semword_trywait(&word_header), -EAGAIN);
	ck_assert_int_eq(place.tokens, 0);
	ck_assert_int_eq(place.sleeps, 0);
}
END_TEST

START_TEST(mark_of_a_dead_sleeper_costs_one_token)
{
	struct shmipc_segment seg = word_of(SHMI_SEMWORD_MARK);

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(shmi_semword_post(&seg), 0);
	ck_assert_int_eq(place.tokens, 1);
	ck_assert_uint_eq(word_header.value, 5);
}
END_TEST

START_TEST(woken_waiter_hands_the_wake_up_on)
{
	struct shmipc_segment seg = word_of(0);

	/* Two posts while it sleeps make one token: the other is for us. */
	place.during_sleep = post_two;
	ck_assert_int_eq(shmi_semword_wait(&seg, &spin, NULL), 0);
	ck_assert_int_eq(place.sleeps, 1);
	ck_assert_int_eq(place.tokens, 1);
	ck_assert_uint_eq(word_header.value, SHMI_SEMWORD_MARK | 1);
}
END_TEST

START_TEST(waiter_that_times_out_leaves_the_mark)
{
	struct shmipc_segment seg = word_of(0);
	struct timespec soon = shmi_clock_in(200);

	/* Others may sleep, and their mark must not be taken along. */
	ck_assert_int_eq(shmi_semword_wait(&seg, &spin, &soon), -ETIMEDOUT);
	ck_assert_int_gt(place.sleeps, 0);
	ck_assert_uint_eq(word_header.value, SHMI_SEMWORD_MARK);
}
END_TEST

START_TEST(waiter_that_is_too_late_leaves_no_trace)
{
	struct shmipc_segment seg = word_of(0);
	struct timespec past = { 0, 0 };

	ck_assert_int_eq(shmi_semword_wait(&seg, &spin, &past), -ETIMEDOUT);
	ck_assert_int_eq(place.sleeps, 0);
	ck_assert_uint_eq(word_header.value, 0);
}
END_TEST

START_TEST(value_never_reaches_the_mark)
{
	struct shmipc_segment seg = word_of(SHMIPC_SEM_VALUE_MAX);

	ck_assert_int_eq(shmi_semword_post(&seg), -EOVERFLOW);
	ck_assert_uint_eq(word_header.value, SHMIPC_SEM_VALUE_MAX);
	seg = word_of(SHMIPC_SEM_VALUE_MAX | SHMI_SEMWORD_MARK);
	ck_assert_int_eq(shmi_semword_post(&seg), -EOVERFLOW);
	ck_assert_uint_eq(shmi_semword_value(&word_header),
			  SHMIPC_SEM_VALUE_MAX);
}
END_TEST

/* ---- looking again before sleeping -------------------------------------- */

static unsigned looks, found_at;

static bool look(void *arg)
{
	(void)arg;
	return ++looks == found_at;
}

START_TEST(what_is_found_by_looking_again_is_told)
{
	looks = 0;
	memset(&spin, 0, sizeof(spin));
	for (found_at = 1; found_at < 100; found_at++, looks = 0)
		if (shmi_spin(&spin, look, NULL))
			ck_assert_uint_eq(looks, found_at);
		else
			ck_assert(looks == 0 || looks < found_at);
}
END_TEST

START_TEST(trial_in_vain_is_not_repeated_at_once)
{
	unsigned without = 0;

	looks = found_at = 0;
	memset(&spin, 0, sizeof(spin));
	ck_assert(!shmi_spin(&spin, look, NULL));
	ck_assert_uint_gt(looks, 0);
	for (looks = 0; !looks; without++)
		ck_assert(!shmi_spin(&spin, look, NULL));
	ck_assert_uint_gt(without, 100);
}
END_TEST

/* ---- numbers that nobody else draws ------------------------------------- */

static int compare(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void draw(uint64_t *to, size_t count)
{
	pid_t self = getpid();

	for (size_t i = 0; i < count; i++)
		to[i] = shmi_random(self);
}

START_TEST(no_two_draw_the_same_not_even_parent_and_child)
{
	enum { CHILDREN = 4, EACH = 20000, ALL = (CHILDREN + 1) * EACH };
	uint64_t *drawn =
		mmap(NULL, ALL * sizeof(*drawn), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(drawn, MAP_FAILED);
	(void)shmi_random(getpid());
	for (size_t i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			draw(drawn + i * EACH, EACH);
			_exit(0);
		}
	draw(drawn + (size_t)CHILDREN * EACH, EACH);
	for (size_t i = 0; i < CHILDREN; i++)
		ck_assert_int_gt(wait(NULL), 0);
	qsort(drawn, ALL, sizeof(*drawn), compare);
	for (size_t i = 1; i < ALL; i++)
		ck_assert(drawn[i] != drawn[i - 1]);
	munmap(drawn, ALL * sizeof(*drawn));
}
END_TEST

TCase *semword_case(void)
{
	TCase *tc = tcase_create("semword");

	tcase_add_test(tc, kernel_is_not_entered_without_a_sleeper);
	tcase_add_test(tc, mark_of_a_dead_sleeper_costs_one_token);
	tcase_add_test(tc, woken_waiter_hands_the_wake_up_on);
	tcase_add_test(tc, waiter_that_times_out_leaves_the_mark);
	tcase_add_test(tc, waiter_that_is_too_late_leaves_no_trace);
	tcase_add_test(tc, value_never_reaches_the_mark);
	return tc;
}

TCase *random_case(void)
{
	TCase *tc = tcase_create("random");

	tcase_add_test(tc, no_two_draw_the_same_not_even_parent_and_child);
	return tc;
}

TCase *spin_case(void)
{
	TCase *tc = tcase_create("spin");

	tcase_add_test(tc, what_is_found_by_looking_again_is_told);
	tcase_add_test(tc, trial_in_vain_is_not_repeated_at_once);
	return tc;
}
