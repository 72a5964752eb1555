/* SPDX-License-Identifier: MIT */
/* White box: what the supervisor keeps, and for how long. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/memfd/broker/journal.h"
#include "backends/memfd/start.h"
#include "core/header.h"
#include "tests/lib/process.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* ---- death of the server ------------------------------------------------ */

static void count_up(unsigned long expected)
{
	struct shmipc_shm *shm;
	unsigned long *word;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "x", 0, 0, 0), 0);
	word = shmipc_shm_addr(shm);
	ck_assert_uint_eq(*word, expected);
	++*word;
	shmipc_shm_close(shm);
}

static void post(void)
{
	struct shmipc_sem *sem;

	ck_assert_int_eq(shmipc_sem_open(ipc, &sem, "s", 0, 0, 0), 0);
	ck_assert_int_eq(shmipc_sem_post(sem), 0);
	shmipc_sem_close(sem);
}

START_TEST(names_stay_when_servers_are_killed)
{
	enum { KILLS = 200 };
	struct shmipc_sem *sem;
	struct shmipc_info info;
	pid_t supervisor;

	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(
		shmipc_sem_open(ipc, &sem, "s", 0, SHMIPC_CREATE, 0600), 0);
	shmipc_sem_close(sem);
	supervisor = broker_pid();
	for (unsigned long i = 0; i < KILLS; i++) {
		kill_server(supervisor);
		count_up(i);
		post();
	}
	ck_assert_int_eq(broker_pid(), supervisor);
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SEM, "s", &info), 0);
	ck_assert_uint_eq(info.value, KILLS);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	kill_server(supervisor);
	ck_assert_int_eq(open_it("x"), -ENOENT);
	ck_assert_int_eq(shmipc_sem_unlink(ipc, "s"), 0);
}
END_TEST

/*
 * A request that was journalled last may be unanswered; that it was answered
 * here, the supervisor does not know.
 */
static int ask_new_server(const struct wire *request,
			  const struct wire_fds *fds, struct wire *reply)
{
	int sock = connect_greeted();
	int r = ask_raw(sock, request, fds, reply);

	close(sock);
	return r;
}

START_TEST(what_was_added_is_not_added_again)
{
	struct wire add = add_of(SHMIPC_SHM, "x"), reply;
	struct wire_fds fds = { { make_memory(), -1, -1, -1 } };

	ck_assert_int_eq(create("y"), 0);
	add.nonce = 0x1234567890abcdef;
	ck_assert_int_eq(ask_new_server(&add, &fds, &reply), 0);
	ck_assert_int_eq(ask_new_server(&add, &fds, &reply), -EEXIST);
	for (int i = 0; i < 3; i++) {
		kill_server(broker_pid());
		ck_assert_int_eq(ask_new_server(&add, &fds, &reply), 0);
		add.nonce++;
		ck_assert_int_eq(ask_new_server(&add, &fds, &reply), -EEXIST);
		add.nonce--;
	}
	wire_close_fds(&fds);
}
END_TEST

START_TEST(what_was_unlinked_is_not_unlinked_again)
{
	struct wire unlink = wire_make(WIRE_UNLINK, SHMIPC_SHM, "x"), reply;

	ck_assert_int_eq(create("y"), 0);
	ck_assert_int_eq(create("x"), 0);
	unlink.nonce = 77;
	unlink.abi = shmipc_segment_abi();
	ck_assert_int_eq(ask_new_server(&unlink, NULL, &reply), 0);
	kill_server(broker_pid());
	/* Somebody makes another one before it is asked again. */
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(ask_new_server(&unlink, NULL, &reply), 0);
	ck_assert_int_eq(open_it("x"), 0);
	unlink.nonce++;
	ck_assert_int_eq(ask_new_server(&unlink, NULL, &reply), 0);
	ck_assert_int_eq(ask_new_server(&unlink, NULL, &reply), -ENOENT);
}
END_TEST

static void leave_orphan(const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)create_open(name, SHMIPC_TRANSIENT);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(orphan_that_was_forgotten_is_named_again)
{
	struct wire next = wire_make(WIRE_NEXT_ORPHAN, SHMIPC_SHM, NULL);
	struct wire first, again;

	ck_assert_int_eq(create("y"), 0);
	leave_orphan("orphan");
	next.nonce = 78;
	next.flags = WIRE_FORGET;
	ck_assert_int_eq(ask_new_server(&next, NULL, &first), 0);
	ck_assert_str_eq(first.name, "orphan");
	kill_server(broker_pid());
	ck_assert_int_eq(ask_new_server(&next, NULL, &again), 0);
	ck_assert_str_eq(again.name, "orphan");
	ck_assert_uint_eq(again.cursor, first.cursor);
	next.nonce++;
	ck_assert_int_eq(ask_new_server(&next, NULL, &again), -ENOENT);
}
END_TEST

/* ---- when it is told ---------------------------------------------------- */

/* How long until the supervisor has this number of descriptors. */
static long ms_until(pid_t supervisor, unsigned fds)
{
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	AWAIT(process_fds(supervisor) == fds);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - start.tv_sec) * 1000 +
	       (end.tv_nsec - start.tv_nsec) / 1000000;
}

START_TEST(supervisor_learns_soon_and_frees_much_memory_at_once)
{
	const unsigned much = 2 * JOURNAL_OWED_BYTES;
	struct shmipc_shm *shm;
	long soonest = 1000;
	pid_t supervisor;
	unsigned fds;

	/* Not because it looks around. */
	setenv("SHMIPC_BROKER_IDLE_MS", "60000", 1);
	ck_assert_int_eq(create("y"), 0);
	supervisor = broker_pid();
	kill_server(supervisor); /* so that it knows of it */
	/* Now it has closed what it had open to start the server. */
	ck_assert_int_eq(open_it("y"), 0);
	fds = process_fds(supervisor);
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_lt(ms_until(supervisor, fds + 1), 2000);
	for (int i = 0; i < 10; i++) {
		long took;

		ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "much", much,
						 SHMIPC_CREATE, 0600),
				 0);
		shmipc_shm_close(shm);
		(void)ms_until(supervisor, fds + 2);
		ck_assert_int_eq(shmipc_shm_unlink(ipc, "much"), 0);
		took = ms_until(supervisor, fds + 1);
		soonest = took < soonest ? took : soonest;
	}
	ck_assert_int_lt(soonest, JOURNAL_OWED_MS / 2);
}
END_TEST

START_TEST(reports_that_were_not_read_count_when_the_server_is_killed)
{
	struct shmipc_info info;
	char name[16];

	for (unsigned i = 0; i < 3 * JOURNAL_OWED; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_eq(create(name), 0);
		kill_server(broker_pid());
		ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SHM, name, &info), 0);
	}
}
END_TEST

/* ---- upgrade ------------------------------------------------------------ */

static char program[sizeof(dir) + 16];

static pid_t start_copy(void)
{
	pid_t supervisor;

	snprintf(program, sizeof(program), "%s.program", dir);
	copy_program(start_program(), program);
	supervisor = start_by_hand(program, -1);
	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(create("x"), 0);
	return supervisor;
}

/* Is this the file that the process batches? */
static bool batches(pid_t pid, const char *path)
{
	struct stat a, b;
	char exe[32];

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	return stat(exe, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* SIGHUP, and wait for a new server that replies. */
static pid_t renew(pid_t supervisor)
{
	pid_t old = server_of(supervisor);

	ck_assert_int_eq(kill(supervisor, SIGHUP), 0);
	AWAIT(server_of(supervisor) != old);
	ck_assert_int_eq(open_it("x"), 0);
	return server_of(supervisor);
}

START_TEST(new_server_is_of_the_program_that_is_installed)
{
	pid_t supervisor = start_copy(), server;

	server = renew(supervisor);
	ck_assert(batches(server, program));
	copy_program(start_program(), program);
	ck_assert(!batches(server, program));
	ck_assert(batches(renew(supervisor), program));
	/* And so are those after it. */
	kill_server(supervisor);
	ck_assert_int_eq(open_it("x"), 0);
	ck_assert(batches(server_of(supervisor), program));
	ck_assert_int_eq(waitpid(supervisor, NULL, WNOHANG), 0);
}
END_TEST

START_TEST(crash_is_no_upgrade)
{
	pid_t supervisor = start_copy();

	copy_program(start_program(), program);
	kill_server(supervisor);
	ck_assert_int_eq(open_it("x"), 0);
	ck_assert(!batches(server_of(supervisor), program));
}
END_TEST

START_TEST(program_that_does_not_get_ready_is_not_used)
{
	static const char script[] = "#!/bin/sh\nexit 7\n";
	pid_t supervisor = start_copy();
	char good[sizeof(dir) + 16];
	int fd;

	snprintf(good, sizeof(good), "%s.good", dir);
	ck_assert_int_eq(link(program, good), 0);
	copy_program("/bin/true", program);
	ck_assert(batches(renew(supervisor), good));

	unlink(program);
	fd = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	ck_assert_int_eq(write(fd, script, sizeof(script) - 1),
			 sizeof(script) - 1);
	close(fd);
	ck_assert(batches(renew(supervisor), good));

	unlink(program);
	ck_assert(batches(renew(supervisor), good));

	copy_program(start_program(), program);
	ck_assert(batches(renew(supervisor), program));
}
END_TEST

START_TEST(told_to_renew_often_it_renews)
{
	pid_t supervisor = start_copy();

	copy_program(start_program(), program);
	for (int i = 0; i < 20; i++) {
		kill(supervisor, SIGHUP);
		nap();
	}
	AWAIT(batches(server_of(supervisor), program) && open_it("x") == 0);
}
END_TEST

/* ---- servers that are not what they should be --------------------------- */

/* A supervisor with the name x that is about to start us. */
static pid_t start_with_fake(char how)
{
	char file[sizeof(dir) + 8];
	pid_t supervisor;
	int fd;

	snprintf(file, sizeof(file), "%s.fake", dir);
	setenv("SHMIPC_TEST_FAKE", file, 1);
	supervisor = start_copy();
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, &how, 1), 1);
	close(fd);
	copy_program("/proc/self/exe", program);
	kill(supervisor, SIGHUP);
	return supervisor;
}

START_TEST(reports_of_a_server_that_has_not_read_all_count)
{
	pid_t supervisor = start_with_fake('u');
	int status, sock;

	AWAIT(waitpid(supervisor, &status, WUNTRACED | WNOHANG) == supervisor);
	ck_assert(WIFSTOPPED(status));
	AWAIT(server_of(supervisor) == 0);
	kill(supervisor, SIGCONT);
	sock = connect_greeted();
	ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "u1"), 0);
	ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "u2"), 0);
	ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "x"), 0);
	ck_assert_int_eq(ask_about(sock, WIRE_OPEN, "t"), -ENOENT);
	close(sock);
}
END_TEST

START_TEST(server_that_talks_nonsense_is_ended_and_nothing_is_lost)
{
	static const char ways[] = "tfnsc";
	pid_t supervisor = start_with_fake(ways[_i]);
	int sock = connect_greeted();

	while (ask_about(sock, WIRE_OPEN, "x") == -EPIPE) {
		close(sock);
		sock = connect_greeted();
	}
	if (ways[_i] != 'c')
		AWAIT(has_said("(signal 9): Protocol error"));
	AWAIT(batches(server_of(supervisor), start_program()));
	ck_assert_int_eq(open_it("x"), 0);
	ck_assert_int_eq(open_it("t"), -ENOENT);
	ck_assert_int_eq(broker_pid(), supervisor);
	close(sock);
}
END_TEST

TCase *supervisor_case(void)
{
	TCase *tc = tcase_create("supervisor");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, names_stay_when_servers_are_killed);
	tcase_add_test(tc, what_was_added_is_not_added_again);
	tcase_add_test(tc, what_was_unlinked_is_not_unlinked_again);
	tcase_add_test(tc, orphan_that_was_forgotten_is_named_again);
	tcase_add_test(tc,
		       supervisor_learns_soon_and_frees_much_memory_at_once);
	tcase_add_test(
		tc, reports_that_were_not_read_count_when_the_server_is_killed);
	tcase_add_test(tc, new_server_is_of_the_program_that_is_installed);
	tcase_add_test(tc, crash_is_no_upgrade);
	tcase_add_test(tc, program_that_does_not_get_ready_is_not_used);
	tcase_add_test(tc, told_to_renew_often_it_renews);
	tcase_add_test(tc, reports_of_a_server_that_has_not_read_all_count);
	tcase_add_loop_test(
		tc, server_that_talks_nonsense_is_ended_and_nothing_is_lost, 0,
		5);
	return tc;
}
