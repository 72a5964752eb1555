/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/lib/process.h"

bool process_look(pid_t pid, char *state, pid_t *parent)
{
	char path[64], line[256];
	bool there = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
		there = sscanf(strrchr(line, ')'), ") %c %d", state, parent) ==
			2;
	fclose(file);
	return there;
}

bool process_stop(pid_t pid)
{
	const struct timespec ms = { 0, 1000000 };
	char state = 'R';
	pid_t parent;

	if (kill(pid, SIGSTOP) < 0)
		return false;
	while (state != 'T') {
		if (!process_look(pid, &state, &parent) || state == 'Z')
			return false;
		nanosleep(&ms, NULL);
	}
	return true;
}

unsigned process_fds(pid_t pid)
{
	unsigned count = 0;
	char path[64];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	if (!fds)
		return 0;
	while (readdir(fds))
		count++;
	closedir(fds);
	return count - 2; /* . and .. */
}
