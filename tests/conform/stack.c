/* SPDX-License-Identifier: MIT */
/*
 * How much stack the functions need. Threads of embedded programs often have
 * PTHREAD_STACK_MIN, 16 KiB, of which the C library uses a part.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "tests/conform/conform.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
	!defined(__OPTIMIZE__)
#define LIMIT 65536 /* such frames are larger */
#else
#define LIMIT 8192
#endif

#define ROOM  ((size_t)256 << 10)
#define PAINT 0xa5

#define LARGE ((size_t)4 << 20)

static struct shmipc_shm *shm, *big, *other;
static struct shmipc_sem *sem;
static const char *name, *large;

static int visit(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static int visit_backend(const struct shmipc_backend_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static int do_nothing(void)
{
	return 0;
}

static int connect_and_close(void)
{
	struct shmipc *second;
	int r = shmipc_open(&second, NULL);

	shmipc_close(second);
	return r;
}

static int show_backends(void)
{
	return shmipc_backends(visit_backend, NULL);
}

static int create_region(void)
{
	return shmipc_shm_open(ipc, &shm, name, 64,
			       SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600);
}

static int create_semaphore(void)
{
	return shmipc_sem_open(ipc, &sem, name, 1, SHMIPC_CREATE, 0600);
}

static int create_large_region(void)
{
	return shmipc_shm_open(ipc, &big, large, LARGE,
			       SHMIPC_CREATE | SHMIPC_PREFAULT, 0600);
}

static int close_large_region(void)
{
	return shmipc_shm_close(big);
}

static int unlink_large_region(void)
{
	return shmipc_shm_unlink(ipc, large);
}

static int open_and_close_region(void)
{
	int r = shmipc_shm_open(ipc, &other, name, 0, 0, 0);

	return r < 0 ? r : shmipc_shm_close(other);
}

static int open_and_close_semaphore(void)
{
	struct shmipc_sem *again;
	int r = shmipc_sem_open(ipc, &again, name, 0, 0, 0);

	return r < 0 ? r : shmipc_sem_close(again);
}

static int open_nothing(void)
{
	int r = shmipc_shm_open(ipc, &other, "t.stack.missing", 0, 0, 0);

	return r == -ENOENT && strlen(shmipc_errmsg()) > 0 ? 0 : -EIO;
}

static int look(void)
{
	struct shmipc_info info;

	return shmipc_stat(ipc, SHMIPC_SEM, name, &info);
}

static int list(void)
{
	return shmipc_list(ipc, visit, NULL);
}

static int look_for_garbage(void)
{
	return shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, visit, NULL);
}

static int lock_and_unlock(void)
{
	struct timespec deadline = in_ms(1000);
	int r = shmipc_shm_lock(shm, &deadline);

	return r < 0 ? r : shmipc_shm_unlock(shm);
}

static int try_lock(void)
{
	int r = shmipc_shm_trylock(shm);

	return r < 0 ? r : shmipc_shm_unlock(shm);
}

static int wait_and_sleep(void)
{
	struct timespec deadline = in_ms(10);
	int r = shmipc_sem_wait(sem);

	if (r < 0)
		return r;
	r = shmipc_sem_timedwait(sem, &deadline);
	return r == -ETIMEDOUT ? shmipc_sem_post(sem) : -EIO;
}

static int try_wait(void)
{
	int value, r = shmipc_sem_trywait(sem);

	if (r == 0)
		r = shmipc_sem_post(sem);
	return r < 0 ? r : shmipc_sem_getvalue(sem, &value);
}

static int hand_over_region(void)
{
	int fd, r = shmipc_shm_export_fd(shm, &fd);

	if (r < 0)
		return can(SHMIPC_CAP_FDS) ? r : 0;
	r = shmipc_shm_import_fd(ipc, &other, fd, 0);
	close(fd);
	return r < 0 ? r : shmipc_shm_close(other);
}

static int hand_over_semaphore(void)
{
	struct shmipc_sem *again;
	int fds[2], r = shmipc_sem_export_fds(sem, fds);

	if (r < 0)
		return can(SHMIPC_CAP_FDS) ? r : 0;
	r = shmipc_sem_import_fds(ipc, &again, fds, 0);
	close_fds(fds);
	return r < 0 ? r : shmipc_sem_close(again);
}

static int close_region(void)
{
	return shmipc_shm_close(shm);
}

static int close_semaphore(void)
{
	return shmipc_sem_close(sem);
}

static int unlink_semaphore(void)
{
	return shmipc_sem_unlink(ipc, name);
}

#define STEP(function)                                                         \
	{                                                                      \
		function, #function                                            \
	}

static const struct step {
	int (*act)(void);
	const char *name;
} steps[] = {
	STEP(connect_and_close),
	STEP(show_backends),
	STEP(create_region),
	STEP(create_semaphore),
	STEP(create_large_region),
	STEP(open_and_close_region),
	STEP(open_and_close_semaphore),
	STEP(open_nothing),
	STEP(look),
	STEP(list),
	STEP(look_for_garbage),
	STEP(lock_and_unlock),
	STEP(try_lock),
	STEP(wait_and_sleep),
	STEP(try_wait),
	STEP(hand_over_region),
	STEP(hand_over_semaphore),
	STEP(close_large_region),
	STEP(unlink_large_region),
	STEP(close_region),
	STEP(close_semaphore),
	STEP(unlink_semaphore),
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void *run_step(void *arg)
{
	const struct step *step = arg;
	int r = step->act();

	ck_assert_msg(r >= 0, "%s gave %d: %s", step->name, r, shmipc_errmsg());
	return NULL;
}

/* The bytes of a new thread's stack that this step has written. */
static size_t stack_of(const struct step *step)
{
	unsigned char *stack = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;
	size_t free = 0;

	ck_assert_ptr_ne(stack, MAP_FAILED);
	memset(stack, PAINT, ROOM);
	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstack(&attr, stack, ROOM), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, run_step, (void *)step),
			 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	while (free < ROOM && stack[free] == PAINT)
		free++;
	munmap(stack, ROOM);
	return ROOM - free;
}

START_TEST(functions_need_at_most_8_kib_of_stack)
{
	const struct step nothing = STEP(do_nothing);
	size_t base;

	name = name_of("stack");
	large = name_of("stack.large");
	/* The first time, the dynamic linker works on the stack, too. */
	for (size_t i = 0; i < STEPS; i++)
		run_step((void *)&steps[i]);
	base = stack_of(&nothing);
	for (size_t i = 0; i < STEPS; i++) {
		size_t used = stack_of(&steps[i]);

		ck_assert_msg(used <= base + LIMIT, "%s: %zu bytes, not %zu",
			      steps[i].name, used, base + LIMIT);
	}
}
END_TEST

void add_stack(TCase *tc)
{
	tcase_add_test(tc, functions_need_at_most_8_kib_of_stack);
}
