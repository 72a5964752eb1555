/* SPDX-License-Identifier: MIT */
/*
 * White box: shmipc_list() over memfd, where what replies is no broker, or one
 * that is killed at a certain moment: it does what a test says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/header.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* More than one run. */
#define COUNT (WIRE_BATCH + 5)

/* How often each of the objects n0, n1 ... was shown. */
struct seen {
	int times[COUNT];
	int shown;
};

static int see(const struct shmipc_info *info, void *arg)
{
	struct seen *seen = arg;
	int i = atoi(info->name + 1);

	ck_assert(i >= 0 && i < COUNT && info->name[0] == 'n');
	seen->shown++;
	seen->times[i]++;
	return 0;
}

/* A region that is sound, or -1. */
static int make_region(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct shmi_contents contents = {
		.kind = SHMIPC_SHM,
		.name = name,
		.size = 8,
	};
	struct shmi_header *h;

	if (ftruncate(fd, SHMIPC_HEADER_SIZE + 8) < 0)
		return -1;
	h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	shmi_header_fill(h, &contents);
	shmipc_segment_commit(h);
	munmap(h, sizeof(*h));
	return fcntl(fd, F_ADD_SEALS, WIRE_SEALS) < 0 ? -1 : fd;
}

/* An reply to NEXT: n-number, in slot number. */
static struct wire next_is(const struct wire *request, int number)
{
	struct wire m = wire_make(WIRE_NEXT, request->kind, NULL);

	snprintf(m.name, sizeof(m.name), "n%d", number);
	m.nonce = request->nonce;
	m.cursor = (uint32_t)number + 1;
	m.fds = 1;
	return m;
}

/* It may be gone already. */
static void send_with(int sock, const struct wire *m, int fd)
{
	struct wire_fds fds = { { fd, -1, -1, -1 } };

	(void)wire_send(sock, m, &fds);
	wire_close_fds(&fds);
}

static void send_region(int sock, const struct wire *m)
{
	send_with(sock, m, make_region(m->name));
}

static void say_end(int sock, const struct wire *request)
{
	struct wire m = wire_make(WIRE_NEXT, request->kind, NULL);

	m.nonce = request->nonce;
	m.result = -ENOENT;
	send_with(sock, &m, -1);
}

/* The next request must be this. */
static struct wire expect(int sock, uint32_t op, uint32_t kind, uint32_t cursor)
{
	struct wire request;

	fake_request(sock, &request);
	if (request.op != op || request.kind != kind ||
	    request.cursor != cursor)
		_exit(93);
	return request;
}

/* Send the end of the walk for both kinds; then the client leaves. */
static void end_walk(int sock, uint32_t cursor)
{
	struct wire request = expect(sock, WIRE_NEXT, SHMIPC_SHM, cursor);

	say_end(sock, &request);
	request = expect(sock, WIRE_NEXT, SHMIPC_SEM, 0);
	say_end(sock, &request);
}

static int greet_one(int listening)
{
	return fake_accept(listening, WIRE_VERSION, WIRE_OLDEST);
}

/* It listens when this returns, so that nobody finds none. */
static pid_t start(void (*be)(int listening))
{
	int listening;
	pid_t pid;

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	listening = fake_listen();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		/* Again: peers must see the child's pid, not its parent's. */
		if (listen(listening, 16) < 0)
			_exit(96);
		be(listening);
		_exit(0);
	}
	close(listening);
	return pid;
}

/* List what a fake says; its exit status, and the result in *ret. */
static int list_fake(void (*be)(int listening), struct seen *seen, int *ret)
{
	pid_t pid = start(be);
	int status;

	*ret = shmipc_list(ipc, see, seen);
	if (*ret < 0)
		ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "broker"));
	shmipc_close(ipc);
	ipc = NULL;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The second reply of a run is spoiled. */
static void other_nonce(struct wire *m)
{
	m->nonce++;
}

static void other_op(struct wire *m)
{
	m->op = WIRE_OPEN;
}

static void other_kind(struct wire *m)
{
	m->kind = SHMIPC_SEM;
}

static void same_cursor(struct wire *m)
{
	m->cursor--;
}

static void unknown_flag(struct wire *m)
{
	m->flags = 0x80;
}

static void bad_name(struct wire *m)
{
	m->name[0] = '/';
}

static void unlike_before(struct wire *m)
{
	m->magic++;
}

static void (*const spoilers[])(struct wire *m) = {
	other_nonce, other_op,	   other_kind,	  same_cursor,
	bad_name,    unknown_flag, unlike_before,
};

static int spoiler;

static void spoil_second(int listening)
{
	int sock = greet_one(listening);
	struct wire request = expect(sock, WIRE_NEXT, SHMIPC_SHM, 0);

	for (int i = 0; i < 3; i++) {
		struct wire m = next_is(&request, i);

		if (i == 1)
			spoilers[spoiler](&m);
		send_region(sock, &m);
	}
	/* It must leave, whatever it has not read. */
	if (recv(sock, &request, sizeof(request), 0) > 0)
		_exit(94);
}

START_TEST(spoiled_answer_ends_the_walk)
{
	struct seen seen = { .shown = 0 };
	int r;

	spoiler = _i;
	ck_assert_int_eq(list_fake(spoil_second, &seen, &r), 0);
	ck_assert_int_eq(r, -ECONNREFUSED);
	ck_assert_int_eq(seen.shown, 1);
}
END_TEST

static void go_on_and_on(int listening)
{
	int sock = greet_one(listening);
	struct wire request = expect(sock, WIRE_NEXT, SHMIPC_SHM, 0);

	for (int i = 0; i < COUNT; i++) {
		struct wire m = next_is(&request, i);

		send_region(sock, &m);
	}
	if (recv(sock, &request, sizeof(request), 0) > 0)
		_exit(94);
}

START_TEST(run_without_end_ends_the_walk)
{
	struct seen seen = { .shown = 0 };
	int r;

	ck_assert_int_eq(list_fake(go_on_and_on, &seen, &r), 0);
	ck_assert_int_eq(r, -ECONNREFUSED);
	ck_assert_int_eq(seen.shown, WIRE_BATCH - 1);
}
END_TEST

static int leave_at_once(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 1;
}

/* And replies over a new connection what is asked then. */
static void go_on_and_begin_anew(int listening)
{
	struct wire request, m;
	int sock;

	go_on_and_on(listening);
	sock = greet_one(listening);
	request = expect(sock, WIRE_OPEN, SHMIPC_SHM, 0);
	m = wire_make(WIRE_OPEN, SHMIPC_SHM, NULL);
	m.nonce = request.nonce;
	m.result = -ENOENT;
	send_with(sock, &m, -1);
}

START_TEST(connection_of_a_run_without_end_is_not_kept)
{
	pid_t pid = start(go_on_and_begin_anew);
	int status;

	ck_assert_int_eq(shmipc_list(ipc, leave_at_once, NULL), 1);
	ck_assert_int_eq(open_it("x"), -ENOENT);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* In the middle of each run; the last one is alone. */
static void be_gone_after_three(int listening)
{
	struct wire request;
	int sock;

	for (int i = 0; i < 9; i += 3) {
		sock = greet_one(listening);
		request = expect(sock, WIRE_NEXT, SHMIPC_SHM, (uint32_t)i);
		for (int j = i; j < i + 3; j++) {
			struct wire m = next_is(&request, j);

			send_region(sock, &m);
		}
		close(sock);
	}
	end_walk(greet_one(listening), 9);
}

START_TEST(walk_goes_on_from_the_last_answer_that_came)
{
	struct seen seen = { .shown = 0 };
	int r;

	ck_assert_int_eq(list_fake(be_gone_after_three, &seen, &r), 0);
	ck_assert_int_eq(r, 9);
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(seen.times[i], i < 9);
}
END_TEST

static void send_without(int listening)
{
	int sock = greet_one(listening);
	struct wire request = expect(sock, WIRE_NEXT, SHMIPC_SHM, 0);
	struct wire m = next_is(&request, 0);

	send_region(sock, &m);
	m = next_is(&request, 1);
	m.flags = WIRE_LAST;
	m.fds = 0;
	send_with(sock, &m, -1);
	request = expect(sock, WIRE_OPEN, SHMIPC_SHM, 0);
	m = wire_make(WIRE_OPEN, SHMIPC_SHM, request.name);
	m.nonce = request.nonce;
	m.fds = 1;
	send_region(sock, &m);
	end_walk(sock, 2);
}

START_TEST(what_came_without_its_memory_is_asked_for)
{
	struct seen seen = { .shown = 0 };
	int r;

	ck_assert_int_eq(list_fake(send_without, &seen, &r), 0);
	ck_assert_int_eq(r, 2);
	ck_assert_int_eq(seen.times[0], 1);
	ck_assert_int_eq(seen.times[1], 1);
}
END_TEST

/* A pipe, a file that can shrink, another object; and what is right. */
static void send_others(int listening)
{
	int sock = greet_one(listening), ends[2];
	struct wire request = expect(sock, WIRE_NEXT, SHMIPC_SHM, 0), m;

	if (pipe(ends) < 0)
		_exit(95);
	m = next_is(&request, 0);
	send_with(sock, &m, ends[0]);
	m = next_is(&request, 1);
	send_with(sock, &m, memfd_create("n1", MFD_CLOEXEC));
	m = next_is(&request, 2);
	send_with(sock, &m, make_region("n3"));
	m = next_is(&request, 4);
	m.flags = WIRE_LAST;
	send_region(sock, &m);
	end_walk(sock, 5);
}

START_TEST(what_is_no_object_is_left_out)
{
	struct seen seen = { .shown = 0 };
	int r;

	ck_assert_int_eq(list_fake(send_others, &seen, &r), 0);
	ck_assert_int_eq(r, 1);
	ck_assert_int_eq(seen.times[4], 1);
}
END_TEST

TCase *fake_case(void)
{
	TCase *tc = tcase_create("fake");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, spoiled_answer_ends_the_walk, 0,
			    sizeof(spoilers) / sizeof(spoilers[0]));
	tcase_add_test(tc, run_without_end_ends_the_walk);
	tcase_add_test(tc, connection_of_a_run_without_end_is_not_kept);
	tcase_add_test(tc, walk_goes_on_from_the_last_answer_that_came);
	tcase_add_test(tc, what_came_without_its_memory_is_asked_for);
	tcase_add_test(tc, what_is_no_object_is_left_out);
	return tc;
}
