/* SPDX-License-Identifier: MIT */
/*
 * doctor: checks of the memfd broker.
 *
 * The broker is looked up in /proc and not by a connection: if systemd listens
 * on the socket, a connection would start a broker. The broker is two
 * processes, parent and child, that have the locked directory open.
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

/* ---- its processes ------------------------------------------------------- */

/* Does this descriptor hold a lock on its file? */
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

/* The process name may contain anything; the last parenthesis ends it. */
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

/* The supervisor is the parent of the server. */
static void add_holder(struct broker *broker, pid_t pid)
{
	struct process process;

	if (!read_process(pid, &process))
		return;
	if (!broker->supervisor || process.parent == broker->supervisor) {
		*(broker->supervisor ? &broker->server : &broker->supervisor) =
			pid;
		return;
	}
	broker->server = broker->supervisor;
	broker->supervisor = pid;
}

struct broker doctor_find_broker(void)
{
	struct broker broker = { .supervisor = 0 };
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
	doctor_remedy(d, "reinstall libshmipc, which includes it");
}

/* ---- its directory ------------------------------------------------------- */

static void look_at_parent(struct doctor *d, const char *path)
{
	char parent[PATH_MAX];

	snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	if (access(*parent ? parent : "/", W_OK | X_OK) == 0) {
		doctor_found(d, STATE_OK, "%s is created on demand", path);
		return;
	}
	doctor_found(d, doctor_trouble_with(d, "memfd"),
		     "%s does not exist and cannot be created: %s", path,
		     strerror(errno));
	doctor_remedy(d, "set SHMIPC_RUNTIME_DIR to a directory of your own, "
			 "mode 0700");
}

/* Why the directory cannot be trusted; NULL: it can be. */
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
				 "directory of your own, mode 0700");
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
		return; /* check_runtime_dir() reports the second */
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

/* ---- the running broker -------------------------------------------------- */

#define DELETED " (deleted)"

/*
 * The path of the program of a process. Returns whether it is still there.
 * After SIGHUP, the server runs a newer program than the supervisor does, so
 * the program of the server counts.
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

/* How many filters of seccomp(2) a process has; 0: none, or not known. */
static long seccomp_filters(pid_t pid)
{
	const char *key = "\nSeccomp_filters:\t";
	char path[64], text[4096];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (doctor_read(path, text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : 0;
}

/* Has the server a filter beside those of the container around both of us? */
static bool is_confined(pid_t server)
{
	return seccomp_filters(server) > seccomp_filters(getpid());
}

static void judge_program(struct doctor *d, const struct broker *broker)
{
	pid_t pid = broker->server ? broker->server : broker->supervisor;
	char program[PATH_MAX], image[32], version[32];

	/* The running program, even if its file was removed. */
	snprintf(image, sizeof(image), "/proc/%d/exe", (int)pid);
	doctor_version(image, version);
	if (read_program(pid, program)) {
		doctor_found(d, STATE_OK,
			     "pid %d (server %d), version %s of %s, %sconfined",
			     (int)broker->supervisor, (int)broker->server,
			     version, program, is_confined(pid) ? "" : "not ");
		return;
	}
	if (access(program, X_OK) == 0) {
		doctor_found(d, STATE_WARN,
			     "pid %d still runs a program that was replaced: "
			     "version %s of %s",
			     (int)broker->supervisor, version, program);
		doctor_remedy(d,
			      "kill -HUP %d: the broker switches to the new "
			      "program and keeps all names",
			      (int)broker->supervisor);
		return;
	}
	doctor_found(d, STATE_WARN,
		     "pid %d still runs a program that was removed: %s",
		     (int)broker->supervisor, program);
	doctor_remedy(d,
		      "kill -TERM %d: the broker exits once it has no "
		      "names",
		      (int)broker->supervisor);
}

void check_broker(struct doctor *d)
{
	struct process process;

	if (!d->has_memfd)
		return;
	d->broker = doctor_find_broker();
	if (!d->broker.supervisor)
		doctor_found(d, STATE_OK, "not running; it starts on demand");
	else if (read_process(d->broker.supervisor, &process) &&
		 (process.state == 'T' || process.state == 't')) {
		doctor_found(d, doctor_trouble_with(d, "memfd"),
			     "pid %d is stopped", (int)d->broker.supervisor);
		doctor_remedy(d, "kill -CONT %d", (int)d->broker.supervisor);
	} else {
		judge_program(d, &d->broker);
	}
}
