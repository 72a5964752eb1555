/* SPDX-License-Identifier: MIT */
/*
 * shmipc top: a list of all objects, updated continuously.
 *
 * It sleeps in ppoll(2) until a key is pressed, the next update is due, or a
 * signal arrives. Signals are blocked everywhere else, so that the terminal is
 * restored however top exits.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/top.h"
#include "tools/top_text.h"

#define DELAY	  INT64_C(1000000000)
#define DELAY_MIN INT64_C(100000000)

/* ---- signals ------------------------------------------------------------- */

static const int fatal[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };

#define FATAL (sizeof(fatal) / sizeof(fatal[0]))

static volatile sig_atomic_t told; /* the signal that arrived */

static void on_signal(int signal)
{
	told = signal;
}

/* Signals that were ignored when top started stay ignored. */
static void catch_signals(sigset_t *ret_before)
{
	struct sigaction action = { .sa_handler = on_signal }, before;
	sigset_t set;

	sigemptyset(&action.sa_mask);
	sigemptyset(&set);
	for (size_t i = 0; i < FATAL; i++) {
		sigaction(fatal[i], NULL, &before);
		if (before.sa_handler == SIG_IGN)
			continue;
		sigaction(fatal[i], &action, NULL);
		sigaddset(&set, fatal[i]);
	}
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, ret_before);
}

/* Let a signal that arrived take its default action now. */
static void die_of_signal(const sigset_t *before)
{
	if (told) {
		(void)signal(told, SIG_DFL);
		(void)raise(told);
	}
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* ---- messages ------------------------------------------------------------ */

/* While top uses the terminal, a pipe to itself replaces stderr. */
struct complaints {
	int from, stderr_before;
};

static int divert_complaints(struct complaints *ret)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	ret->from = ends[0];
	ret->stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	return 0;
}

static void restore_stderr(const struct complaints *complaints)
{
	dup2(complaints->stderr_before, STDERR_FILENO);
	close(complaints->stderr_before);
	close(complaints->from);
}

/* Read the first message, at most one line; "" if there were no messages. */
static void read_complaint(const struct complaints *complaints,
			   char message[TOP_MESSAGE_MAX])
{
	ssize_t n = read(complaints->from, message, TOP_MESSAGE_MAX - 1);
	char rest[4096];

	message[n > 0 ? n : 0] = '\0';
	message[strcspn(message, "\n")] = '\0';
	while (n > 0)
		n = read(complaints->from, rest, sizeof(rest));
}

/* ---- keys ---------------------------------------------------------------- */

static void scroll_by(struct top *top, size_t lines, bool down)
{
	if (down)
		top->first += lines; /* draw_list() limits it */
	else
		top->first -= lines < top->first ? lines : top->first;
}

/* Returns false for the key that quits. */
/* All kinds, then each alone. */
static enum shmipc_kind next_kind(enum shmipc_kind kind)
{
	const struct shmipc_kind_info *at;
	unsigned i = 0;

	while (kind && (at = shmipc_kind_at(i)) && at->kind != kind)
		i++;
	at = shmipc_kind_at(kind ? i + 1 : 0);
	return at ? at->kind : 0;
}

static bool obey(struct top *top, enum key key)
{
	if (top->help && key != KEY_OF_SIZE && key != KEY_OF_QUIT) {
		top->help = false;
		return true;
	}
	switch (key) {
	case KEY_OF_QUIT:
		return false;
	case KEY_OF_SORT:
		top->sort = (top->sort + 1) % TOOL_COLUMNS;
		break;
	case KEY_OF_REVERSE:
		top->reverse = !top->reverse;
		break;
	case KEY_OF_KIND:
		top->kind = next_kind(top->kind);
		break;
	case KEY_OF_BACKEND:
		top->backend = (top->backend + 1) % (top->tallies.count + 1);
		break;
	case KEY_OF_HELP:
		top->help = true;
		break;
	case KEY_OF_UP:
	case KEY_OF_DOWN:
		scroll_by(top, 1, key == KEY_OF_DOWN);
		break;
	case KEY_OF_PAGE_UP:
	case KEY_OF_PAGE_DOWN:
		scroll_by(top, screen_page(top), key == KEY_OF_PAGE_DOWN);
		break;
	case KEY_OF_HOME:
		top->first = 0;
		break;
	case KEY_OF_END:
		top->first = top->view.count;
		break;
	default:
		break;
	}
	return true;
}

static bool obey_all(struct top *top)
{
	enum key key;

	while ((key = screen_key()) != KEY_OF_NONE)
		if (!obey(top, key))
			return false;
	return true;
}

/* ---- the loop ------------------------------------------------------------ */

/* Sleep until then, a key or a signal. False if the terminal is gone. */
static bool sleep_until(int64_t when, const sigset_t *mask)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left = when - tool_now(CLOCK_MONOTONIC);
	struct timespec patience;

	if (left < 0)
		left = 0;
	patience = (struct timespec){ left / 1000000000, left % 1000000000 };
	if (ppoll(&keys, 1, &patience, mask) <= 0)
		return true;
	return !(keys.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static int show(struct top *top, const struct complaints *complaints,
		const sigset_t *mask)
{
	bool is_there = true;

	for (;;) {
		if (tool_now(CLOCK_MONOTONIC) >= top->looked + top->delay) {
			(void)top_look(top);
			read_complaint(complaints, top->message);
		}
		if (top_choose(top) < 0)
			return EXIT_FAILED;
		screen_draw(top);
		is_there = sleep_until(top->looked + top->delay, mask);
		if (!is_there)
			return EXIT_FAILED;
		if (told || !obey_all(top))
			return EXIT_DONE;
	}
}

static int take_terminal(struct top *top)
{
	struct complaints complaints;
	sigset_t before;
	int status;

	catch_signals(&before);
	if (screen_begin() < 0)
		return EXIT_USAGE;
	if (divert_complaints(&complaints) < 0) {
		screen_end();
		tool_complain("pipe: %s", strerror(errno));
		return EXIT_FAILED;
	}
	status = show(top, &complaints, &before);
	screen_end();
	restore_stderr(&complaints);
	die_of_signal(&before);
	return status;
}

/* ---- the command --------------------------------------------------------- */

/* The first look, before the terminal is taken, checks the arguments. */
static int begin(struct top *top, const char *sort)
{
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		tool_complain("top needs a terminal; use shmipc ls instead");
		return EXIT_USAGE;
	}
	if (tool_sort(&top->view, sort, false) < 0)
		return EXIT_USAGE;
	for (top->sort = 0; strcmp(tool_columns[top->sort].title, sort) != 0;)
		top->sort++;
	status = top_look(top);
	if (status != EXIT_USAGE)
		status = take_terminal(top);
	top_free(top);
	return status;
}

static int parse_delay(const char *text, int64_t *ret)
{
	if (tool_parse_duration(text, ret) < 0)
		return -EINVAL;
	if (*ret >= DELAY_MIN && *ret <= DELAY * 86400)
		return 0;
	tool_complain("the delay %s is not from 100ms to 24h", text);
	return -EINVAL;
}

static const struct option options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "delay", required_argument, NULL, 'd' },
	{ "kind", required_argument, NULL, 'k' },
	{ "sort", required_argument, NULL, 's' },
	{ "reverse", no_argument, NULL, 'r' },
	TOOL_OPTIONS_END,
};

static int run(int argc, char **argv)
{
	struct top top = { .delay = DELAY };
	const char *sort = "name";
	int c;

	while ((c = getopt_long(argc, argv, "r", options, NULL)) != -1)
		switch (c) {
		case 'b':
			top.backends = optarg;
			break;
		case 'd':
			if (parse_delay(optarg, &top.delay) < 0)
				return EXIT_USAGE;
			break;
		case 'k':
			if (tool_parse_kind(optarg, &top.kind) < 0)
				return EXIT_USAGE;
			break;
		case 's':
			sort = optarg;
			break;
		case 'r':
			top.reverse = true;
			break;
		default:
			return tool_other(&cmd_top, c);
		}
	if (optind < argc)
		return tool_usage(&cmd_top);
	return begin(&top, sort);
}

const struct command cmd_top = {
	.name = "top",
	.synopsis = TOP_SYNOPSIS,
	.summary = TOP_SUMMARY,
	.help = TOP_HELP,
	.run = run,
};
