/* SPDX-License-Identifier: MIT */
/*
 * White box: what a client does if its broker is there and does not reply. The
 * broker is stopped, as by a debugger, on a machine that swaps, or by ^Z if it
 * was started by hand: connections and requests still succeed.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmipc.h>

#include "util/clock.h"
#include "tests/lib/process.h"
#include "tests/unit/unit.h"

/* For a call that must not wait, and must return on a busy machine. */
#define BRIEFLY_MS 1000

/* By then a client has given up, or it never will. */
#define HANGS_S 12

#define PIDS_MAX 8

static char dir[512], name[64];
static struct shmipc *ipc;

/* The processes of the broker: the one that listens, and its children. */
static pid_t pids[PIDS_MAX];
static int count;

static void signal_broker(int signal)
{
	for (int i = 0; i < count; i++)
		(void)kill(pids[i], signal);
}

/* The end of a test that hangs: the reply comes, and is too late. */
static void let_it_answer(int signal)
{
	(void)signal;
	signal_broker(SIGCONT);
}

static void setup(void)
{
	const struct sigaction action = { .sa_handler = let_it_answer };
	const char *parent = getenv("SHMIPC_TEST_DIR");

	ck_assert_ptr_nonnull(parent);
	snprintf(name, sizeof(name), "t.%d.client", (int)getpid());
	snprintf(dir, sizeof(dir), "%s/client.%d", parent, (int)getpid());
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	ck_assert_int_eq(shmipc_open(&ipc, "memfd"), 0);
	sigaction(SIGALRM, &action, NULL);
	count = 0;
}

/* The process that listens in our directory. 0: nobody. */
static pid_t listener(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	ck_assert_int_lt(snprintf(address.sun_path, sizeof(address.sun_path),
				  "%s/sock", dir),
			 (int)sizeof(address.sun_path));
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0)
		getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	close(sock);
	return peer.pid;
}

static void nap(void)
{
	const struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);
}

static void teardown(void)
{
	pid_t pid;

	alarm(0);
	signal_broker(SIGCONT);
	shmipc_close(ipc);
	pid = listener();
	while (pid > 0 && listener() == pid) {
		kill(pid, SIGKILL);
		nap();
	}
}

static void stop(pid_t pid)
{
	ck_assert_int_lt(count, PIDS_MAX);
	pids[count++] = pid;
	ck_assert(process_stop(pid));
}

/* First the one that could replace the others. */
static void stop_broker(void)
{
	pid_t first = listener();
	struct dirent *entry;
	DIR *proc;

	ck_assert_int_gt(first, 0);
	alarm(HANGS_S);
	stop(first);
	proc = opendir("/proc");
	ck_assert_ptr_nonnull(proc);
	while ((entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		pid_t parent = 0;
		char state;

		if (pid > 0 && process_look(pid, &state, &parent) &&
		    parent == first)
			stop(pid);
	}
	closedir(proc);
}

static void continue_broker(void)
{
	alarm(0);
	signal_broker(SIGCONT);
	count = 0;
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int create(const char *word)
{
	struct shmipc_shm *shm;
	int r = shmipc_shm_open(ipc, &shm, word, 8, SHMIPC_CREATE | SHMIPC_EXCL,
				0600);

	if (r == 0)
		shmipc_shm_close(shm);
	return r;
}

static void is_told_in_time(const char *word)
{
	long start = now_ms(), took;

	ck_assert_int_eq(create(word), -ETIMEDOUT);
	took = now_ms() - start;
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "broker"));
	ck_assert_int_ge(took, SHMI_PEER_TIMEOUT_MS - 100);
	ck_assert_int_le(took, SHMI_PEER_TIMEOUT_MS + 3000);
}

START_TEST(broker_that_does_not_answer_is_told_in_time)
{
	int status;
	pid_t child;

	ck_assert_int_eq(create("x"), 0);
	stop_broker();
	/* We are connected. A child is not: it makes its own connection. */
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		is_told_in_time("childs");
		_exit(0);
	}
	is_told_in_time("ours");
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);

	/* It may handle the requests late; then all calls work again. */
	continue_broker();
	ck_assert_int_eq(create("x"), -EEXIST);
	ck_assert_int_eq(create("y"), 0);
}
END_TEST

/* A name that posix has not: is it here? */
static void posix_open_gives(int err)
{
	struct shmipc *posix;
	struct shmipc_shm *shm;
	long start = now_ms();

	ck_assert_int_eq(shmipc_open(&posix, "posix"), 0);
	ck_assert_int_eq(shmipc_shm_open(posix, &shm, name, 0, 0, 0), err);
	shmipc_close(posix);
	ck_assert_int_le(now_ms() - start, BRIEFLY_MS);
}

START_TEST(other_backends_do_not_wait_for_a_broker)
{
	ck_assert_int_eq(create(name), 0);
	posix_open_gives(-EXDEV);
	stop_broker();
	for (int i = 0; i < 3; i++)
		posix_open_gives(-ENOENT);
	continue_broker();
	posix_open_gives(-EXDEV);
}
END_TEST

START_TEST(close_does_not_wait_for_a_broker)
{
	struct shmipc_shm *shm;
	long start;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "transient", 8,
					 SHMIPC_CREATE | SHMIPC_TRANSIENT,
					 0600),
			 0);
	stop_broker();
	start = now_ms();
	ck_assert_int_eq(shmipc_shm_close(shm), 0);
	ck_assert_int_le(now_ms() - start, BRIEFLY_MS);
	continue_broker();
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "transient", 0, 0, 0),
			 -ENOENT);
}
END_TEST

TCase *client_case(void)
{
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, broker_that_does_not_answer_is_told_in_time);
	tcase_add_test(tc, other_backends_do_not_wait_for_a_broker);
	tcase_add_test(tc, close_does_not_wait_for_a_broker);
	return tc;
}
