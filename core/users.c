/* SPDX-License-Identifier: MIT */
/*
 * Which processes have an object open?
 *
 * A process that has a segment open has it mapped, so the segment's device and
 * inode are in its /proc/PID/maps. This works alike on all backends and needs
 * no record in the object, where a dead process would leave one behind. It is
 * slow, because it reads the maps of all processes, and it sees only the
 * processes that the caller may inspect (ptrace(2), PTRACE_MODE_READ_FSCREDS).
 *
 * The caller opens the segment, too, for a moment, and finds its device and
 * inode in its own maps. System V segments and memfds are on one mount, and the
 * former have their id as inode number. So the beginning of their paths counts,
 * which have one component.
 */
#include <config.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "object.h"
#include "users.h"

/* A line of /proc/PID/maps: proc_pid_maps(5). */
struct mapping {
	unsigned long start, end, inode;
	unsigned major, minor;
	char root[6]; /* the start of a path with one component, else "" */
};

/* Is the text the beginning of a line? */
static bool parse_mapping(const char *text, struct mapping *ret)
{
	int path = 0;

	if (sscanf(text, "%lx-%lx %*s %*x %x:%x %lu %n", &ret->start, &ret->end,
		   &ret->major, &ret->minor, &ret->inode, &path) != 5)
		return false;
	ret->root[0] = '\0';
	if (path && !strchr(text + path + 1, '/'))
		snprintf(ret->root, sizeof(ret->root), "%.5s", text + path);
	return true;
}

static bool same_file(const struct mapping *a, const struct mapping *b)
{
	return a->inode == b->inode && a->major == b->major &&
	       a->minor == b->minor && !strcmp(a->root, b->root);
}

/*
 * Call found() for each mapping of a process until it returns true. Returns
 * that, false at the end.
 *   -ENOENT -EACCES ...  the maps cannot be read
 */
static int each_mapping(const char *pid,
			bool (*found)(const struct mapping *m, void *arg),
			void *arg)
{
	char path[sizeof("/proc//maps") + 20], text[256];
	bool whole = true, over = false;
	struct mapping m = { .inode = 0 };
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	while (!over && fgets(text, sizeof(text), maps)) {
		/* The rest of a long line is no line. */
		if (whole && parse_mapping(text, &m))
			over = found(&m, arg);
		whole = strchr(text, '\n');
	}
	fclose(maps);
	return over;
}

struct search_maps {
	const void *addr;    /* of our own handle */
	struct mapping file; /* what is there */
};

static bool is_at_addr(const struct mapping *m, void *arg)
{
	struct search_maps *search = arg;

	if (m->start > (unsigned long)search->addr ||
	    m->end <= (unsigned long)search->addr)
		return false;
	search->file = *m;
	return true;
}

/* Does it map the file elsewhere than for our own handle? */
static bool is_other_mapping(const struct mapping *m, void *arg)
{
	const struct search_maps *search = arg;

	return same_file(m, &search->file) && m->start != search->file.start;
}

static bool is_mapping(const struct mapping *m, void *arg)
{
	const struct search_maps *search = arg;

	return same_file(m, &search->file);
}

/* The rest of the line that begins with key, or "". text is cut there. */
static char *rest_of_line(char *text, const char *key)
{
	char *at = strstr(text, key);

	if (!at)
		return text + strlen(text);
	at += strlen(key);
	at[strcspn(at, "\n")] = '\0';
	return at;
}

int shmi_user_of(pid_t tid, struct shmipc_user *ret)
{
	char path[sizeof("/proc//status") + 20], text[512];
	struct shmipc_user user = { .pid = 0 };
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	user.pid = (pid_t)strtol(rest_of_line(text, "\nTgid:\t"), NULL, 10);
	shmi_printable(user.command, sizeof(user.command),
		       rest_of_line(text, "Name:\t"));
	if (user.pid <= 0)
		return -ESRCH;
	*ret = user;
	return 0;
}

/* How many use what we have mapped at search->addr? */
static int find_users(struct search_maps *search, struct shmipc_user *ret,
		      unsigned room)
{
	struct dirent *entry;
	int found = 0;
	DIR *proc;
	int r;

	r = each_mapping("self", is_at_addr, search);
	if (r <= 0)
		return shmipc_backend_error(
			-EIO, "/proc/self/maps does not show it: %s",
			strerror(r < 0 ? -r : ENOENT));
	proc = opendir("/proc");
	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		struct shmipc_user user;

		if (!isdigit((unsigned char)*entry->d_name) ||
		    each_mapping(entry->d_name,
				 pid == getpid() ? is_other_mapping
						 : is_mapping,
				 search) <= 0 ||
		    shmi_user_of(pid, &user) < 0)
			continue;
		if ((unsigned)found < room)
			ret[found] = user;
		found++;
	}
	closedir(proc);
	return found;
}

static int users_of_name(struct shmipc *ipc, const struct shmi_kind *kind,
			 const char *name, struct shmipc_user *ret,
			 unsigned room)
{
	/* Seen from outside, a segment need not be mapped: open it. */
	struct shmi_open_args args = {
		.kind = kind,
		.handle = sizeof(struct shmi_object),
		.flags = SHMIPC_RDONLY,
	};
	struct search_maps search = { .addr = NULL };
	struct shmi_object *o = NULL;
	int r;

	r = shmi_name_check(name, &args.name);
	if (r == 0)
		r = shmi_object_make(ipc, &o, &args);
	if (!o)
		return r;
	search.addr = o->seg.addr;
	r = find_users(&search, ret, room);
	shmi_object_close(o);
	return r;
}

int shmipc_users(struct shmipc *ipc, enum shmipc_kind number, const char *name,
		 struct shmipc_user *ret, unsigned room)
{
	const struct shmi_kind *kind = shmi_kind_find((uint32_t)number);
	struct shmi_call call;
	int r;

	r = shmi_call_begin(&call, SHMI_LOOK, ipc,
			    kind ? kind->info.noun : NULL, name);
	if (r == 0 && kind && (ret || !room))
		r = users_of_name(ipc, kind, name, ret, room);
	else if (r == 0)
		r = shmi_bad("kind or result is not valid");
	return shmi_call_end(&call, r);
}
