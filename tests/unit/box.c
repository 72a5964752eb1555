/* SPDX-License-Identifier: MIT */
/* White box: entries that go past the socket, and their order. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/memfd/broker/box.h"
#include "backends/memfd/start.h"
#include "core/header.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

/* ---- the box ------------------------------------------------------------ */

static struct box box;
static int box_fd;

static void make_box(void)
{
	box_fd = box_make(&box);
	ck_assert_int_ge(box_fd, 0);
}

static void unmake_box(void)
{
	close(box_fd);
	box_unmake(&box);
}

static struct journal_entry drop_of(uint64_t order)
{
	struct journal_entry r = journal_make(JOURNAL_DROP, 0, NULL);

	r.order = order;
	r.slot = (uint32_t)order;
	return r;
}

static int put(uint64_t order)
{
	struct journal_entry r = drop_of(order);

	return box_put(box.page, &r);
}

/* Returns its order, 0 if there is none, or the error. */
static int take(uint64_t order)
{
	struct journal_entry r;
	int took = box_take(&box, box_written(&box), order, &r);

	if (took > 0)
		ck_assert_uint_eq(r.slot, r.order);
	return took > 0 ? (int)r.order : took;
}

START_TEST(what_was_put_is_taken_in_that_order)
{
	int in = 0, out = 0;

	/* The words wrap on the way. */
	box.taken = UINT32_MAX - 100;
	atomic_store(&box.page->taken, box.taken);
	atomic_store(&box.page->written, box.taken);
	for (int round = 0; round < 500; round++) {
		while (in - out < 1 + round % BOX_ENTRIES)
			ck_assert_int_eq(put((uint64_t)++in), 0);
		for (int i = round % 7; i >= 0 && out < in; i--)
			ck_assert_int_eq(take(0), ++out);
	}
	while (out < in)
		ck_assert_int_eq(take(0), ++out);
	ck_assert_int_eq(take(0), 0);
	ck_assert_int_gt(in, 1000);
}
END_TEST

START_TEST(full_box_takes_nothing)
{
	for (int i = 1; i <= BOX_ENTRIES; i++)
		ck_assert_int_eq(put((uint64_t)i), 0);
	ck_assert_int_eq(put(77), -EAGAIN);
	ck_assert_int_eq(put(77), -EAGAIN);
	for (int i = 1; i <= BOX_ENTRIES; i++) {
		ck_assert_int_eq(take(0), i);
		ck_assert_int_eq(put((uint64_t)(i + BOX_ENTRIES)), 0);
		ck_assert_int_eq(put(77), -EAGAIN);
	}
}
END_TEST

START_TEST(later_ones_stay)
{
	uint32_t written;
	struct journal_entry r;

	ck_assert_int_eq(put(3), 0);
	written = box_written(&box);
	ck_assert_int_eq(put(5), 0);
	ck_assert_int_eq(take(3), 0);
	ck_assert_int_eq(take(4), 3);
	ck_assert_int_eq(box_take(&box, written, 0, &r), 0);
	ck_assert_int_eq(take(5), 0);
	ck_assert_int_eq(take(6), 5);
	ck_assert_int_eq(take(0), 0);
}
END_TEST

START_TEST(all_that_it_says_is_taken)
{
	struct journal_entry drop = drop_of(1), took;

	drop.slot = JOURNAL_SLOTS - 1;
	drop.nonce = UINT64_MAX - 1;
	drop.asked = WIRE_NEXT_ORPHAN;
	ck_assert_int_eq(box_put(box.page, &drop), 0);
	ck_assert_int_eq(box_take(&box, box_written(&box), 0, &took), 1);
	ck_assert_mem_eq(&drop, &took, sizeof(drop));
}
END_TEST

START_TEST(nonsense_is_passed_over)
{
	struct journal_entry bad = drop_of(1);

	bad.slot = JOURNAL_SLOTS;
	ck_assert_int_eq(box_put(box.page, &bad), 0);
	ck_assert_int_eq(put(0), 0);
	ck_assert_int_eq(put(3), 0);
	ck_assert_int_eq(take(2), -EPROTO);
	ck_assert_int_eq(take(2), -EPROTO);
	ck_assert_int_eq(take(2), 0);
	ck_assert_int_eq(take(0), 3);
}
END_TEST

START_TEST(more_than_there_is_room_for_is_nonsense)
{
	for (int i = 1; i <= BOX_ENTRIES; i++)
		ck_assert_int_eq(put((uint64_t)i), 0);
	atomic_fetch_add(&box.page->written, 1);
	ck_assert_int_eq(take(0), -EPROTO);
	ck_assert_int_eq(take(0), 0);
	ck_assert_int_eq(put(40), 0);
	ck_assert_int_eq(take(0), 40);
	/* Back. */
	atomic_fetch_sub(&box.page->written, 1);
	ck_assert_int_eq(take(0), -EPROTO);
	ck_assert_int_eq(take(0), 0);
}
END_TEST

START_TEST(what_was_taken_is_not_read_from_the_box)
{
	ck_assert_int_eq(put(1), 0);
	ck_assert_int_eq(put(2), 0);
	ck_assert_int_eq(take(0), 1);
	atomic_store(&box.page->taken, 0);
	ck_assert_int_eq(take(0), 2);
	ck_assert_int_eq(take(0), 0);
}
END_TEST

START_TEST(box_cannot_be_cut)
{
	struct box_page *page;

	ck_assert_int_lt(ftruncate(box_fd, 0), 0);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(box_map(box_fd, &page), 0);
	ck_assert_int_eq(put(9), 0);
	ck_assert_uint_eq(page->entries[0].order, 9);
	box_unmake(&(struct box){ .page = page });
	ck_assert_int_eq(take(0), 9);
}
END_TEST

/* ---- with a supervisor that does nothing ------------------------------------ */

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

/* So many names, and no other; whoever is asked. */
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
	for (unsigned i = 0; i < BOX_ENTRIES + 2; i++) {
		if (last - first == names)
			ck_assert_int_eq(name_of(unlink_it, first++), 0);
		ck_assert_int_eq(name_of(create, last++), 0);
	}
	kill_server_and_go_on();
	are_there(first, last, last);
}
END_TEST

START_TEST(full_box_loses_nothing)
{
	enum { NAMES = BOX_ENTRIES + 8, AGAIN = 8 };

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

/* ---- wherever the supervisor is --------------------------------------------- */

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

/* ---- one for each server ------------------------------------------------ */

static unsigned count_boxes(pid_t pid)
{
	char path[32], line[512];
	unsigned count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "shmipc.box") != NULL;
	fclose(maps);
	return count;
}

START_TEST(every_server_has_a_box_of_its_own)
{
	unsigned fds = count_fds(supervisor);

	for (int i = 0; i < 10; i++) {
		kill_server(supervisor);
		ck_assert_int_eq(open_it("y"), 0);
		ck_assert_uint_eq(count_boxes(supervisor), 1);
		ck_assert_uint_eq(count_boxes(server_of(supervisor)), 1);
		ck_assert_uint_eq(count_fds(supervisor), fds);
	}
}
END_TEST

TCase *box_case(void)
{
	TCase *tc = tcase_create("box");

	tcase_add_checked_fixture(tc, make_box, unmake_box);
	tcase_add_test(tc, what_was_put_is_taken_in_that_order);
	tcase_add_test(tc, full_box_takes_nothing);
	tcase_add_test(tc, later_ones_stay);
	tcase_add_test(tc, all_that_it_says_is_taken);
	tcase_add_test(tc, nonsense_is_passed_over);
	tcase_add_test(tc, more_than_there_is_room_for_is_nonsense);
	tcase_add_test(tc, what_was_taken_is_not_read_from_the_box);
	tcase_add_test(tc, box_cannot_be_cut);
	return tc;
}

TCase *order_case(void)
{
	TCase *tc = tcase_create("order");

	tcase_add_checked_fixture(tc, start_supervisor, broker_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, order_is_kept_when_the_server_is_killed, 0, 2);
	tcase_add_loop_test(tc, full_box_loses_nothing, 0, 2);
	tcase_add_test(tc, killed_after_an_unlink_it_is_not_done_again);
	tcase_add_test(tc, order_is_kept_wherever_the_supervisor_is);
	tcase_add_test(tc, every_server_has_a_box_of_its_own);
	return tc;
}
