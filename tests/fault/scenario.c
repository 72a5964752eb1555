/* SPDX-License-Identifier: MIT */
/*
 * The calls that are walked through, and the child that makes one of them. It
 * says itself whether the result is documented and whether it got everything
 * back; what it left on the machine, its parent sees.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fault/faultwalk.h"

/* ---- the acts ----------------------------------------------------------- */

static int choose(struct stage *s)
{
	struct shmipc *conn;
	int r = shmipc_open(&conn, NULL);

	if (r == 0) {
		shmipc_close(s->ipc);
		s->ipc = conn;
	}
	return r;
}

static int open_with(struct stage *s, unsigned flags)
{
	return object_open(s->ipc, s->kind, s->name, flags, &s->handle);
}

static int create(struct stage *s)
{
	return open_with(s, s->flags | SHMIPC_CREATE | SHMIPC_EXCL);
}

static int find_or_create(struct stage *s)
{
	return open_with(s, s->flags | SHMIPC_CREATE);
}

static int find(struct stage *s)
{
	return open_with(s, 0);
}

static int find_to_read(struct stage *s)
{
	return open_with(s, SHMIPC_RDONLY);
}

static int give_back(struct stage *s)
{
	object_close(&s->handle);
	return 0;
}

static int remove_name(struct stage *s)
{
	return object_unlink(s->ipc, s->kind, s->name);
}

static int look(struct stage *s)
{
	struct shmipc_info info;

	return shmipc_stat(s->ipc, s->kind, s->name, &info);
}

static int pass_by(const struct shmipc_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static int list(struct stage *s)
{
	return shmipc_list(s->ipc, pass_by, NULL);
}

static int collect(struct stage *s)
{
	return shmipc_gc(s->ipc, 0, NULL, NULL);
}

/* A turn. Of a region with a call in the middle, at which one can die. */
static int take_turn(struct stage *s)
{
	int r;

	if (s->kind == SHMIPC_SEM) {
		r = shmipc_sem_wait(s->handle.open);
		return r < 0 ? r : shmipc_sem_post(s->handle.open);
	}
	r = shmipc_shm_lock(s->handle.open, NULL);
	if (r < 0)
		return r;
	(void)getppid();
	return shmipc_shm_unlock(s->handle.open);
}

static int hand_out(struct stage *s)
{
	return object_export(&s->handle, s->fds);
}

static int take_in(struct stage *s)
{
	return object_import(s->ipc, s->kind, s->fds, &s->handle);
}

/* What <shmipc.h> lists for them. */
static const int choosing[] = { EINVAL, ENOSYS, ENOMEM, 0 };
static const int opening[] = { EINVAL,	  ENAMETOOLONG, ENOENT,	 EEXIST, EACCES,
			       EPROTO,	  ENOSPC,	ENOTSUP, EMFILE, ENOMEM,
			       ETIMEDOUT, ECONNREFUSED, EIO,	 EXDEV,	 0 };
static const int unlinking[] = { EINVAL,       ENAMETOOLONG, ENOENT, EACCES,
				 EPROTO,       EMFILE,	     ENOMEM, ETIMEDOUT,
				 ECONNREFUSED, EIO,	     0 };
static const int listing[] = { EINVAL,	  EACCES,	EMFILE, ENOMEM,
			       ETIMEDOUT, ECONNREFUSED, EIO,	0 };
static const int closing[] = { 0 };
static const int locking[] = { EOWNERDEAD, ENOTRECOVERABLE, EDEADLK, ENOLCK,
			       ENOTSUP,	   ENOMEM,	    EPROTO,  EIO,
			       0 };

static const int handing[] = { EINVAL, ENOTSUP,	  EBADF,  EPROTO,
			       EACCES, ENOENT,	  ENOSPC, EMFILE,
			       ENOMEM, ETIMEDOUT, EIO,	  0 };

const struct scenario scenarios[] = {
	{ .name = "choose a backend",
	  .act = choose,
	  .codes = choosing,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "create",
	  .act = create,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = GONE },
	{ .name = "find or create",
	  .act = find_or_create,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = GONE },
	{ .name = "create prefaulted",
	  .flags = SHMIPC_PREFAULT,
	  .act = create,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = GONE },
	{ .name = "create what is there",
	  .before = LEFT,
	  .act = create,
	  .codes = opening,
	  .expected = -EEXIST,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "open",
	  .before = LEFT,
	  .act = find,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "open what is in use",
	  .before = HELD,
	  .act = find,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "open what is not there",
	  .act = find,
	  .codes = opening,
	  .expected = -ENOENT,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "open read-only",
	  .before = LEFT,
	  .act = find_to_read,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "close",
	  .before = LEFT,
	  .opens = true,
	  .act = give_back,
	  .codes = closing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "take a turn",
	  .before = HELD,
	  .opens = true,
	  .act = take_turn,
	  .codes = locking,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "unlink",
	  .before = LEFT,
	  .act = remove_name,
	  .codes = unlinking,
	  .succeeded = GONE,
	  .failed = THERE },
	{ .name = "unlink what is in use",
	  .before = HELD,
	  .act = remove_name,
	  .codes = unlinking,
	  .succeeded = GONE,
	  .failed = THERE },
	{ .name = "unlink what one uses",
	  .before = LEFT,
	  .opens = true,
	  .act = remove_name,
	  .codes = unlinking,
	  .succeeded = GONE,
	  .failed = THERE },
	{ .name = "stat",
	  .before = LEFT,
	  .act = look,
	  .codes = unlinking,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "list",
	  .before = LEFT,
	  .act = list,
	  .codes = listing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "collect nothing",
	  .before = LEFT,
	  .act = collect,
	  .codes = listing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "create transient",
	  .flags = SHMIPC_TRANSIENT,
	  .act = create,
	  .codes = opening,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "find or create transient",
	  .flags = SHMIPC_TRANSIENT,
	  .act = find_or_create,
	  .codes = opening,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "open transient",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .act = find,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "open transient read-only",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .act = find_to_read,
	  .codes = opening,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "close transient",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .opens = true,
	  .act = give_back,
	  .codes = closing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "close transient, the last",
	  .flags = SHMIPC_TRANSIENT,
	  .opens = true,
	  .act = give_back,
	  .codes = closing,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "unlink transient",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .act = remove_name,
	  .codes = unlinking,
	  .succeeded = GONE,
	  .failed = THERE },
	{ .name = "stat transient",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .act = look,
	  .codes = unlinking,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "open orphan",
	  .flags = SHMIPC_TRANSIENT,
	  .before = ORPHAN,
	  .act = find,
	  .codes = opening,
	  .expected = -ENOENT,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "create over orphan",
	  .flags = SHMIPC_TRANSIENT,
	  .before = ORPHAN,
	  .act = create,
	  .codes = opening,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "find or create over orphan",
	  .flags = SHMIPC_TRANSIENT,
	  .before = ORPHAN,
	  .act = find_or_create,
	  .codes = opening,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "stat orphan",
	  .flags = SHMIPC_TRANSIENT,
	  .before = ORPHAN,
	  .act = look,
	  .codes = unlinking,
	  .expected = -ENOENT,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "unlink orphan",
	  .flags = SHMIPC_TRANSIENT,
	  .before = ORPHAN,
	  .act = remove_name,
	  .codes = unlinking,
	  .expected = -ENOENT,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "collect past what is in use",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .act = collect,
	  .codes = listing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "collect orphan",
	  .flags = SHMIPC_TRANSIENT,
	  .before = ORPHAN,
	  .act = collect,
	  .codes = listing,
	  .succeeded = GONE,
	  .failed = GONE },
	{ .name = "export",
	  .before = HELD,
	  .cap = SHMIPC_CAP_FDS,
	  .opens = true,
	  .act = hand_out,
	  .codes = handing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "import",
	  .before = HELD,
	  .cap = SHMIPC_CAP_FDS,
	  .opens = true,
	  .hands = true,
	  .act = take_in,
	  .codes = handing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "import transient",
	  .flags = SHMIPC_TRANSIENT,
	  .before = HELD,
	  .cap = SHMIPC_CAP_FDS,
	  .opens = true,
	  .hands = true,
	  .act = take_in,
	  .codes = handing,
	  .succeeded = THERE,
	  .failed = THERE },
	{ .name = "import transient, the last",
	  .flags = SHMIPC_TRANSIENT,
	  .cap = SHMIPC_CAP_FDS,
	  .opens = true,
	  .hands = true,
	  .act = take_in,
	  .codes = handing,
	  .succeeded = GONE,
	  .failed = GONE },
};

const size_t scenarios_count = sizeof(scenarios) / sizeof(scenarios[0]);

int scenario_byte(const struct scenario *scenario)
{
	return scenario->before == LEFT || scenario->before == HELD ? 0x5a : 0;
}

/* ---- the child ---------------------------------------------------------- */

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], permissions[5];
	int n = 0;

	while (maps && fgets(line, sizeof(line), maps))
		n += sscanf(line, "%*s %4s", permissions) == 1 &&
		     permissions[3] == 's';
	if (maps)
		fclose(maps);
	return n;
}

static void count(struct report *report, int i)
{
	report->descriptors[i] = count_descriptors();
	report->mappings[i] = count_mappings();
}

static bool is_documented(const struct scenario *scenario, int result)
{
	if (result >= 0)
		return true;
	for (const int *code = scenario->codes; *code; code++)
		if (result == -*code)
			return true;
	return false;
}

static __attribute__((format(printf, 2, 3))) void
complain(struct report *report, const char *fmt, ...)
{
	va_list ap;

	if (report->wrong[0])
		return;
	va_start(ap, fmt);
	vsnprintf(report->wrong, sizeof(report->wrong), fmt, ap);
	va_end(ap);
}

/* Everything that the child can see of what it did, and got. */
static void judge(const struct scenario *scenario, struct stage *stage,
		  struct report *report)
{
	int r = report->result;

	if (!is_documented(scenario, r))
		complain(report, "the result %d (%s) is not documented", r,
			 strerror(-r));
	if (r < 0 && *shmipc_errmsg() == '\0')
		complain(report, "there is no sentence for %d", r);
	if (r >= 0 && stage->handle.open &&
	    !object_is_sound(&stage->handle, scenario_byte(scenario)))
		complain(report, "it got a wrong object");
}

/* What the act starts from, in the child. */
static bool set_up(const struct scenario *scenario, struct stage *stage)
{
	if (scenario->opens &&
	    object_open(stage->ipc, stage->kind, stage->name,
			stage->flags | SHMIPC_CREATE, &stage->handle) < 0)
		return false;
	if (!scenario->hands)
		return true;
	if (object_export(&stage->handle, stage->fds) < 0)
		return false;
	object_close(&stage->handle);
	return true;
}

static void close_fds(struct stage *stage)
{
	for (int i = 0; i < 2; i++)
		if (stage->fds[i] >= 0)
			close(stage->fds[i]);
}

_Noreturn void scenario_play(const struct scenario *scenario,
			     struct stage *stage, struct report *report)
{
	const void *before;
	static char nothing; /* what must be untouched if it fails */

	count(report, 0);
	stage->fds[0] = stage->fds[1] = -1;
	if (shmipc_open(&stage->ipc, NULL) < 0 || !set_up(scenario, stage))
		_exit(1);
	if (!stage->handle.open)
		stage->handle.open = &nothing;
	before = stage->handle.open;
	trace_me();
	trace_begin();
	report->result = scenario->act(stage);
	trace_end();

	if (report->result < 0 && stage->handle.open != before)
		complain(report, "it failed and changed the handle");
	if (report->result < 0 && stage->fds[0] >= 0 && !scenario->hands)
		complain(report, "it failed and made descriptors");
	if (stage->handle.open == &nothing)
		stage->handle.open = NULL;
	judge(scenario, stage, report);
	if (stage->handle.open)
		object_close(&stage->handle);
	close_fds(stage);
	shmipc_close(stage->ipc);
	count(report, 1);
	if (report->descriptors[0] != report->descriptors[1])
		complain(report, "it had %d descriptors and has %d",
			 report->descriptors[0], report->descriptors[1]);
	if (report->mappings[0] != report->mappings[1])
		complain(report, "it had %d shared mappings and has %d",
			 report->mappings[0], report->mappings[1]);
	_exit(0);
}
