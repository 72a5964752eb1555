/* SPDX-License-Identifier: MIT */
/*
 * The doctor's checks of memfd's broker.
 *
 * Who the broker is is asked of /proc, and not of the broker: where systemd
 * listens for it, a connection would start one. It is two processes, parent and
 * child, that have the locked directory open.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/doctor.h"

int doctor_runtime_dir(char *ret, size_t size)
{
	const char *given = getenv("SHMIPC_RUNTIME_DIR");
	int n;

	if (given && *given)
		n = snprintf(ret, size, "%s", given);
	else
		n = snprintf(ret, size, "/dev/shm/shmipc-%u",
			     (unsigned)geteuid());
	return ret[0] == '/' && n < (int)size ? 0 : -EINVAL;
}

const char *doctor_broker_program(void)
{
	const char *given = getenv("SHMIPC_BROKER");

	return given && *given ? given : TOOL_BROKER_PATH;
}

/* ---- who it is ----------------------------------------------------------- */

/* Does this descriptor lock what it leads to? */
static bool is_locked(const char *pid, const char *fd)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%.12s/fdinfo/%.12s", pid, fd);
	return doctor_read(path, text, sizeof(text)) == 0 &&
	       strstr(text, "FLOCK");
}

static bool holds(const char *pid, const struct stat *directory)
{
	char path[64];
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.12s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		found = fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
			st.st_dev == directory->st_dev &&
			st.st_ino == directory->st_ino &&
			is_locked(pid, entry->d_name);
	closedir(dir);
	return found;
}

struct process {
	char state;
	pid_t parent;
};

/* The name in the line may be anything; it ends at the last parenthesis. */
static bool read_process(pid_t pid, struct process *ret)
{
	char path[64], text[1024];
	const char *rest;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (doctor_read(path, text, sizeof(text)) < 0)
		return false;
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest, ") %c %d", &ret->state, &parent) != 2)
		return false;
	ret->parent = parent;
	return true;
}

/* The keeper is who the other is the child of. */
static void add_holder(struct broker *broker, pid_t pid)
{
	struct process process;

	if (!read_process(pid, &process))
		return;
	if (!broker->keeper || process.parent == broker->keeper) {
		*(broker->keeper ? &broker->worker : &broker->keeper) = pid;
		return;
	}
	broker->worker = broker->keeper;
	broker->keeper = pid;
}

struct broker doctor_find_broker(void)
{
	struct broker broker = { .keeper = 0 };
	char path[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	if (doctor_runtime_dir(path, sizeof(path)) < 0 || lstat(path, &st) < 0)
		return broker;
	dir = opendir("/proc");
	if (!dir)
		return broker;
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) > 0 && holds(entry->d_name, &st))
			add_holder(&broker, atoi(entry->d_name));
	closedir(dir);
	return broker;
}

/* ---- its program --------------------------------------------------------- */

void check_broker_program(struct doctor *d)
{
	const char *program = doctor_broker_program();
	char version[32];

	if (!d->has_memfd)
		return;
	if (access(program, X_OK) == 0) {
		doctor_version(program, version);
		doctor_found(d, STATE_OK, "%s, version %s", program, version);
		return;
	}
	doctor_found(d, doctor_trouble_with(d, "memfd"), "%s: %s", program,
		     strerror(errno));
	doctor_remedy(d, "install libshmipc again: it belongs to it");
}

/* ---- its directory ------------------------------------------------------- */

static void look_at_parent(struct doctor *d, const char *path)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	if (access(*parent ? parent : "/", W_OK | X_OK) == 0) {
		doctor_found(d, STATE_OK, "%s is made when it is needed", path);
		return;
	}
	doctor_found(d, doctor_trouble_with(d, "memfd"),
		     "%s is not there and cannot be made: %s", path,
		     strerror(errno));
	doctor_remedy(d, "set SHMIPC_RUNTIME_DIR to a directory of yours, mode "
			 "0700");
}

/* Nobody else may own or enter it. NULL: it is all right. */
static const char *distrust(const struct stat *st, const char *path)
{
	static char text[64];

	if (!S_ISDIR(st->st_mode))
		return "is not a directory";
	if (st->st_uid != geteuid())
		snprintf(text, sizeof(text), "belongs to uid %u",
			 (unsigned)st->st_uid);
	else if (st->st_mode & 077)
		snprintf(text, sizeof(text), "can be entered by others (%04o)",
			 (unsigned)st->st_mode & 07777);
	else if (access(path, W_OK | X_OK) < 0)
		snprintf(text, sizeof(text), "cannot be used: %s",
			 strerror(errno));
	else
		return NULL;
	return text;
}

static void remedy_directory(struct doctor *d, const struct stat *st,
			     const char *path)
{
	if (S_ISDIR(st->st_mode) && st->st_uid == geteuid())
		doctor_remedy(d, "chmod 700 %s", path);
	else
		doctor_remedy(d, "remove it, or set SHMIPC_RUNTIME_DIR to a "
				 "directory of yours, mode 0700");
}

static void look_at_socket(struct doctor *d, const char *path)
{
	char sock[PATH_MAX + 8];
	struct stat st;

	snprintf(sock, sizeof(sock), "%s/sock", path);
	if (lstat(sock, &st) < 0 || S_ISSOCK(st.st_mode)) {
		doctor_found(d, STATE_OK, "%s", path);
		return;
	}
	doctor_found(d, doctor_trouble_with(d, "memfd"), "%s is not a socket",
		     sock);
	doctor_remedy(d, "remove it");
}

void check_broker_directory(struct doctor *d)
{
	char path[PATH_MAX];
	const char *why;
	struct stat st;

	if (!d->has_memfd || doctor_runtime_dir(path, sizeof(path)) < 0)
		return; /* the second is said about the variable */
	if (lstat(path, &st) < 0) {
		look_at_parent(d, path);
		return;
	}
	why = distrust(&st, path);
	if (!why) {
		look_at_socket(d, path);
		return;
	}
	doctor_found(d, doctor_trouble_with(d, "memfd"), "%s %s", path, why);
	remedy_directory(d, &st, path);
}

/* ---- the one that runs --------------------------------------------------- */

#define DELETED " (deleted)"

/*
 * The program of a process: where it was, and is it still there? SIGHUP makes
 * the keeper take another for its worker, so it is the worker's that counts.
 */
static bool read_program(pid_t pid, char ret[PATH_MAX])
{
	char path[64];
	struct stat running, there;
	ssize_t n;
	char *end;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, ret, PATH_MAX - 1);
	if (n < 0)
		n = 0;
	ret[n] = '\0';
	end = ret + n - strlen(DELETED);
	if (end > ret && !strcmp(end, DELETED))
		*end = '\0';
	return stat(path, &running) == 0 && stat(ret, &there) == 0 &&
	       running.st_dev == there.st_dev && running.st_ino == there.st_ino;
}

static void judge_program(struct doctor *d, const struct broker *broker)
{
	pid_t pid = broker->worker ? broker->worker : broker->keeper;
	char program[PATH_MAX], image[32], version[32];

	/* What it runs, also if that has no name any more. */
	snprintf(image, sizeof(image), "/proc/%d/exe", (int)pid);
	doctor_version(image, version);
	if (read_program(pid, program)) {
		doctor_found(d, STATE_OK, "pid %d and %d, version %s, of %s",
			     (int)broker->keeper, (int)broker->worker, version,
			     program);
		return;
	}
	if (access(program, X_OK) == 0) {
		doctor_found(d, STATE_WARN,
			     "pid %d runs a program that was replaced since, "
			     "version %s of %s",
			     (int)broker->keeper, version, program);
		doctor_remedy(d,
			      "kill -HUP %d: it goes on with the new one, "
			      "and keeps all names",
			      (int)broker->keeper);
		return;
	}
	doctor_found(d, STATE_WARN,
		     "pid %d runs a program that was removed since: %s",
		     (int)broker->keeper, program);
	doctor_remedy(d,
		      "kill -TERM %d: it leaves when there are no names "
		      "any more",
		      (int)broker->keeper);
}

void check_broker(struct doctor *d)
{
	struct process process;

	if (!d->has_memfd)
		return;
	d->broker = doctor_find_broker();
	if (!d->broker.keeper)
		doctor_found(d, STATE_OK,
			     "none runs: it is started when it is "
			     "needed");
	else if (read_process(d->broker.keeper, &process) &&
		 (process.state == 'T' || process.state == 't')) {
		doctor_found(d, doctor_trouble_with(d, "memfd"),
			     "pid %d is stopped", (int)d->broker.keeper);
		doctor_remedy(d, "kill -CONT %d", (int)d->broker.keeper);
	} else {
		judge_program(d, &d->broker);
	}
}
