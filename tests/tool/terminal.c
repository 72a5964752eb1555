/* SPDX-License-Identifier: MIT */
/*
 * Run a command on a terminal of its own; what it prints there comes to stdout,
 * without carriage returns.
 *
 * usage: terminal COLUMNS KEYS COMMAND...
 *
 * KEYS are typed as soon as the command has printed a line "ready"; "^C" is one
 * key. The exit status is the command's, or 128 and the number of the signal
 * that ended it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(99);
}

static int open_terminal(unsigned short columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 ||
	    ioctl(fd, TIOCSWINSZ, &size) < 0)
		fail("terminal: pty");
	return fd;
}

static _Noreturn void run(int terminal, char **command)
{
	int fd;

	/* A shell that starts us in the background may ignore it. */
	signal(SIGINT, SIG_DFL);
	setsid();
	fd = open(ptsname(terminal), O_RDWR);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		fail("terminal: open");
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
	execvp(*command, command);
	fail(*command);
}

static void type(int terminal, const char *keys)
{
	if (!strcmp(keys, "^C"))
		keys = "\003";
	if (write(terminal, keys, strlen(keys)) < 0)
		fail("terminal: type");
}

/* Until nobody has the terminal any more. */
static void show(int terminal, const char *keys)
{
	struct pollfd ready = { .fd = terminal, .events = POLLIN };
	char line[4096];
	size_t length = 0;

	while (poll(&ready, 1, PATIENCE_MS) > 0 &&
	       read(terminal, line + length, 1) == 1) {
		if (line[length] == '\r')
			continue;
		if (length < sizeof(line) - 1 && line[length] != '\n') {
			length++;
			continue;
		}
		line[length] = '\0';
		puts(line);
		if (!strcmp(line, "ready"))
			type(terminal, keys);
		length = 0;
	}
	printf("%.*s", (int)length, line);
}

int main(int argc, char **argv)
{
	int terminal, status;
	pid_t pid;

	if (argc < 4) {
		fprintf(stderr, "usage: terminal COLUMNS KEYS COMMAND...\n");
		return 2;
	}
	terminal = open_terminal((unsigned short)atoi(argv[1]));
	pid = fork();
	if (pid < 0)
		fail("terminal: fork");
	if (pid == 0)
		run(terminal, argv + 3);
	show(terminal, argv[2]);
	if (waitpid(pid, &status, 0) != pid)
		fail("terminal: wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
