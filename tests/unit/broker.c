/* SPDX-License-Identifier: MIT */
/*
 * White box: the broker's life, from its start to its end. Each test has a
 * directory of its own, and ends the broker in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/header.h"
#include "tests/unit/brokers.h"
#include "tests/unit/unit.h"

static void refused_because(const char *word)
{
	ck_assert_int_eq(create("x"), -ECONNREFUSED);
	ck_assert_msg(strstr(shmipc_errmsg(), word), "%s", shmipc_errmsg());
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "memfd"));
}

START_TEST(directory_that_others_can_enter_is_refused)
{
	static const mode_t modes[] = { 0777, 0755, 0710, 0701, 01777 };

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(dir, modes[i]), 0);
		refused_because("mode");
	}
	ck_assert_int_eq(chmod(dir, 0700), 0);
	ck_assert_int_eq(create("x"), 0);
}
END_TEST

START_TEST(symbolic_link_is_not_followed)
{
	char target[sizeof(dir) + 8];

	snprintf(target, sizeof(target), "%s.real", dir);
	ck_assert_int_eq(mkdir(target, 0700), 0);
	ck_assert_int_eq(symlink(target, dir), 0);
	refused_because(dir);
}
END_TEST

START_TEST(file_in_the_directorys_place_is_refused)
{
	close(open(dir, O_CREAT | O_WRONLY, 0600));
	refused_because(dir);
}
END_TEST

/* A user other than root cannot make such directories, but finds some. */
static void refuse_what_others_have(void)
{
	static const char *const dirs[] = { "/", "/root", "/etc" };
	char owner[32];
	struct stat st;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (stat(dirs[i], &st) < 0 || st.st_uid == geteuid()) {
			printf("not tried: %s is ours, or not there\n",
			       dirs[i]);
			continue;
		}
		setenv("SHMIPC_RUNTIME_DIR", dirs[i], 1);
		snprintf(owner, sizeof(owner), "belongs to uid %u",
			 (unsigned)st.st_uid);
		refused_because(owner);
	}
}

START_TEST(directory_of_another_user_is_refused)
{
	if (geteuid() != 0) {
		refuse_what_others_have();
		return;
	}
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(chown(dir, 65534, 65534), 0);
	refused_because("65534");
	ck_assert_int_eq(chown(dir, 0, 0), 0);
}
END_TEST

START_TEST(relative_directory_is_refused)
{
	setenv("SHMIPC_RUNTIME_DIR", "somewhere", 1);
	refused_because("absolute");
}
END_TEST

START_TEST(directory_that_cannot_be_made_is_told)
{
	setenv("SHMIPC_RUNTIME_DIR", "/nonexistent/shmipc", 1);
	refused_because("mkdir");
}
END_TEST

START_TEST(program_that_is_none_is_told)
{
	char path[sizeof(dir) + 16];
	int fd;

	snprintf(path, sizeof(path), "%s.program", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0700);
	ck_assert_int_eq(write(fd, "\177nothing", 8), 8);
	close(fd);
	setenv("SHMIPC_BROKER", path, 1);
	refused_because("exec");
}
END_TEST

START_TEST(program_that_ends_at_once_is_told)
{
	setenv("SHMIPC_BROKER", "/bin/true", 1);
	refused_because("as soon as");
}
END_TEST

/* In a child, which may have this many descriptors. */
static int create_with_limit(rlim_t most)
{
	struct rlimit few = { most, most };
	pid_t child = fork();
	int status;

	if (child == 0) {
		alarm(3); /* it used to take five seconds */
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		(void)setrlimit(RLIMIT_NOFILE, &few);
		_exit(-create("x"));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

START_TEST(limit_that_is_too_low_for_a_broker_is_told_at_once)
{
	for (rlim_t most = 8; most < 13; most++)
		ck_assert_int_eq(create_with_limit(most), -EMFILE);
	ck_assert_int_eq(create_with_limit(13), 0);
}
END_TEST

START_TEST(long_path_of_the_directory_works)
{
	/* More than the 108 bytes of a socket's address. */
	for (int i = 0; i < 3; i++) {
		size_t n = strlen(dir);

		ck_assert_int_eq(mkdir(dir, 0700), 0);
		memset(dir + n, 'd', 80);
		dir[n] = '/';
		dir[n + 80] = '\0';
	}
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	/* It leaves by itself; the fixture could not connect so far. */
	snprintf(sock_path, sizeof(sock_path), "%s/sock", dir);
	shmipc_close(ipc);
	while (access(sock_path, F_OK) == 0)
		nap();
	sock_path[50] = '\0';
	ipc = NULL;
}
END_TEST

START_TEST(looking_starts_no_broker)
{
	struct shmipc_shm *shm;
	struct shmipc_info info;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "x", 0, 0, 0), -ENOENT);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), -ENOENT);
	ck_assert_int_eq(shmipc_stat(ipc, SHMIPC_SEM, "x", &info), -ENOENT);
	ck_assert_int_lt(access(dir, F_OK), 0);
}
END_TEST

START_TEST(idle_broker_leaves)
{
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	shmipc_close(ipc);
	ipc = NULL;
	for (int ms = 0; access(sock_path, F_OK) == 0; ms++) {
		ck_assert_int_lt(ms, 6000);
		nap();
	}
	/* The directory was named by the user, and is the user's. */
	ck_assert_int_eq(access(dir, F_OK), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(broker_with_names_stays)
{
	struct timespec longer = { 0, 3 * IDLE_MS * 1000000L };
	pid_t pid;

	ck_assert_int_eq(create("x"), 0);
	pid = broker_pid();
	shmipc_close(ipc);
	nanosleep(&longer, NULL);
	ck_assert_int_eq(broker_pid(), pid);
	ck_assert_int_eq(shmipc_open(&ipc, "memfd"), 0);
	ck_assert_int_eq(create("x"), -EEXIST);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
}
END_TEST

START_TEST(killed_broker_is_replaced)
{
	struct shmipc_sem *sem;
	pid_t first;

	ck_assert_int_eq(
		shmipc_sem_open(ipc, &sem, "x", 1, SHMIPC_CREATE, 0600), 0);
	first = broker_pid();
	kill_broker();
	/* Its names are gone; processes that have the object can use it. */
	ck_assert_int_eq(shmipc_sem_unlink(ipc, "x"), -ESTALE);
	ck_assert_int_eq(shmipc_sem_wait(sem), 0);
	ck_assert_int_eq(shmipc_sem_post(sem), 0);
	shmipc_sem_close(sem);
	ck_assert_int_eq(create("y"), 0);
	ck_assert_int_ne(broker_pid(), first);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "y"), 0);
}
END_TEST

/* Connect to the broker, start it if need be; its process id to the pipe. */
static void start_and_tell(int go, int tell)
{
	char byte, name[32];
	pid_t pid;

	while (read(go, &byte, 1) < 0)
		;
	snprintf(name, sizeof(name), "n%d", (int)getpid());
	if (create(name) < 0) {
		fprintf(stderr, "%s\n", shmipc_errmsg());
		_exit(1);
	}
	pid = broker_pid();
	_exit(write(tell, &pid, sizeof(pid)) != sizeof(pid));
}

START_TEST(clients_at_once_start_one_broker)
{
	enum { CLIENTS = 16, ROUNDS = 40 };

	for (int round = 0; round < ROUNDS; round++) {
		int go[2], tell[2], status;
		pid_t one = 0, pid;

		ck_assert_int_eq(pipe(go) | pipe(tell), 0);
		for (int i = 0; i < CLIENTS; i++) {
			pid = fork();
			ck_assert_int_ge(pid, 0);
			if (pid == 0) {
				close(go[1]);
				start_and_tell(go[0], tell[1]);
			}
		}
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < CLIENTS; i++) {
			ck_assert_int_gt(wait(&status), 0);
			ck_assert_int_eq(status, 0);
			ck_assert_int_eq(read(tell[0], &pid, sizeof(pid)),
					 sizeof(pid));
			ck_assert(one == 0 || one == pid);
			one = pid;
		}
		close(tell[0]);
		close(tell[1]);
		kill_broker();
	}
}
END_TEST

START_TEST(garbage_ends_its_own_connection_only)
{
	char bytes[512];
	unsigned seed = 3;

	ck_assert_int_eq(create("x"), 0);
	for (int round = 0; round < 300; round++) {
		int sock = connect_raw();
		size_t n = (size_t)rand_r(&seed) % sizeof(bytes);

		ck_assert_int_ge(sock, 0);
		/* The greeting first. */
		ck_assert_int_eq(recv(sock, bytes, sizeof(bytes), 0),
				 sizeof(struct wire));
		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)rand_r(&seed);
		(void)send(sock, bytes, n, MSG_NOSIGNAL);
		ck_assert_int_eq(recv(sock, bytes, sizeof(bytes), 0), 0);
		close(sock);
	}
	ck_assert_int_eq(create("x"), -EEXIST);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
}
END_TEST

START_TEST(full_broker_says_so_at_once)
{
	const struct rlimit few = { 40, 40 };
	char last[32];
	int r = 0;

	/* A broker inherits the hard limit of the process that starts it. */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	alarm(4); /* it used to be tried again for five seconds */
	for (int i = 0; r == 0; i++) {
		snprintf(last, sizeof(last), "full%d", i);
		r = create(last);
	}
	ck_assert_int_eq(r, -EMFILE);
	ck_assert_ptr_nonnull(strstr(shmipc_errmsg(), "the broker"));
	ck_assert_int_eq(create("full0"), -EMFILE);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "full0"), 0);
	ck_assert_int_eq(create("full0"), 0);
	alarm(0);
}
END_TEST

/* Ask about regions; *ret has the next cursor. Returns the reply's result. */
static int ask(int sock, enum wire_op op, const char *name, struct wire *ret)
{
	struct wire request = wire_make(op, SHMIPC_SHM, name);

	request.cursor = ret->cursor;
	request.flags = ret->flags;
	request.abi = ret->abi;
	return ask_raw(sock, &request, NULL, ret);
}

START_TEST(unlink_is_judged_with_the_word_size_of_its_client)
{
	struct wire reply = { .abi = 0 };
	struct shmipc_shm *shm;
	struct shmi_header *h;
	int sock;

	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, "x", 0, 0, 0), 0);
	h = (void *)((char *)shmipc_shm_addr(shm) - SHMIPC_HEADER_SIZE);
	sock = connect_greeted();

	/* A client with another word size than the segment. */
	reply.abi = h->abi ^ sizeof(long) ^ 2;
	ck_assert_int_eq(ask(sock, WIRE_UNLINK, "x", &reply), -EPROTO);
	/* A program with another word size made it: others are refused ... */
	h->abi ^= sizeof(long) ^ 2;
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), -EPROTO);
	/* ... and that program is not, unless the segment is damaged. */
	h->magic[0] ^= 1;
	reply.abi = h->abi;
	ck_assert_int_eq(ask(sock, WIRE_UNLINK, "x", &reply), -EPROTO);
	h->magic[0] ^= 1;
	reply.abi = h->abi;
	ck_assert_int_eq(ask(sock, WIRE_UNLINK, "x", &reply), 0);
	shmipc_shm_close(shm);
	close(sock);
}
END_TEST

START_TEST(object_in_use_is_not_let_go)
{
	struct shmipc_shm *shm = create_open("x", SHMIPC_TRANSIENT), *same;
	struct wire reply = { .cursor = 0 };
	int sock = connect_greeted();

	ck_assert_int_eq(ask(sock, WIRE_RELEASE, "x", &reply), -EBUSY);
	ck_assert_int_eq(shmipc_shm_open(ipc, &same, "x", 0, 0, 0), 0);
	shmipc_shm_close(shm);
	ck_assert_int_eq(ask(sock, WIRE_RELEASE, "x", &reply), -EBUSY);
	shmipc_shm_close(same);
	ck_assert_int_eq(ask(sock, WIRE_RELEASE, "x", &reply), -ENOENT);
	/* Nor is what is not transient. */
	ck_assert_int_eq(create("x"), 0);
	ck_assert_int_eq(ask(sock, WIRE_RELEASE, "x", &reply), -EBUSY);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	close(sock);
}
END_TEST

/* In a child that is killed: the broker is told nothing. */
static void leave_orphans(int count)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		char name[32];

		for (int i = 0; i < count; i++) {
			snprintf(name, sizeof(name), "orphan.%d", i);
			(void)create_open(name, SHMIPC_TRANSIENT);
		}
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

START_TEST(walk_over_orphans_names_each_once_while_they_go)
{
	struct wire reply = { .cursor = 0 };
	struct shmipc_shm *alive =
		create_open("alive.and.much.longer", SHMIPC_TRANSIENT);
	int sock = connect_greeted(), n = 0;

	leave_orphans(100);
	while (ask(sock, WIRE_NEXT_ORPHAN, NULL, &reply) == 0) {
		ck_assert_int_eq(strncmp(reply.name, "orphan.", 6), 0);
		n++;
	}
	ck_assert_int_eq(n, 100);
	reply = (struct wire){ .flags = WIRE_FORGET };
	for (n = 0; ask(sock, WIRE_NEXT_ORPHAN, NULL, &reply) == 0; n++)
		reply.flags = WIRE_FORGET;
	ck_assert_int_eq(n, 100);
	reply.cursor = 0;
	reply.flags = 0;
	ck_assert_int_eq(ask(sock, WIRE_NEXT_ORPHAN, NULL, &reply), -ENOENT);
	shmipc_shm_close(alive);
	close(sock);
}
END_TEST

START_TEST(broker_leaves_when_only_orphans_are_left)
{
	ck_assert_int_eq(create("x"), 0);
	leave_orphans(3);
	ck_assert_int_eq(shmipc_shm_unlink(ipc, "x"), 0);
	shmipc_close(ipc);
	ipc = NULL;
	/* Nobody asks for their names; it sees by itself. */
	for (int ms = 0; access(sock_path, F_OK) == 0; ms++) {
		ck_assert_int_lt(ms, 6000);
		nap();
	}
}
END_TEST

TCase *broker_case(void)
{
	TCase *tc = tcase_create("broker");

	tcase_add_checked_fixture(tc, broker_setup, broker_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, directory_that_others_can_enter_is_refused);
	tcase_add_test(tc, symbolic_link_is_not_followed);
	tcase_add_test(tc, file_in_the_directorys_place_is_refused);
	tcase_add_test(tc, directory_of_another_user_is_refused);
	tcase_add_test(tc, relative_directory_is_refused);
	tcase_add_test(tc, directory_that_cannot_be_made_is_told);
	tcase_add_test(tc, program_that_is_none_is_told);
	tcase_add_test(tc, program_that_ends_at_once_is_told);
	tcase_add_test(tc, limit_that_is_too_low_for_a_broker_is_told_at_once);
	tcase_add_test(tc, long_path_of_the_directory_works);
	tcase_add_test(tc, looking_starts_no_broker);
	tcase_add_test(tc, idle_broker_leaves);
	tcase_add_test(tc, broker_with_names_stays);
	tcase_add_test(tc, killed_broker_is_replaced);
	tcase_add_test(tc, clients_at_once_start_one_broker);
	tcase_add_test(tc, garbage_ends_its_own_connection_only);
	tcase_add_test(tc, full_broker_says_so_at_once);
	tcase_add_test(tc, unlink_is_judged_with_the_word_size_of_its_client);
	tcase_add_test(tc, object_in_use_is_not_let_go);
	tcase_add_test(tc, walk_over_orphans_names_each_once_while_they_go);
	tcase_add_test(tc, broker_leaves_when_only_orphans_are_left);
	return tc;
}
