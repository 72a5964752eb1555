/* SPDX-License-Identifier: MIT */
/*
 * lock: run a command while the lock of a region is held.
 *
 * The holder is this process, not the command: a lock ends with its thread, and
 * with exec. So it waits for the command whatever signals come. If it is killed
 * all the same, the lock passes on, and the next holder is told.
 */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/commands.h"

extern char **environ;

struct wishes {
	struct sought sought;
	const char *backend; /* where it was found */
	int64_t timeout;     /* < 0: none */
	int late;	     /* the exit status then */
	bool recover;
};

/* ---- the command --------------------------------------------------------- */

/* 126 and 127 as a shell has them. */
static int start(char **command, const sigset_t *mask, pid_t *ret)
{
	posix_spawnattr_t attributes;
	int err = posix_spawnattr_init(&attributes);

	if (err) {
		tool_complain("%s: %s", *command, strerror(err));
		return 126;
	}
	posix_spawnattr_setsigmask(&attributes, mask);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawnp(ret, *command, NULL, &attributes, command, environ);
	posix_spawnattr_destroy(&attributes);
	if (err) {
		tool_complain("%s: %s", *command, strerror(err));
		return err == ENOENT ? 127 : 126;
	}
	return 0;
}

/*
 * What the terminal sends, the command has had already, and another time would
 * be once too often. What a process sends to us is meant for the command.
 */
static void pass_on(const siginfo_t *info, pid_t pid)
{
	if (info->si_code <= 0)
		(void)kill(pid, info->si_signo);
}

static int await(pid_t pid, const sigset_t *signals)
{
	siginfo_t info;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid)
		if (sigwaitinfo(signals, &info) > 0 && info.si_signo != SIGCHLD)
			pass_on(&info, pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int run_command(char **command)
{
	static const int caught[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP,
				      SIGCHLD };
	sigset_t signals, before;
	pid_t pid;
	int status;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaddset(&signals, caught[i]);
	/* Ignored, it would not come, and nobody could be waited for. */
	(void)signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &signals, &before);
	status = start(command, &before, &pid);
	return status ? status : await(pid, &signals);
}

/* ---- the lock ------------------------------------------------------------ */

/* On the backend where the name is, else where new objects go. */
static int open_region(struct wishes *wishes, struct shmipc_shm **ret)
{
	const struct sought *sought = &wishes->sought;
	struct place place = { .backend = sought->backend };
	struct shmipc *ipc;
	int status, r;

	status = tool_find_one(sought, &place);
	if (status != EXIT_DONE && status != EXIT_ABSENT)
		return status;
	r = shmipc_open(&ipc, place.backend);
	if (r < 0)
		return tool_fail(r);
	wishes->backend = shmipc_backend_name(ipc);
	/* Whoever comes at the same time makes it, or finds it. */
	r = shmipc_shm_open(ipc, ret, sought->name, 1,
			    SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600);
	status = r < 0 ? tool_fail(r) : EXIT_DONE;
	shmipc_close(ipc);
	return status;
}

/* Its last holder died in it, and now it is ours. */
static int recover(struct shmipc_shm *shm, const struct wishes *wishes)
{
	int r;

	if (!wishes->recover) {
		/*
		 * Not given back: that would make it unusable for ever. It ends
		 * with us, and the next one is told the same.
		 */
		tool_complain(
			"region \"%s\" (%s): the last holder of the lock died "
			"in it, and what it protects may be half done; "
			"see to that, then use --recover",
			wishes->sought.name, wishes->backend);
		return EXIT_OWNER_DIED;
	}
	r = shmipc_shm_mark_consistent(shm);
	if (r < 0)
		return tool_fail(r);
	tool_complain(
		"region \"%s\" (%s): the last holder of the lock died in it; "
		"going on",
		wishes->sought.name, wishes->backend);
	return EXIT_DONE;
}

/* 0 if it is ours; else *ret is the exit status, after a complaint. */
static int take_lock(struct shmipc_shm *shm, const struct wishes *wishes,
		     int *ret)
{
	struct timespec deadline;
	int r;

	if (wishes->timeout >= 0)
		deadline = tool_deadline(wishes->timeout);
	do
		r = shmipc_shm_lock(shm,
				    wishes->timeout < 0 ? NULL : &deadline);
	while (r == -EINTR);
	switch (r) {
	case 0:
		return 0;
	case -EOWNERDEAD:
		*ret = recover(shm, wishes);
		return *ret == EXIT_DONE ? 0 : r;
	case -ETIMEDOUT:
		tool_complain("region \"%s\" (%s): the lock was not free in "
			      "time",
			      wishes->sought.name, wishes->backend);
		*ret = wishes->late; /* which may be 0 */
		return r;
	default:
		*ret = tool_fail(r);
		return r;
	}
}

static int lock(struct wishes *wishes, char **command)
{
	static struct shmipc_shm *shm; /* kept to the end, if need be */
	int status, r;

	status = open_region(wishes, &shm);
	if (status != EXIT_DONE)
		return status;
	if (take_lock(shm, wishes, &status) == 0) {
		status = run_command(command);
		r = shmipc_shm_unlock(shm);
		if (r < 0)
			(void)tool_fail(r);
	}
	/* Refused after EXIT_OWNER_DIED: it ends with the process. */
	(void)shmipc_shm_close(shm);
	return status;
}

/* ---- options ------------------------------------------------------------- */

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "timeout", required_argument, NULL, 't' },
	{ "conflict-exit-code", required_argument, NULL, 'E' },
	{ "recover", no_argument, NULL, 'r' },
	TOOL_OPTIONS_END,
};

/* Returns 0; or -EINVAL after a complaint; or what it does not know. */
static int take(struct wishes *wishes, int c)
{
	uint64_t number;
	int r;

	switch (c) {
	case 'b':
		wishes->sought.backend = optarg;
		return 0;
	case 't':
		return tool_parse_duration(optarg, &wishes->timeout);
	case 'E':
		r = tool_parse_number("an exit status", optarg, 255, &number);
		if (r == 0)
			wishes->late = (int)number;
		return r;
	case 'r':
		wishes->recover = true;
		return 0;
	default:
		return c;
	}
}

/* Where the command starts: behind the first "--"; argc: there is none. */
static int find_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i < argc ? i + 1 : argc;
}

static int run(int argc, char **argv)
{
	struct wishes wishes = { .sought = { .kind = SHMIPC_SHM },
				 .timeout = -1,
				 .late = EXIT_LATE };
	int command = find_command(argc, argv);
	bool missing = command == argc;
	int c, r;

	/* Options of the command are none of ours. */
	if (!missing) {
		argc = command - 1;
		argv[argc] = NULL;
	}
	while ((c = getopt_long(argc, argv, "E:", options, NULL)) != -1) {
		r = take(&wishes, c);
		if (r < 0)
			return EXIT_USAGE;
		if (r > 0)
			return tool_other(&cmd_lock, c);
	}
	if (missing)
		tool_complain("\"-- COMMAND\" is missing");
	if (missing || argc - optind != 1)
		return tool_usage(&cmd_lock);
	wishes.sought.name = argv[optind];
	return lock(&wishes, argv + command);
}

const struct command cmd_lock = {
	.name = "lock",
	.synopsis = "[OPTION...] NAME -- COMMAND [ARGUMENT...]",
	.summary = "Run a command while the lock of a region is held",
	.help = "  --timeout DURATION   how long to wait for the lock, such as "
		"0.5s, 2m;\n"
		"                       0 does not wait at all\n"
		"  -E, --conflict-exit-code N\n"
		"                       exit status if that was not long "
		"enough; 3\n"
		"  --recover            take the lock also if its last holder "
		"died in it\n"
		"  --backend B          only there; else where SHMIPC_BACKEND "
		"says, else\n"
		"                       anywhere\n"
		"\n"
		"A region that is not there is made, and is gone with its last "
		"user; a death\n"
		"is remembered as long as the region is there. If shmipc "
		"itself "
		"is killed, the\n"
		"command goes on without the lock.\n"
		"\n"
		"The exit status is the command's: 128 and the number of the "
		"signal that ended\n"
		"it; 126 if it cannot be run, 127 if it is not found. Before "
		"that: 5 if the\n"
		"last holder died in the lock, and others as of all "
		"commands.\n",
	.run = run,
};
