/* SPDX-License-Identifier: MIT */
/*
 * The least that a broker does: a process that sleeps in recvmsg(2) on a
 * SOCK_SEQPACKET socket, takes a descriptor or hands it out, and answers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/memory.h"

static pid_t keeper;
static int keeper_socket;

/* As long as a name and some words may be. */
struct message {
	char request; /* 'p'ut, 'g'et, 'd'rop; answers: 'y'es */
	char name[255];
};

/* fd < 0: none */
static void say(int to, char request, int fd)
{
	struct message message = { .request = request };
	struct iovec iov = { &message, sizeof(message) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	must_sys("sendmsg", sendmsg(to, &msg, MSG_NOSIGNAL));
}

/* Returns the request; 0: nobody is there any more. ret_fd -1: none came. */
static char hear(int from, int *ret_fd)
{
	struct message message = { .request = 0 };
	struct iovec iov = { &message, sizeof(message) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	const struct cmsghdr *head;

	must_sys("recvmsg", recvmsg(from, &msg, MSG_CMSG_CLOEXEC));
	*ret_fd = -1;
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(head), sizeof(*ret_fd));
	return message.request;
}

static void keep(int from)
{
	int kept = -1, fd;
	char request;

	while ((request = hear(from, &fd))) {
		if (request != 'g') {
			if (kept >= 0)
				close(kept);
			kept = fd;
		}
		say(from, 'y', request == 'g' ? kept : -1);
	}
	_exit(0);
}

void keeper_begin(void)
{
	int pair[2];

	must_sys("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	keeper = (pid_t)must_sys("fork", fork());
	if (keeper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		keep(pair[1]);
	}
	close(pair[1]);
	keeper_socket = pair[0];
}

void keeper_end(void)
{
	close(keeper_socket);
	must_sys("waitpid", waitpid(keeper, NULL, 0));
}

static int ask(char request, int fd)
{
	int answer;

	say(keeper_socket, request, fd);
	if (hear(keeper_socket, &answer) != 'y')
		fail("the raw broker has ended");
	return answer;
}

void keeper_put(int fd)
{
	(void)ask('p', fd);
}

int keeper_get(void)
{
	int fd = ask('g', -1);

	if (fd < 0)
		fail("the raw broker sent no descriptor");
	return fd;
}

void keeper_drop(void)
{
	(void)ask('d', -1);
}
