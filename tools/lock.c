/* SPDX-License-Identifier: MIT */
/*
 * lock: run a command while holding the lock of a region.
 *
 * The holder is this process, not the command: a lock ends with its thread, and
 * with exec. So this process waits for the command, whatever signals arrive. If
 * it is killed, the lock passes on, and the next holder is told.
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
	int late;	     /* the exit status when it expires */
	bool recover;
};

/* ---- the command --------------------------------------------------------- */

/* Returns 0, or 126 or 127 as a shell does. */
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
 * A signal from the terminal has reached the command too, so do not send it
 * again. A signal that a process sent to us is meant for the command.
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
	/* If SIGCHLD were ignored, there would be no child to wait for. */
	(void)signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &signals, &before);
	status = start(command, &before, &pid);
	return status ? status : await(pid, &signals);
}

/* ---- the lock ------------------------------------------------------------ */

/* Open it on the backend that has the name, else where objects are made. */
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
	/* If another process is doing the same, one makes it, one finds it. */
	r = shmipc_shm_open(ipc, ret, sought->name, 1,
			    SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600);
	status = r < 0 ? tool_fail(r) : EXIT_DONE;
	shmipc_close(ipc);
	return status;
}

/* We hold the lock, and its last holder died. Returns an exit status. */
static int recover(struct shmipc_shm *shm, const struct wishes *wishes)
{
	int r;

	if (!wishes->recover) {
		/*
		 * Do not unlock: that would make the lock unusable for ever.
		 * When this process exits, the next holder is told the same.
		 */
		tool_complain(
			"region \"%s\" (%s): the last holder of the lock died "
			"holding it, so the data may be half written; check "
			"the data, then use --recover",
			wishes->sought.name, wishes->backend);
		return EXIT_OWNER_DIED;
	}
	r = shmipc_shm_mark_consistent(shm);
	if (r < 0)
		return tool_fail(r);
	tool_complain(
		"region \"%s\" (%s): the last holder of the lock died holding "
		"it; recovering",
		wishes->sought.name, wishes->backend);
	return EXIT_DONE;
}

/* 0 if we hold it; else *ret is the exit status, after a message. */
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
		tool_complain("region \"%s\" (%s): timed out waiting for the "
			      "lock",
			      wishes->sought.name, wishes->backend);
		*ret = wishes->late; /* may be 0 */
		return r;
	default:
		*ret = tool_fail(r);
		return r;
	}
}

static int lock(struct wishes *wishes, char **command)
{
	static struct shmipc_shm *shm; /* may stay open until exit */
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
	/* Fails after EXIT_OWNER_DIED: the lock is held until exit. */
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

/* Returns 0, -EINVAL after a message, or c if it does not handle it. */
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

/* The index of the command, after the first "--"; argc if it is missing. */
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

	/* Hide the options of the command from getopt_long(). */
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
	.summary = "Run a command while holding the lock of a region",
	.help = "  --timeout DURATION   how long to wait for the lock, such as "
		"0.5s or 2m;\n"
		"                       0 does not wait\n"
		"  -E, --conflict-exit-code N\n"
		"                       exit status if the timeout expires; "
		"default: 3\n"
		"  --recover            run the command even if the last "
		"holder died\n"
		"  --backend B          this backend; default: SHMIPC_BACKEND, "
		"else all\n"
		"\n"
		"If the region does not exist, it is created, and disappears "
		"with its last user.\n"
		"A region remembers a death as long as it exists. If shmipc "
		"itself is killed, the\n"
		"command continues without the lock.\n"
		"\n"
		"The exit status is that of the command: 128+N if signal N "
		"terminated it, 126 if\n"
		"it cannot be run, 127 if it is not found. If the command was "
		"not run, the exit\n"
		"status is 5 if the last holder died holding the lock, else "
		"as for all commands.\n",
	.run = run,
};
