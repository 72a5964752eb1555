/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that lead to something else than export made, and headers that
 * a peer filled with arbitrary bytes. All are refused, or safe to use, and
 * nothing of them stays open.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/conform/conform.h"

#define HEADER 4096
#define STATE  16
#define KIND   12
#define SIZE   24
#define NAME   48
#define FIELDS 320

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* A memfd with these first bytes, so long, and sealed so. */
static int forge(const unsigned char *bytes, size_t count, off_t length,
		 int seals)
{
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, length), 0);
	ck_assert_int_eq(pwrite(fd, bytes, count, 0), (ssize_t)count);
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* The header of a region of 100 bytes, of a semaphore. */
static void copy_header(int fd, unsigned char header[HEADER])
{
	ck_assert_int_eq(pread(fd, header, HEADER, 0), HEADER);
	close(fd);
}

static void sound_headers(unsigned char shm_header[HEADER],
			  unsigned char sem_header[HEADER])
{
	struct shmipc_shm *shm = new_shm(name_of("sound"), 100);
	struct shmipc_sem *sem = new_sem(name_of("sound"), 1);
	int fds[2];

	copy_header(export_shm(shm), shm_header);
	ok(shmipc_sem_export_fds(sem, fds));
	close(fds[1]);
	copy_header(fds[0], sem_header);
	drop_shm(shm, name_of("sound"));
	drop_sem(sem, name_of("sound"));
}

/* As a region, and as a semaphore; and it is closed. */
static void refused(int err, int fd)
{
	int fds[2] = { fd, eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK) };
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *sem = NULL;

	for (unsigned flags = 0; flags <= SHMIPC_RDONLY;
	     flags += SHMIPC_RDONLY) {
		fails(err, shmipc_shm_import_fd(ipc, &shm, fd, flags));
		fails(err, shmipc_sem_import_fds(ipc, &sem, fds, flags));
	}
	ck_assert_ptr_null(shm);
	ck_assert_ptr_null(sem);
	close_fds(fds);
}

static void refused_place(int err, const int fds[2])
{
	struct shmipc_sem *sem = NULL;

	fails(err, shmipc_sem_import_fds(ipc, &sem, fds, 0));
	ck_assert_ptr_null(sem);
}

static int file_of(const void *bytes, size_t count)
{
	const char *dir = getenv("SHMIPC_TEST_DIR");
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, count), (ssize_t)count);
	return fd;
}

/* ---- wrong kinds -------------------------------------------------------- */

START_TEST(what_is_not_open_is_refused)
{
	int closed = dup(0), fds[2] = { -1, -1 };

	close(closed);
	refused(-EBADF, -1);
	refused(-EBADF, INT32_MAX);
	refused(-EBADF, INT32_MIN);
	fds[0] = closed;
	refused_place(-EBADF, fds);
}
END_TEST

START_TEST(what_is_no_memory_is_refused)
{
	unsigned char header[HEADER], other[HEADER];
	int fds[2];

	sound_headers(header, other);
	refused(-EPROTO, file_of(header, HEADER));
	refused(-EPROTO, open("/", O_RDONLY | O_CLOEXEC));
	refused(-EPROTO, open("/dev/zero", O_RDWR | O_CLOEXEC));
	refused(-EPROTO, open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	refused(-EPROTO, eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK));
	refused(-EBADF, open("/", O_PATH | O_CLOEXEC));
	/* Opening one end of it would wait for the other. */
	ck_assert_int_eq(pipe(fds), 0);
	refused(-EPROTO, fds[0]);
	refused(-EPROTO, fds[1]);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	refused(-EPROTO, fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(memory_without_all_seals_is_refused)
{
	static const int seals[] = { 0,
				     F_SEAL_SHRINK,
				     F_SEAL_GROW,
				     F_SEAL_SHRINK | F_SEAL_GROW,
				     F_SEAL_SHRINK | F_SEAL_SEAL,
				     F_SEAL_GROW | F_SEAL_SEAL };
	unsigned char header[HEADER], other[HEADER];
	struct shmipc_shm *shm;
	int fd;

	sound_headers(header, other);
	for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++)
		refused(-EPROTO, forge(header, HEADER, HEADER + 100, seals[i]));
	/* It is only the seals that were wrong with them. */
	fd = forge(header, HEADER, HEADER + 100, SEALS);
	shm = import_shm(fd);
	ck_assert_uint_eq(shmipc_shm_size(shm), 100);
	ok(shmipc_shm_close(shm));
	close(fd);
}
END_TEST

/* The process that gave them could take the pages away: SIGBUS. */
START_TEST(memory_of_huge_pages_is_refused)
{
	int fd = memfd_create("huge",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	struct shmipc_shm *shm = NULL;

	if (fd < 0)
		return; /* a kernel without them */
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 30), 0);
	ck_assert_int_eq(fchmod(fd, 0600), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS), 0);
	fails(-EPROTO, shmipc_shm_import_fd(ipc, &shm, fd, 0));
	/* For what it is, and not for its contents. */
	ck_assert_msg(strstr(shmipc_errmsg(), "ordinary pages"), "%s",
		      shmipc_errmsg());
	refused(-EPROTO, fd);
}
END_TEST

START_TEST(memory_that_no_other_can_read_is_refused)
{
#ifdef SYS_memfd_secret
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	if (fd < 0)
		return; /* a kernel without it */
	ck_assert_int_eq(ftruncate(fd, 2 * HEADER), 0);
	refused(-EPROTO, fd);
#endif
}
END_TEST

START_TEST(memory_that_is_too_short_is_refused)
{
	static const off_t lengths[] = { 1, 511, HEADER - 1, HEADER,
					 HEADER + 99 };
	unsigned char header[HEADER], other[HEADER];

	sound_headers(header, other);
	refused(-EPROTO, forge(header, 0, 0, SEALS));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n = (size_t)(lengths[i] < HEADER ? lengths[i] : HEADER);

		refused(-EPROTO, forge(header, n, lengths[i], SEALS));
	}
	refused(-EPROTO, forge(other, HEADER - 1, HEADER - 1, SEALS));
}
END_TEST

START_TEST(descriptor_for_writing_only_is_refused)
{
	unsigned char header[HEADER], other[HEADER];
	char path[64];
	int fd, writer;

	sound_headers(header, other);
	fd = forge(header, HEADER, HEADER + 100, SEALS);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	writer = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(writer, 0);
	close(fd);
	refused(-EACCES, writer);
}
END_TEST

START_TEST(memory_that_is_sealed_for_good_can_be_read)
{
	unsigned char header[HEADER], other[HEADER];
	struct shmipc_shm *shm = NULL;
	int fd;

	sound_headers(header, other);
	fd = forge(header, HEADER, HEADER + 100, SEALS | F_SEAL_WRITE);
	fails(-EACCES, shmipc_shm_import_fd(ipc, &shm, fd, 0));
	ck_assert_ptr_null(shm);
	ok(shmipc_shm_import_fd(ipc, &shm, fd, SHMIPC_RDONLY));
	ck_assert_int_eq(bytes_of(shm)[99], 0);
	ok(shmipc_shm_close(shm));
	close(fd);
}
END_TEST

START_TEST(one_kind_is_not_taken_for_the_other)
{
	struct shmipc_shm *shm = new_shm(name_of("kind"), 8), *none = NULL;
	struct shmipc_sem *sem = new_sem(name_of("kind"), 1);
	int fds[2], mixed[2];

	ok(shmipc_sem_export_fds(sem, fds));
	fails(-EPROTO, shmipc_shm_import_fd(ipc, &none, fds[0], 0));
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "semaphore"));
	mixed[0] = export_shm(shm);
	mixed[1] = fds[1];
	refused_place(-EPROTO, mixed);
	ck_assert_ptr_null(none);
	close(mixed[0]);
	close_fds(fds);
	drop_shm(shm, name_of("kind"));
	drop_sem(sem, name_of("kind"));
}
END_TEST

/* Older kernels do not say in which mode an eventfd is. */
static bool modes_are_told(void)
{
	int fd = eventfd(0, EFD_SEMAPHORE), info;
	char path[64], text[1024];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = read(info, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(info);
	close(fd);
	return strstr(text, "eventfd-semaphore:");
}

START_TEST(place_of_another_kind_is_refused)
{
	struct shmipc_sem *sem = new_sem(name_of("place"), 1), *other;
	int fds[2], pair[2], ends[2];

	ok(shmipc_sem_export_fds(sem, fds));
	pair[0] = fds[0];
	pair[1] = fds[0];
	refused_place(-EPROTO, pair);
	pair[1] = -1;
	refused_place(-EBADF, pair);
	pair[1] = file_of("\neventfd-count: 0\n", 18);
	refused_place(-EPROTO, pair);
	close(pair[1]);
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	pair[1] = ends[0];
	refused_place(-EPROTO, pair);
	close_fds(ends);
	pair[1] = eventfd(0, EFD_SEMAPHORE);
	refused_place(-EPROTO, pair);
	close(pair[1]);
	pair[1] = eventfd(0, EFD_NONBLOCK);
	if (modes_are_told())
		refused_place(-EPROTO, pair);
	close(pair[1]);
	pair[0] = fds[1];
	pair[1] = fds[0];
	refused_place(-EPROTO, pair);
	other = import_sem(fds);
	ok(shmipc_sem_close(other));
	close_fds(fds);
	drop_sem(sem, name_of("place"));
}
END_TEST

/* ---- a place that changes ----------------------------------------------- */

static void *wait_a_moment(void *arg)
{
	struct timespec soon = in_ms(400);
	int r = shmipc_sem_timedwait(arg, &soon);

	ck_assert(r == 0 || r == -ETIMEDOUT);
	return NULL;
}

START_TEST(wait_ends_in_time_if_the_place_is_made_blocking)
{
	enum { SLEEPERS = 8 };
	struct shmipc_sem *sem = new_sem(name_of("blocks"), 0), *other;
	pthread_t threads[SLEEPERS];
	int fds[2];

	ok(shmipc_sem_export_fds(sem, fds));
	other = import_sem(fds);
	ck_assert_int_eq(fcntl(fds[1], F_SETFL, 0), 0);
	for (int i = 0; i < SLEEPERS; i++)
		pthread_create(&threads[i], NULL, wait_a_moment, other);
	/* Each wakes all of them, and one takes it. */
	usleep(100000);
	ok(shmipc_sem_post(sem));
	usleep(100000);
	ok(shmipc_sem_post(sem));
	for (int i = 0; i < SLEEPERS; i++)
		pthread_join(threads[i], NULL);
	ok(shmipc_sem_close(other));
	close_fds(fds);
	drop_sem(sem, name_of("blocks"));
}
END_TEST

/* ---- headers ------------------------------------------------------------ */

static const uint64_t nasty[] = {
	0,	    1,
	2,	    3,
	0xff,	    0xffff,
	4095,	    4096,
	4097,	    0x7fffffff,
	0x80000000, 0xffffffff,
	INT64_MAX,  0x8000000000000000,
	UINT64_MAX, UINT64_MAX - 4095,
	0x59444552, /* "REDY" */
	0x44414544, /* "DEAD" */
};

#define NASTY (sizeof(nasty) / sizeof(nasty[0]))

static bool is_documented(int r)
{
	return r == 0 || r == -EPROTO;
}

/* Import what may be anything, and use what comes of it. */
static void use(int fd, const int fds[2])
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	int r = shmipc_shm_import_fd(ipc, &shm, fd, 0);

	ck_assert_msg(is_documented(r), "it gave %d: %s", r, shmipc_errmsg());
	if (r == 0) {
		volatile unsigned char *bytes = bytes_of(shm);

		(void)bytes[0];
		(void)bytes[shmipc_shm_size(shm) - 1];
		ok(shmipc_shm_close(shm));
	}
	r = shmipc_sem_import_fds(ipc, &sem, fds, 0);
	ck_assert_msg(is_documented(r), "it gave %d: %s", r, shmipc_errmsg());
	if (r == 0) {
		r = shmipc_sem_trywait(sem);
		ck_assert(r == 0 || r == -EAGAIN);
		ok(shmipc_sem_close(sem));
	}
}

static unsigned char *map_header(int fd)
{
	void *addr =
		mmap(NULL, HEADER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(addr, MAP_FAILED);
	return addr;
}

START_TEST(garbage_is_refused)
{
	unsigned char bytes[HEADER] = { 0 };

	refused(-EPROTO, forge(bytes, 0, HEADER * 3, SEALS));
	memset(bytes, 0xff, HEADER);
	refused(-EPROTO, forge(bytes, HEADER, HEADER, SEALS));
	srand(17);
	for (int i = 0; i < HEADER; i++)
		bytes[i] = (unsigned char)rand();
	refused(-EPROTO, forge(bytes, HEADER, HEADER * 3, SEALS));
	/* Before it is mapped: that could not be. */
	refused(-EPROTO, forge(bytes, 0, (off_t)1 << 50, SEALS));
}
END_TEST

START_TEST(more_than_can_be_mapped_is_told)
{
	unsigned char header[HEADER], other[HEADER];
	struct shmipc_shm *shm = NULL;
	int fd;

	sound_headers(header, other);
	fd = forge(header, HEADER, (off_t)1 << 50, SEALS);
	fails(-ENOMEM, shmipc_shm_import_fd(ipc, &shm, fd, 0));
	ck_assert_ptr_null(shm);
	close(fd);
}
END_TEST

/* Replace count bytes of a sound header, at offset at, and import it. */
static void refused_with(const unsigned char sound[HEADER], size_t at,
			 const void *bytes, size_t count)
{
	unsigned char header[HEADER];

	memcpy(header, sound, HEADER);
	memcpy(header + at, bytes, count);
	refused(-EPROTO, forge(header, HEADER, HEADER + 100, SEALS));
}

START_TEST(header_that_is_not_sound_is_refused)
{
	static const char *const names[] = { "", "a/b", "/a", "a b", "\n" };
	const uint64_t too_much = 101, huge = UINT64_MAX;
	unsigned char shm[HEADER], sem[HEADER], endless[208];

	sound_headers(shm, sem);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		refused_with(shm, NAME, names[i], strlen(names[i]) + 1);
	memset(endless, 'a', sizeof(endless));
	refused_with(shm, NAME, endless, sizeof(endless));
	endless[SHMIPC_NAME_MAX + 1] = '\0';
	refused_with(shm, NAME, endless, sizeof(endless));
	refused_with(shm, SIZE, &too_much, 8);
	refused_with(shm, SIZE, &huge, 8);
	refused_with(shm, STATE, "\0\0\0", 4);
	refused_with(shm, STATE, "DEAD", 4);
	refused_with(shm, KIND, "\3\0\0", 4);
	/* Its file does not say that it is transient. */
	refused_with(shm, 44, "\1\0\0", 4);
}
END_TEST

START_TEST(every_nasty_value_in_an_import_is_survived)
{
	struct shmipc_shm *shm = new_shm(name_of("nasty"), 5000);
	struct shmipc_sem *sem = new_sem(name_of("nasty"), 1);
	int fd = export_shm(shm), fds[2];
	unsigned char *headers[2], sound[2][HEADER];

	ok(shmipc_sem_export_fds(sem, fds));
	headers[0] = map_header(fd);
	headers[1] = map_header(fds[0]);
	for (int i = 0; i < 2; i++)
		memcpy(sound[i], headers[i], HEADER);
	for (size_t at = 0; at < FIELDS; at += 4)
		for (size_t i = 0; i < NASTY; i++) {
			memcpy(headers[0] + at, &nasty[i], at % 8 ? 4 : 8);
			memcpy(headers[1] + at, &nasty[i], at % 8 ? 4 : 8);
			use(fd, fds);
			memcpy(headers[0], sound[0], HEADER);
			memcpy(headers[1], sound[1], HEADER);
		}
	for (int i = 0; i < 2; i++)
		munmap(headers[i], HEADER);
	close(fd);
	close_fds(fds);
	drop_shm(shm, name_of("nasty"));
	drop_sem(sem, name_of("nasty"));
}
END_TEST

static int scribble(void *arg)
{
	unsigned char **headers = arg;
	unsigned seed = (unsigned)getpid();

	for (;;)
		memcpy(headers[rand_r(&seed) / 8 % 2] +
			       (size_t)rand_r(&seed) % (FIELDS / 4) * 4,
		       &nasty[(size_t)rand_r(&seed) % NASTY], 4);
	return 0;
}

START_TEST(nasty_values_during_an_import_are_survived)
{
	struct shmipc_shm *shm = new_shm(name_of("nasty"), 5000);
	struct shmipc_sem *sem = new_sem(name_of("nasty"), 1);
	int fd = export_shm(shm), fds[2];
	unsigned char *headers[2], sound[2][HEADER];
	long end;
	pid_t pid;

	ok(shmipc_sem_export_fds(sem, fds));
	headers[0] = map_header(fd);
	headers[1] = map_header(fds[0]);
	for (int i = 0; i < 2; i++)
		memcpy(sound[i], headers[i], HEADER);
	pid = spawn(scribble, headers);
	for (end = now_ms() + 500; now_ms() < end;) {
		memcpy(headers[0], sound[0], HEADER);
		memcpy(headers[1], sound[1], HEADER);
		use(fd, fds);
	}
	end_by_kill(pid);
	for (int i = 0; i < 2; i++) {
		memcpy(headers[i], sound[i], HEADER);
		munmap(headers[i], HEADER);
	}
	close(fd);
	close_fds(fds);
	drop_shm(shm, name_of("nasty"));
	drop_sem(sem, name_of("nasty"));
}
END_TEST

void add_fds_hostile(TCase *tc)
{
	if (!suite_can(SHMIPC_CAP_FDS))
		return;
	tcase_add_test(tc, what_is_not_open_is_refused);
	tcase_add_test(tc, what_is_no_memory_is_refused);
	tcase_add_test(tc, memory_without_all_seals_is_refused);
	tcase_add_test(tc, memory_of_huge_pages_is_refused);
	tcase_add_test(tc, memory_that_no_other_can_read_is_refused);
	tcase_add_test(tc, memory_that_is_too_short_is_refused);
	tcase_add_test(tc, descriptor_for_writing_only_is_refused);
	tcase_add_test(tc, memory_that_is_sealed_for_good_can_be_read);
	tcase_add_test(tc, one_kind_is_not_taken_for_the_other);
	tcase_add_test(tc, place_of_another_kind_is_refused);
	tcase_add_test(tc, wait_ends_in_time_if_the_place_is_made_blocking);
	tcase_add_test(tc, garbage_is_refused);
	if (sizeof(void *) == 8)
		tcase_add_test(tc, more_than_can_be_mapped_is_told);
	tcase_add_test(tc, header_that_is_not_sound_is_refused);
	tcase_add_test(tc, every_nasty_value_in_an_import_is_survived);
	tcase_add_test(tc, nasty_values_during_an_import_are_survived);
}
