/* SPDX-License-Identifier: MIT */
/* shmipc doctor: find problems with this machine and suggest remedies. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/doctor.h"

/* The environment comes first: it decides what matters to this user. */
static const struct check {
	const char *name; /* stable, for scripts */
	void (*look)(struct doctor *d);
} checks[] = {
	{ "SHMIPC_DEBUG", check_debug },
	{ "SHMIPC_BACKEND", check_backend_variable },
	{ "SHMIPC_RUNTIME_DIR", check_runtime_dir },
	{ "SHMIPC_BROKER", check_broker_variable },
	{ "SHMIPC_BROKER_IDLE_MS", check_idle_ms },
	{ "environment", check_unknown_variables },
	{ "kernel", check_kernel },
	{ "/proc", check_proc },
	{ "backends", check_backends },
	{ "/dev/shm", check_dev_shm },
	{ "memory limit", check_cgroup },
	{ "kernel.shmmax", check_shmmax },
	{ "kernel.shmall", check_shmall },
	{ "kernel.shmmni", check_shmmni },
	{ "kernel.sem SEMMSL", check_semmsl },
	{ "kernel.sem SEMMNI", check_semmni },
	{ "kernel.sem SEMMNS", check_semmns },
	{ "RemoveIPC", check_remove_ipc },
	{ "vm.memfd_noexec", check_memfd_noexec },
	{ "open files", check_descriptors },
	{ "broker program", check_broker_program },
	{ "broker directory", check_broker_directory },
	{ "broker", check_broker },
	{ "garbage", check_garbage },
};

#define CHECKS	   (sizeof(checks) / sizeof(checks[0]))
#define NAME_WIDTH 21

/* ---- for the checks ------------------------------------------------------ */

static const char *word_of(enum state state)
{
	static const char *const words[STATES] = { "ok", "warn", "bad" };

	return words[state];
}

static void print_text(const struct doctor *d, const struct finding *f)
{
	static const char *const colours[STATES] = { "\033[32m", "\033[33m",
						     "\033[31m" };

	printf("%s%-4s%s  %-*s  %s\n", d->colour ? colours[f->state] : "",
	       word_of(f->state), d->colour ? "\033[0m" : "", NAME_WIDTH,
	       f->check, f->found);
	if (*f->remedy)
		printf("      remedy: %s\n", f->remedy);
}

static void print_json(const struct finding *f)
{
	tool_json_item();
	tool_json_text("check", f->check);
	tool_json_text("state", word_of(f->state));
	tool_json_text("found", f->found);
	tool_json_text("remedy", *f->remedy ? f->remedy : NULL);
}

/* Delayed until the next finding, because a remedy may follow. */
static void show_last(struct doctor *d)
{
	if (!d->last.check)
		return;
	if (d->json)
		print_json(&d->last);
	else
		print_text(d, &d->last);
	d->last.check = NULL;
}

void doctor_found(struct doctor *d, enum state state, const char *format, ...)
{
	va_list args;

	show_last(d);
	d->counts[state]++;
	d->last = (struct finding){ .check = d->check, .state = state };
	va_start(args, format);
	vsnprintf(d->last.found, sizeof(d->last.found), format, args);
	va_end(args);
	tool_mask(d->last.found);
}

void doctor_remedy(struct doctor *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->last.remedy, sizeof(d->last.remedy), format, args);
	va_end(args);
}

enum state doctor_trouble_with(const struct doctor *d, const char *backend)
{
	return !strcmp(d->chosen, backend) ? STATE_BAD : STATE_WARN;
}

enum state doctor_share(uint64_t used, uint64_t limit)
{
	if (used > limit / 10 * 9 + limit % 10 * 9 / 10)
		return STATE_BAD;
	return used > limit / 4 * 3 ? STATE_WARN : STATE_OK;
}

int doctor_read(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, size - 1);
	if (n < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	if (n > 0 && ret[n - 1] == '\n')
		n--;
	ret[n] = '\0';
	return 0;
}

int doctor_read_number(const char *path, uint64_t *ret)
{
	char text[64], *end;
	uint64_t n;
	int r = doctor_read(path, text, sizeof(text));

	if (r < 0)
		return r;
	errno = 0;
	n = strtoumax(text, &end, 10);
	if (errno || end == text || *end)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* ---- the command --------------------------------------------------------- */

static void sum_up(const struct doctor *d)
{
	printf("\n%u bad, %u warnings, %u ok\n", d->counts[STATE_BAD],
	       d->counts[STATE_WARN], d->counts[STATE_OK]);
}

static int look_at_all(struct doctor *d)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < CHECKS; i++) {
		d->check = checks[i].name;
		checks[i].look(d);
	}
	show_last(d);
	if (d->json)
		status = tool_json_end();
	else
		sum_up(d);
	return d->counts[STATE_BAD] ? EXIT_FAILED : status;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		TOOL_OPTIONS_END,
	};
	struct doctor d = { .chosen = "" };
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return tool_other(&cmd_doctor, c);
		d.json = true;
	}
	if (optind < argc)
		return tool_usage(&cmd_doctor);
	if (d.json && tool_json_begin() < 0)
		return EXIT_USAGE;
	d.colour = !d.json && tool_may_colour();
	return look_at_all(&d);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.synopsis = "[--json]",
	.summary = "Find problems with this machine and suggest remedies",
	.help = "Each check prints ok, warn or bad, what it examined, and what "
		"it found. If it is\nnot ok, a remedy follows. \"bad\" "
		"means trouble, now or soon, for programs that\nare started "
		"from here with this environment. \"warn\" means possible "
		"trouble, or\ntrouble for others. Nothing is changed, and no "
		"broker is started.\n"
		"\n"
		"  --json  print an array of objects: check, state, found, "
		"remedy\n"
		"\n"
		"The exit status is 1 if a check is bad, else 0.\n",
	.run = run,
};
