/* SPDX-License-Identifier: MIT */
/* Finding brokers and their processes: see broker.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/broker/broker.h"

pid_t clients[CLIENTS_MAX];

void start_client(void (*work)(unsigned slot), unsigned slot)
{
	clients[slot] = start(work, slot);
}

void reap_clients(void)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		if (clients[i])
			reap(clients[i], 0);
		clients[i] = 0;
	}
}

int connect_raw(const char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return -errno;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock",
		     dir) >= (int)sizeof(address.sun_path)) {
		close(sock);
		return -ENAMETOOLONG;
	}
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(sock);
		return r;
	}
	return sock;
}

pid_t listener_of(int sock)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid;
}

pid_t find_supervisor(const char *dir)
{
	int sock = connect_raw(dir);
	pid_t pid;

	if (sock < 0)
		return 0;
	pid = listener_of(sock);
	close(sock);
	return pid;
}

/* proc(5), children: all, while none of them ends. Returns how many. */
static unsigned children_of(pid_t pid, pid_t *ret, unsigned most)
{
	char path[64];
	unsigned n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
		 (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (n < most && fscanf(file, "%d", &ret[n]) == 1)
		n++;
	fclose(file);
	return n;
}

pid_t server_of(pid_t supervisor)
{
	pid_t child;

	return children_of(supervisor, &child, 1) ? child : 0;
}

pid_t await_server(pid_t supervisor, pid_t but_not)
{
	long deadline = now_ms() + 10000;

	while (now_ms() < deadline) {
		pid_t pid = server_of(supervisor);

		if (pid && pid != but_not)
			return pid;
		nap_us(200);
	}
	complain("the broker %d has no new server for ten seconds",
		 (int)supervisor);
	return 0;
}

bool is_broker(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return strcmp(name, "shmipc-broker\n") == 0;
}

static bool is_client(pid_t pid)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (clients[i] == pid)
			return true;
	return false;
}

unsigned list_brokers(pid_t ret[CHILDREN_MAX])
{
	pid_t all[CHILDREN_MAX];
	unsigned n = children_of(getpid(), all, CHILDREN_MAX), found = 0;

	for (unsigned i = 0; i < n; i++)
		if (!is_client(all[i]))
			ret[found++] = all[i];
	return found;
}

unsigned brokers(pid_t *ret)
{
	pid_t all[CHILDREN_MAX];
	unsigned n = list_brokers(all);

	*ret = n ? all[0] : 0;
	return n;
}

unsigned reap_brokers(void)
{
	pid_t all[CHILDREN_MAX];
	unsigned n = list_brokers(all), reaped = 0;

	for (unsigned i = 0; i < n; i++)
		reaped += waitpid(all[i], NULL, WNOHANG) == all[i];
	return reaped;
}

unsigned await_no_broker(void)
{
	long deadline = now_ms() + 20000;
	unsigned ended = 0;
	pid_t first;

	while (brokers(&first)) {
		if (now_ms() > deadline) {
			complain("process %d of the broker does not end",
				 (int)first);
			kill(first, SIGKILL);
			deadline += 20000;
		}
		ended += reap_brokers();
		nap_us(200);
	}
	return ended;
}
