/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite: what <shmipc.h> promises, seen from outside, on
 * whatever backend SHMIPC_BACKEND says. These files include no other header
 * of ours and do not ask which backend it is; what a backend may leave out is
 * asked from its capabilities.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <shmipc.h>

/* Opened before each test and closed after it, by the fixture. */
extern struct shmipc *ipc;

/* The process that the test runs in; its children keep the number. */
extern pid_t test_pid;

/* The call must succeed; must fail with this code and a sentence. */
#define ok(call)                                                               \
	do {                                                                   \
		int r_ = (call);                                               \
		ck_assert_msg(r_ >= 0, "%s gave %d: %s", #call, r_,            \
			      shmipc_errmsg());                                \
	} while (0)
#define fails(err, call)                                                       \
	do {                                                                   \
		int r_ = (call);                                               \
		ck_assert_msg(r_ == (err), "%s gave %d, not %s: %s", #call,    \
			      r_, #err, shmipc_errmsg());                      \
		ck_assert_msg(*shmipc_errmsg() != '\0', "no sentence");        \
	} while (0)

/*
 * A name of this test's own: "t.PID.WORD". Valid until the eighth call after.
 * The fixture fails a test that leaves one behind.
 */
const char *name_of(const char *word);

/* New objects, which must not exist yet. */
struct shmipc_shm *new_shm(const char *name, size_t size);
struct shmipc_sem *new_sem(const char *name, unsigned value);

/* Open an existing object. */
struct shmipc_shm *open_shm(const char *name);
struct shmipc_sem *open_sem(const char *name);

/* Close and unlink. */
void drop_shm(struct shmipc_shm *shm, const char *name);
void drop_sem(struct shmipc_sem *sem, const char *name);

unsigned char *bytes_of(struct shmipc_shm *shm);
int value_of(struct shmipc_sem *sem);
struct shmipc_info stat_of(enum shmipc_kind kind, const char *name);

/* Has the backend this capability? */
bool can(unsigned cap);

/* The same, before tests run. */
bool suite_can(unsigned cap);

/*
 * Run act(arg) in a child, which exits with its result as status. Returns at
 * once in the parent.
 */
pid_t spawn(int (*act)(void *arg), void *arg);

/*
 * Wait for a child, until its memory is gone too: tests/lib/reap.h. Returns
 * its exit status, or 128 + signal.
 */
int reap(pid_t pid);

/* Wait until this process or thread sleeps in a system call. */
void await_asleep(pid_t pid);

/* With a deadline that has passed. */
int lock_at_once(struct shmipc_shm *shm);

/* Its result in another thread, or in a child, which has ended then. */
int in_thread(int (*call)(struct shmipc_shm *shm), struct shmipc_shm *shm);
int in_child(int (*call)(struct shmipc_shm *shm), struct shmipc_shm *shm);

/*
 * A child that takes the lock of a region and keeps it until it is killed. It
 * has it when the call returns, and was given this code.
 */
pid_t start_holder(struct shmipc_shm *shm, int code);

/* Kill a child, and wait for it. */
void end_by_kill(pid_t pid);

/* Take the lock, or be told of a death, for which all is made whole. */
void take_over(struct shmipc_shm *shm);

/* Run the helper program; see tests/lib/opener.c. Returns its exit status. */
int run_opener(const char *command, const char *name, const char *argument);
pid_t start_opener(const char *command, const char *name, const char *argument);

/* Hand-over by descriptor, which must work; close what is not -1. */
int export_shm(struct shmipc_shm *shm);
struct shmipc_shm *import_shm(int fd);
struct shmipc_sem *import_sem(const int fds[2]);
void close_fds(const int fds[2]);

/* Send descriptors over a Unix socket, and receive them; -1: none. */
void send_fds(int sock, const int fds[2]);
void receive_fds(int sock, int fds[2]);

/* Become somebody without rights; 0. Only for children, and only as root. */
int become_nobody(void);

/* CLOCK_MONOTONIC in milliseconds, and a deadline ms milliseconds from now. */
long now_ms(void);
struct timespec in_ms(long ms);

/* The tests of one file; each adds its own to the case. */
void add_names(TCase *tc);
void add_create(TCase *tc);
void add_unlink(TCase *tc);
void add_sem(TCase *tc);
void add_wait(TCase *tc);
void add_lock(TCase *tc);
void add_lock_sleep(TCase *tc);
void add_lock_death(TCase *tc);
void add_mode(TCase *tc);
void add_info(TCase *tc);
void add_list(TCase *tc);
void add_transient(TCase *tc);
void add_gc(TCase *tc);
void add_hostile(TCase *tc);
void add_process(TCase *tc);
void add_stack(TCase *tc);
void add_errors(TCase *tc);
void add_fds(TCase *tc);
void add_fds_users(TCase *tc);
void add_fds_hostile(TCase *tc);

#endif
