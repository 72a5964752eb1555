/* SPDX-License-Identifier: MIT */
/* White box: what the server journalled, read by a supervisor that was late. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/memfd/broker/journal.h"
#include "backends/memfd/start.h"
#include "core/header.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* ---- with a supervisor that does nothing -------------------------------- */

/* Entries for which the socket has room: spawn.c. */
#define ENTRIES 36

static pid_t supervisor;

/* With a name in slot 0; it has read everything. */
static void start_supervisor(void)
{
	broker_setup();
	supervisor = start_by_hand(start_program(), -1);
	AWAIT(broker_pid() == supervisor);
	ck_assert_int_eq(create("y"), 0);
	kill_server(supervisor);
	ck_assert_int_eq(open_it("y"), 0);
}

static void stop_supervisor(void)
{
	int status;

	ck_assert_int_eq(kill(supervisor, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(supervisor, &status, WUNTRACED), supervisor);
	ck_assert(WIFSTOPPED(status));
}

/* Its server dies before it reads any of what was journalled. */
static void kill_server_and_go_on(void)
{
	pid_t server = server_of(supervisor);

	ck_assert_int_eq(kill(server, SIGKILL), 0);
	AWAIT(server_of(supervisor) == 0);
	ck_assert_int_eq(kill(supervisor, SIGCONT), 0);
	AWAIT(server_of(supervisor) > 0);
}

/* Names n0, n1, ... */
static int name_of(int (*call)(const char *), unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "n%u", i);
	return call(name);
}

static int unlink_it(const char *name)
{
	return shmipc_shm_unlink(ipc, name);
}

/* Of all names below end, those in [from, to) exist; any broker says so. */
static void are_there(unsigned from, unsigned to, unsigned end)
{
	for (unsigned i = 0; i < end; i++)
		ck_assert_int_eq(name_of(open_it, i),
				 i >= from && i < to ? 0 : -ENOENT);
	ck_assert_int_eq(open_it("y"), 0);
	ck_assert(!has_said(strerror(EPROTO)));
}

START_TEST(order_is_kept_when_the_server_is_killed)
{
	/* With one name, the slot is always the same. */
	unsigned names = _i ? 3 : 1, first = 0, last = 0;

	ck_assert_int_eq(name_of(create, last++), 0);
	stop_supervisor();
	for (unsigned i = 0; i < ENTRIES / 2; i++) {
		if (last - first == names)
			ck_assert_int_eq(name_of(unlink_it, first++), 0);
		ck_assert_int_eq(name_of(create, last++), 0);
	}
	kill_server_and_go_on();
	are_there(first, last, last);
}
END_TEST

START_TEST(full_socket_loses_nothing)
{
	enum { AGAIN = 8, NAMES = ENTRIES - AGAIN - AGAIN / 2 };

	for (unsigned i = 0; i < NAMES; i++)
		ck_assert_int_eq(name_of(create, i), 0);
	/* The supervisor knows of them. */
	kill_server(supervisor);
	ck_assert_int_eq(open_it("y"), 0);
	stop_supervisor();
	for (unsigned i = 0; i < NAMES; i++)
		ck_assert_int_eq(name_of(unlink_it, i), 0);
	for (unsigned i = 0; i < AGAIN; i++)
		ck_assert_int_eq(name_of(create, i), 0);
	for (unsigned i = AGAIN / 2; i < AGAIN; i++)
		ck_assert_int_eq(name_of(unlink_it, i), 0);
	if (_i)
		ck_assert_int_eq(kill(supervisor, SIGCONT), 0);
	else
		kill_server_and_go_on();
	are_there(0, AGAIN / 2, NAMES);
	kill_server(supervisor);
	are_there(0, AGAIN / 2, NAMES);
}
END_TEST

START_TEST(killed_after_an_unlink_it_is_not_done_again)
{
	struct wire unlink = wire_make(WIRE_UNLINK, SHMIPC_SHM, "n0"), reply;

	unlink.abi = shmipc_segment_abi();
	for (int i = 0; i < 50; i++) {
		int sock;

		ck_assert_int_eq(name_of(create, 0), 0);
		sock = connect_greeted();
		unlink.nonce = 1000 + (uint64_t)i;
		stop_supervisor();
		ck_assert_int_eq(ask_raw(sock, &unlink, NULL, &reply), 0);
		close(sock);
		kill_server_and_go_on();
		are_there(0, 0, 1);
		/* Somebody makes another one before it is asked again. */
		ck_assert_int_eq(name_of(create, 0), 0);
		sock = connect_greeted();
		ck_assert_int_eq(ask_raw(sock, &unlink, NULL, &reply), 0);
		are_there(0, 1, 1);
		unlink.nonce += 1000;
		ck_assert_int_eq(ask_raw(sock, &unlink, NULL, &reply), 0);
		are_there(0, 0, 1);
		close(sock);
	}
}
END_TEST

/* ---- wherever the supervisor is ----------------------------------------- */

/* With PTRACE_O_TRACESYSGOOD: a stop at a system call, and no signal. */
#define SYSTEM_CALL_STOP (SIGTRAP | 0x80)

/* Let it run to the next entry into a system call, or exit out of one. */
static struct __ptrace_syscall_info next_stop(void)
{
	struct __ptrace_syscall_info info;
	int status, sig = 0;

	do {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, supervisor, 0, sig), 0);
		ck_assert_int_eq(waitpid(supervisor, &status, 0), supervisor);
		ck_assert(WIFSTOPPED(status));
		sig = WSTOPSIG(status);
	} while (sig != SYSTEM_CALL_STOP);
	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, supervisor,
				sizeof(info), &info),
			 0);
	return info;
}

/*
 * How much to ask for there: before it sleeps, so much that it is woken at
 * once; when it has just found the socket empty, what goes both ways; and
 * elsewhere less than it reads.
 */
static unsigned calls_at(unsigned stop)
{
	struct __ptrace_syscall_info info = next_stop();

	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_ppoll)
		return JOURNAL_OWED + 1;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval == -EAGAIN)
		return 3;
	return stop % 13 == 0 ? 3 : 0;
}

/* Returns whether this test may do that. */
static bool seize_supervisor(void)
{
	int status;

	if (ptrace(PTRACE_SEIZE, supervisor, 0, PTRACE_O_TRACESYSGOOD) < 0)
		return false;
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, supervisor, 0, 0), 0);
	ck_assert_int_eq(waitpid(supervisor, &status, 0), supervisor);
	return true;
}

START_TEST(order_is_kept_wherever_the_supervisor_is)
{
	pid_t server = server_of(supervisor);
	unsigned last = 0, first = 0;

	if (!seize_supervisor())
		return;
	for (unsigned stop = 0; stop < 1000; stop++) {
		for (unsigned i = calls_at(stop); i > 0; i--) {
			if (first < last)
				ck_assert_int_eq(name_of(unlink_it, first++),
						 0);
			else
				ck_assert_int_eq(name_of(create, last++), 0);
		}
	}
	ck_assert_int_eq(ptrace(PTRACE_DETACH, supervisor, 0, 0), 0);
	ck_assert_int_eq(server_of(supervisor), server);
	kill_server(supervisor);
	are_there(first, last, last);
}
END_TEST

TCase *order_case(void)
{
	TCase *tc = tcase_create("order");

	tcase_add_checked_fixture(tc, start_supervisor, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, order_is_kept_when_the_server_is_killed, 0, 2);
	tcase_add_loop_test(tc, full_socket_loses_nothing, 0, 2);
	tcase_add_test(tc, killed_after_an_unlink_it_is_not_done_again);
	tcase_add_test(tc, order_is_kept_wherever_the_supervisor_is);
	return tc;
}
