/* SPDX-License-Identifier: MIT */
/* For white box tests: a directory of one's own, and the broker in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/memfd/start.h"
#include "core/header.h"
#include "tests/lib/process.h"
#include "tests/unit/brokers.h"

char dir[2048];
char sock_path[sizeof(dir) + 8];
struct shmipc *ipc;

static char log_path[sizeof(dir) + 8];

void broker_setup(void)
{
	const char *parent = getenv("SHMIPC_TEST_DIR");
	char idle[16];

	ck_assert_ptr_nonnull(parent);
	snprintf(dir, sizeof(dir), "%s/broker.%d", parent, (int)getpid());
	snprintf(sock_path, sizeof(sock_path), "%s/sock", dir);
	snprintf(log_path, sizeof(log_path), "%s.log", dir);
	snprintf(idle, sizeof(idle), "%d", IDLE_MS);
	setenv("SHMIPC_RUNTIME_DIR", dir, 1);
	setenv("SHMIPC_BROKER_IDLE_MS", idle, 1);
	ck_assert_int_eq(shmipc_open(&ipc, "memfd"), 0);
}

void broker_teardown(void)
{
	shmipc_close(ipc);
	kill_broker();
}

void nap(void)
{
	struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);
}

/* ---- processes ---------------------------------------------------------- */

pid_t broker_pid(void)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);
	int sock = connect_raw();

	if (sock >= 0)
		getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	close(sock);
	return peer.pid;
}

/* Zombies are nobody's servers. */
static bool is_child(pid_t pid, pid_t parent)
{
	char state;
	pid_t of;

	return process_look(pid, &state, &of) && of == parent && state != 'Z';
}

pid_t server_of(pid_t supervisor)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	ck_assert_ptr_nonnull(proc);
	while (!found && (entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && is_child(pid, supervisor))
			found = pid;
	}
	closedir(proc);
	return found;
}

void kill_server(pid_t supervisor)
{
	pid_t old = server_of(supervisor), new;

	ck_assert_int_gt(old, 0);
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	AWAIT((new = server_of(supervisor)) > 0 && new != old);
}

void kill_broker(void)
{
	pid_t pid = broker_pid();

	if (pid > 0) {
		kill(pid, SIGKILL);
		while (broker_pid() == pid)
			nap();
	}
}

static _Noreturn void become_broker(const char *program, int sock)
{
	char pid[16];
	int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(log, STDERR_FILENO);
	if (sock >= 0) {
		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		dup2(sock, START_SOCK_FD);
		fcntl(START_SOCK_FD, F_SETFD, 0);
	}
	execl(program, "shmipc-broker", (char *)NULL);
	_exit(99);
}

pid_t start_by_hand(const char *program, int sock)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become_broker(program, sock);
	return pid;
}

bool has_said(const char *words)
{
	char text[8192];
	ssize_t n;
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return strstr(text, words) != NULL;
}

int status_of(pid_t pid)
{
	int status;

	AWAIT(waitpid(pid, &status, WNOHANG) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void copy_program(const char *from, const char *to)
{
	char new[sizeof(dir) + 32];
	struct stat st;
	int in, out;

	snprintf(new, sizeof(new), "%s.new", to);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	ck_assert_int_eq(fstat(in, &st), 0);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		ck_assert_int_gt(n, 0);
		left -= n;
	}
	close(in);
	close(out);
	ck_assert_int_eq(rename(new, to), 0);
}

/* ---- objects ------------------------------------------------------------ */

int create(const char *name)
{
	struct shmipc_shm *shm;
	int r = shmipc_shm_open(ipc, &shm, name, 8, SHMIPC_CREATE | SHMIPC_EXCL,
				0600);

	if (r == 0)
		shmipc_shm_close(shm);
	return r;
}

struct shmipc_shm *create_open(const char *name, unsigned flags)
{
	struct shmipc_shm *shm;

	ck_assert_int_eq(shmipc_shm_open(ipc, &shm, name, 8,
					 SHMIPC_CREATE | SHMIPC_EXCL | flags,
					 0600),
			 0);
	return shm;
}

int open_it(const char *name)
{
	struct shmipc_shm *shm;
	int r = shmipc_shm_open(ipc, &shm, name, 0, 0, 0);

	if (r == 0)
		shmipc_shm_close(shm);
	return r;
}

int make_memory(void)
{
	int fd = memfd_create("shmipc.test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (ftruncate(fd, 4096) == 0 && fcntl(fd, F_ADD_SEALS, WIRE_SEALS) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- conversations ------------------------------------------------------ */

int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	ck_assert_int_lt(strlen(sock_path), sizeof(address.sun_path));
	strcpy(address.sun_path, sock_path);
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0)
		return sock;
	close(sock);
	return -1;
}

static int receive(int sock, struct wire *ret)
{
	struct wire_fds fds = WIRE_NO_FDS;
	int r;

	while ((r = wire_receive(sock, WIRE_FROM_BROKER, ret, &fds)) == -EAGAIN)
		nap();
	wire_close_fds(&fds);
	return r == -ECONNRESET ? -EPIPE : r;
}

/* A server may be killed just now. */
int connect_greeted(void)
{
	struct wire hello;
	int sock, r;

	do {
		sock = connect_raw();
		ck_assert_int_ge(sock, 0);
		r = receive(sock, &hello);
		if (r < 0)
			close(sock);
	} while (r == -EPIPE);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(hello.op, WIRE_HELLO);
	return sock;
}

int ask_raw(int sock, const struct wire *request, const struct wire_fds *fds,
	    struct wire *reply)
{
	int r = wire_send(sock, request, fds);

	if (r == 0)
		r = receive(sock, reply);
	if (r < 0)
		ck_assert_int_eq(r, -EPIPE);
	else
		ck_assert_uint_eq(reply->nonce, request->nonce);
	return r < 0 ? r : reply->result;
}

int ask_about(int sock, enum wire_op op, const char *name)
{
	struct wire request = wire_make(op, SHMIPC_SHM, name), reply;

	request.abi = shmipc_segment_abi();
	return ask_raw(sock, &request, NULL, &reply);
}

struct wire add_of(uint32_t kind, const char *name)
{
	struct wire request = wire_make(WIRE_ADD, kind, name);

	request.fds = (1 + shmipc_kind_find((enum shmipc_kind)kind)->ksems);
	return request;
}

/* ---- fake brokers ------------------------------------------------------- */

int fake_listen(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, sock_path);
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(sock, 16) < 0)
		_exit(90);
	return sock;
}

int fake_accept(int listening, unsigned version, unsigned oldest)
{
	struct wire hello = wire_make(WIRE_HELLO, 0, NULL);
	int sock = accept(listening, NULL, NULL);

	hello.version = (uint16_t)version;
	hello.oldest = oldest;
	hello.broker_id = 0x80000001;
	(void)wire_send(sock, &hello, NULL); /* it may be gone already */
	return sock;
}

void fake_request(int sock, struct wire *ret)
{
	struct wire_fds fds;

	if (wire_receive(sock, WIRE_FROM_CLIENT, ret, &fds) < 0)
		_exit(92);
	wire_close_fds(&fds);
}

pid_t fake_start(void)
{
	pid_t pid;

	ck_assert(mkdir(dir, 0700) == 0 || errno == EEXIST);
	unlink(sock_path);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	return pid;
}
