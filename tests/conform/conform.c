/* SPDX-License-Identifier: MIT */
/* What the tests of the conformance suite share. */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/conform/conform.h"
#include "tests/lib/process.h"
#include "tests/lib/reap.h"

struct shmipc *ipc;
pid_t test_pid;

const char *name_of(const char *word)
{
	static char names[8][SHMIPC_NAME_MAX + 1];
	static unsigned next;
	char *name = names[next++ % 8];

	snprintf(name, sizeof(names[0]), "t.%d.%s", (int)test_pid, word);
	return name;
}

struct shmipc_shm *new_shm(const char *name, size_t size)
{
	struct shmipc_shm *shm;

	ok(shmipc_shm_open(ipc, &shm, name, size, SHMIPC_CREATE | SHMIPC_EXCL,
			   0600));
	ck_assert_int_eq(shmipc_shm_created(shm), 1);
	return shm;
}

struct shmipc_sem *new_sem(const char *name, unsigned value)
{
	struct shmipc_sem *sem;

	ok(shmipc_sem_open(ipc, &sem, name, value, SHMIPC_CREATE | SHMIPC_EXCL,
			   0600));
	ck_assert_int_eq(shmipc_sem_created(sem), 1);
	return sem;
}

struct shmipc_shm *open_shm(const char *name)
{
	struct shmipc_shm *shm;

	ok(shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
	ck_assert_int_eq(shmipc_shm_created(shm), 0);
	return shm;
}

struct shmipc_sem *open_sem(const char *name)
{
	struct shmipc_sem *sem;

	ok(shmipc_sem_open(ipc, &sem, name, 0, 0, 0));
	ck_assert_int_eq(shmipc_sem_created(sem), 0);
	return sem;
}

void drop_shm(struct shmipc_shm *shm, const char *name)
{
	ok(shmipc_shm_unlink(ipc, name));
	ok(shmipc_shm_close(shm));
}

void drop_sem(struct shmipc_sem *sem, const char *name)
{
	ok(shmipc_sem_unlink(ipc, name));
	ok(shmipc_sem_close(sem));
}

unsigned char *bytes_of(struct shmipc_shm *shm)
{
	return shmipc_shm_addr(shm);
}

int value_of(struct shmipc_sem *sem)
{
	int value = -1;

	ok(shmipc_sem_getvalue(sem, &value));
	return value;
}

struct shmipc_info stat_of(enum shmipc_kind kind, const char *name)
{
	struct shmipc_info info;

	ok(shmipc_stat(ipc, kind, name, &info));
	return info;
}

static int note_caps(const struct shmipc_backend_info *info, void *arg)
{
	if (!strcmp(info->name, shmipc_backend_name(ipc)))
		*(unsigned *)arg = info->caps;
	return 0;
}

bool can(unsigned cap)
{
	unsigned caps = 0;

	ok(shmipc_backends(note_caps, &caps));
	return caps & cap;
}

bool suite_can(unsigned cap)
{
	unsigned caps = 0;

	/* No assertions: there is no test yet that could fail. */
	if (shmipc_open(&ipc, NULL) < 0)
		return false;
	(void)shmipc_backends(note_caps, &caps);
	shmipc_close(ipc);
	ipc = NULL;
	return caps & cap;
}

pid_t spawn(int (*act)(void *), void *arg)
{
	pid_t pid = reap_fork();

	/* Asserts nothing: killed in it, it could leave half a message. */
	if (pid == 0)
		_exit(act(arg));
	ck_assert_int_ge(pid, 0);
	return pid;
}

int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(reap_wait(pid), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void await_asleep(pid_t pid)
{
	const struct timespec ms = { 0, 1000000 };
	char state;
	pid_t parent;

	for (;;) {
		ck_assert(process_look(pid, &state, &parent));
		if (state == 'S')
			return;
		nanosleep(&ms, NULL);
	}
}

int lock_at_once(struct shmipc_shm *shm)
{
	struct timespec past = in_ms(-1000);

	return shmipc_shm_lock(shm, &past);
}

struct call {
	int (*make)(struct shmipc_shm *shm);
	struct shmipc_shm *shm;
	int result;
};

static void *make_call(void *arg)
{
	struct call *call = arg;

	call->result = call->make(call->shm);
	return NULL;
}

int in_thread(int (*make)(struct shmipc_shm *), struct shmipc_shm *shm)
{
	struct call call = { make, shm, 0 };
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, make_call, &call), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	return call.result;
}

static int exit_with_call(void *arg)
{
	struct call *call = arg;

	return -call->make(call->shm);
}

int in_child(int (*make)(struct shmipc_shm *), struct shmipc_shm *shm)
{
	struct call call = { make, shm, 0 };

	return -reap(spawn(exit_with_call, &call));
}

struct holder {
	struct shmipc_shm *shm;
	int said[2];
};

static int hold(void *arg)
{
	struct holder *holder = arg;
	int r = shmipc_shm_lock(holder->shm, NULL);

	if (write(holder->said[1], &r, sizeof(r)) != sizeof(r))
		return 1;
	for (;;)
		pause();
}

pid_t start_holder(struct shmipc_shm *shm, int code)
{
	struct holder holder = { .shm = shm };
	pid_t pid;
	int r;

	ck_assert_int_eq(pipe(holder.said), 0);
	pid = spawn(hold, &holder);
	ck_assert_int_eq(read(holder.said[0], &r, sizeof(r)), sizeof(r));
	ck_assert_int_eq(r, code);
	close(holder.said[0]);
	close(holder.said[1]);
	return pid;
}

void end_by_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(reap(pid), 128 + SIGKILL);
}

void take_over(struct shmipc_shm *shm)
{
	fails(-EOWNERDEAD, shmipc_shm_lock(shm, NULL));
	ok(shmipc_shm_mark_consistent(shm));
	ok(shmipc_shm_unlock(shm));
}

pid_t start_opener(const char *command, const char *name, const char *argument)
{
	const char *program = getenv("SHMIPC_TEST_OPENER");
	pid_t pid;

	ck_assert_ptr_nonnull(program);
	pid = fork();
	if (pid == 0) {
		execl(program, program, command, name, argument, (char *)NULL);
		_exit(127);
	}
	ck_assert_int_ge(pid, 0);
	return pid;
}

int run_opener(const char *command, const char *name, const char *argument)
{
	return reap(start_opener(command, name, argument));
}

int export_shm(struct shmipc_shm *shm)
{
	int fd = -1;

	ok(shmipc_shm_export_fd(shm, &fd));
	ck_assert_int_ge(fd, 0);
	return fd;
}

struct shmipc_shm *import_shm(int fd)
{
	struct shmipc_shm *shm;

	ok(shmipc_shm_import_fd(ipc, &shm, fd, 0));
	ck_assert_int_eq(shmipc_shm_created(shm), 0);
	return shm;
}

struct shmipc_sem *import_sem(const int fds[2])
{
	struct shmipc_sem *sem;

	ok(shmipc_sem_import_fds(ipc, &sem, fds, 0));
	ck_assert_int_eq(shmipc_sem_created(sem), 0);
	return sem;
}

void close_fds(const int fds[2])
{
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
}

union control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr header;
};

static struct msghdr message_of(struct iovec *bytes, union control *control)
{
	return (struct msghdr){
		.msg_iov = bytes,
		.msg_iovlen = 1,
		.msg_control = control->bytes,
		.msg_controllen = sizeof(control->bytes),
	};
}

void send_fds(int sock, const int fds[2])
{
	size_t size = (fds[1] >= 0 ? 2 : 1) * sizeof(int);
	struct iovec bytes = { (void *)"", 1 };
	union control control;
	struct msghdr message = message_of(&bytes, &control);
	struct cmsghdr *first = CMSG_FIRSTHDR(&message);

	first->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_RIGHTS;
	first->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(first), fds, size);
	message.msg_controllen = CMSG_SPACE(size);
	ck_assert_int_eq(sendmsg(sock, &message, 0), 1);
}

void receive_fds(int sock, int fds[2])
{
	char byte;
	struct iovec bytes = { &byte, 1 };
	union control control;
	struct msghdr message = message_of(&bytes, &control);
	const struct cmsghdr *first;

	ck_assert_int_eq(recvmsg(sock, &message, MSG_CMSG_CLOEXEC), 1);
	first = CMSG_FIRSTHDR(&message);
	ck_assert_ptr_nonnull(first);
	fds[0] = fds[1] = -1;
	memcpy(fds, CMSG_DATA(first), first->cmsg_len - CMSG_LEN(0));
}

int become_nobody(void)
{
	const unsigned nobody = 65534;
	char dir[4096];

	if (geteuid() != 0)
		return 0; /* we are one of those without privileges */
	/* Another user has another environment. */
	snprintf(dir, sizeof(dir), "%s/nobody", getenv("SHMIPC_TEST_DIR"));
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	return setgroups(0, NULL) || setgid(nobody) || setuid(nobody);
}

long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec in_ms(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}
