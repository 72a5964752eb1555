/* SPDX-License-Identifier: MIT */
/* The version of a broker's program, from its option --version. */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/doctor.h"

/* A program that hangs is killed after this time. */
#define PATIENCE_S 2

static _Noreturn void become(const char *program, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0) {
		alarm(PATIENCE_S);
		execl(program, "shmipc-broker", "--version", (char *)NULL);
	}
	_exit(127);
}

/* Leaves ret unchanged if the output has no version. Closes the pipe. */
static void read_version(int fd, char ret[32])
{
	FILE *in = fdopen(fd, "r");

	if (!in) {
		close(fd);
		return;
	}
	(void)!fscanf(in, "shmipc-broker %31s", ret);
	fclose(in);
}

void doctor_version(const char *program, char ret[32])
{
	int ends[2];
	pid_t pid;

	snprintf(ret, 32, "?");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0)
		become(program, ends[1]);
	close(ends[1]);
	read_version(ends[0], ret);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}
