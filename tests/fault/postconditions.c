/* SPDX-License-Identifier: MIT */
/*
 * The conditions that hold after a process was killed or a call was refused:
 * another process checks them, first through the library and then past it.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmipc-backend.h>

#include "tests/lib/reap.h"
#include "tests/fault/faultwalk.h"

/* The library's patience, and a second more. */
#define PATIENCE_MS 6000

struct shmipc *ipc;
unsigned postconditions_left;

static char keep_name[64];
static struct handle held; /* by this process; open: NULL: none */
static char *machine;	   /* as it was before */

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "walk: %s: %s\n", what, shmipc_errmsg());
	exit(1);
}

static const char *sentence(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static const char *sentence(const char *fmt, ...)
{
	static char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	(void)nanosleep(&ms, NULL);
}

/* ---- the machine, past the library -------------------------------------- */

static void print_files(FILE *out, const char *path, const char *word)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strstr(entry->d_name, word))
			fprintf(out, "file %s %ju\n", entry->d_name,
				(uintmax_t)entry->d_ino);
	if (dir)
		closedir(dir);
}

/*
 * Ours have the highest bit of the key set, and those that are gone but for
 * their users the key 0.
 */
static void print_segments(FILE *out)
{
	FILE *table = fopen("/proc/sysvipc/shm", "re");
	char line[512];
	int key, id;

	while (table && fgets(line, sizeof(line), table))
		if (sscanf(line, "%d %d", &key, &id) == 2 &&
		    (key == 0 || (unsigned)key >> 31))
			fprintf(out, "segment %#x %d\n", (unsigned)key, id);
	if (table)
		fclose(table);
}

static void print_sets(FILE *out)
{
	FILE *table = fopen("/proc/sysvipc/sem", "re");
	char line[512];
	int key, id, size;

	while (table && fgets(line, sizeof(line), table))
		if (sscanf(line, "%d %d %*o %d", &key, &id, &size) == 3 &&
		    (unsigned)key >> 31 && size <= SHMIPC_KSEMS_MAX + 1)
			fprintf(out, "set %#x %d\n", (unsigned)key, id);
	if (table)
		fclose(table);
}

/* Every object that may be ours, a line each; to be freed. */
static char *look_at_machine(void)
{
	const char *backend = shmipc_backend_name(ipc);
	const char *dir = getenv("SHMIPC_TEST_DIR");
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		give_up("no memory");
	if (!strcmp(backend, "posix"))
		print_files(out, "/dev/shm", "shmipc");
	if (!strcmp(backend, "file") && dir)
		print_files(out, dir, "");
	if (!strcmp(backend, "sysv")) {
		print_segments(out);
		print_sets(out);
	}
	fclose(out);
	return text;
}

/* The first line of what is that was not in what was. "": none. */
static const char *first_new(const char *was, const char *is)
{
	static char line[320];

	while (*is) {
		size_t n = strcspn(is, "\n") + 1;

		snprintf(line, sizeof(line), "%.*s", (int)n, is);
		if (!strstr(was, line))
			return strtok(line, "\n");
		is += n;
	}
	return "";
}

/*
 * NULL, or what is new on the machine. The objects of others who work there
 * at the same time go again.
 */
static const char *leftover(long patience_ms)
{
	const long end = now_ms() + patience_ms;
	const char *line;
	char *is;

	for (;;) {
		is = look_at_machine();
		line = first_new(machine, is);
		free(is);
		if (!*line)
			return NULL;
		if (now_ms() >= end)
			return sentence("left behind: %s", line);
		nap();
	}
}

/* ---- before ------------------------------------------------------------- */

void postconditions_begin(void)
{
	struct handle keep = { .open = NULL };

	if (shmipc_open(&ipc, NULL) < 0)
		give_up("the backend");
	snprintf(keep_name, sizeof(keep_name), "walk.%d.keep", (int)getpid());
	if (object_open(ipc, SHMIPC_SEM, keep_name, SHMIPC_CREATE | SHMIPC_EXCL,
			&keep) < 0)
		give_up("an object to keep");
	object_close(&keep);
}

void postconditions_end(void)
{
	free(machine);
	machine = NULL;
	if (object_unlink(ipc, SHMIPC_SEM, keep_name) < 0)
		give_up("the object to keep");
	shmipc_close(ipc);
}

static void make_orphan(enum shmipc_kind kind, const char *name, unsigned flags)
{
	struct handle orphan = { .open = NULL };
	int status = 0;
	pid_t pid = reap_fork();

	if (pid == 0) {
		if (object_open(ipc, kind, name,
				flags | SHMIPC_CREATE | SHMIPC_EXCL,
				&orphan) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    !WIFSIGNALED(status) || reap_wait(pid) < 0)
		give_up("an orphan");
}

void postconditions_prepare(const struct scenario *scenario,
			    enum shmipc_kind kind, const char *name)
{
	unsigned flags = scenario->flags | SHMIPC_CREATE | SHMIPC_EXCL;

	free(machine);
	machine = look_at_machine();
	if (scenario->before == ORPHAN)
		make_orphan(kind, name, scenario->flags);
	if (scenario->before != LEFT && scenario->before != HELD)
		return;
	if (object_open(ipc, kind, name, flags, &held) < 0)
		give_up("what the scenario starts from");
	object_fill(&held, scenario_byte(scenario));
	if (scenario->before == LEFT)
		object_close(&held);
}

/* ---- after -------------------------------------------------------------- */

struct search {
	const char *name;
	int found;
};

static int compare(const struct shmipc_info *info, void *arg)
{
	struct search *search = arg;

	search->found += !strcmp(info->name, search->name);
	return 0;
}

/* How often it is in the listing, or a negative errno value. */
static int count_listed(const char *name)
{
	struct search search = { .name = name };
	int r = shmipc_list(ipc, compare, &search);

	return r < 0 ? r : search.found;
}

/*
 * A broker learns of a death, and reads what the dead still asked, before it
 * reads what we ask when it has answered us.
 */
static void let_broker_see(void)
{
	struct shmipc_info info;

	for (int i = 0; i < 3; i++)
		(void)shmipc_stat(ipc, SHMIPC_SEM, keep_name, &info);
}

/*
 * NULL, or why its lock cannot be had. A region has no lock if its creator
 * could not find out in which pid name space it was.
 */
static const char *check_lock(struct handle *handle)
{
	int r;

	if (handle->kind != SHMIPC_SHM)
		return NULL;
	r = shmipc_shm_trylock(handle->open);
	if (r == -EOWNERDEAD)
		r = shmipc_shm_mark_consistent(handle->open);
	if (r == 0)
		r = shmipc_shm_unlock(handle->open);
	return r == 0 || r == -ENOTSUP
		       ? NULL
		       : sentence("its lock: %s", shmipc_errmsg());
}

/* An existing object: as it should be, and usable by a second user. */
static const char *check_present(const struct scenario *scenario,
				 enum shmipc_kind kind, const char *name,
				 enum after after)
{
	struct handle handle = { .open = NULL };
	int r = object_open(ipc, kind, name, 0, &handle);
	const char *wrong;
	bool sound;

	if (r < 0 && r != -ENOENT)
		return sentence("it cannot be opened: %s", shmipc_errmsg());
	if (r == -ENOENT)
		return after == THERE ? "it is not there any more" : NULL;
	sound = object_is_sound(&handle, scenario_byte(scenario));
	wrong = check_lock(&handle);
	object_close(&handle);
	if (held.open && scenario->flags) /* a transient one, which goes */
		object_close(&held);
	else
		r = object_unlink(ipc, kind, name);
	if (after == GONE)
		return "it is there";
	if (r < 0)
		return sentence("it cannot be unlinked: %s", shmipc_errmsg());
	return sound ? wrong : "it is there, and wrong";
}

static const char *check_name(enum shmipc_kind kind, const char *name)
{
	struct handle handle = { .open = NULL };
	bool sound;

	if (object_open(ipc, kind, name, SHMIPC_CREATE | SHMIPC_EXCL, &handle) <
	    0)
		return sentence("the name cannot be used: %s", shmipc_errmsg());
	sound = object_is_sound(&handle, 0);
	object_close(&handle);
	if (object_unlink(ipc, kind, name) < 0)
		return sentence("a new one cannot be unlinked: %s",
				shmipc_errmsg());
	return sound ? NULL : "a new one is wrong";
}

/* NULL, or what is left of it. */
static const char *clean_up(void)
{
	const char *rest;

	if (shmipc_gc(ipc, 0, NULL, NULL) < 0)
		return sentence("gc fails: %s", shmipc_errmsg());
	rest = leftover(PATIENCE_MS);
	postconditions_left += rest != NULL;
	return rest;
}

/* Nothing on the machine, nothing in the listing, and no other is lost. */
static const char *check_rest(const char *name)
{
	const char *rest = clean_up();

	if (rest)
		return rest;
	if (count_listed(name) != 0)
		return "it is listed when it is gone, or nothing can be listed";
	if (count_listed(keep_name) != 1)
		return "another object was lost";
	return NULL;
}

const char *postconditions_check(const struct scenario *scenario,
				 enum shmipc_kind kind, const char *name,
				 enum after after, bool undone)
{
	long begin = now_ms();
	const char *wrong;

	let_broker_see();
	wrong = check_present(scenario, kind, name, after);
	if (held.open)
		object_close(&held);
	if (!wrong)
		wrong = check_name(kind, name);
	if (!wrong && undone)
		wrong = leftover(0);
	if (!wrong)
		wrong = check_rest(name);
	if (!wrong && now_ms() - begin > PATIENCE_MS)
		wrong = sentence("it took %ld ms until it was clean again",
				 now_ms() - begin);
	return wrong;
}
