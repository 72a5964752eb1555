/* SPDX-License-Identifier: MIT */
/*
 * shmipc: inspect and use the objects of libshmipc from a shell.
 *
 * This file finds the subcommand, and checks at the end that all output was
 * written.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"

void tool_mask(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		/* U+0080 to U+009f, in UTF-8 */
		bool pair = *c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;

		if (pair || *c < ' ' || *c == 0x7f)
			*c = '?';
		if (pair)
			*++c = '?';
	}
}

void tool_complain(const char *format, ...)
{
	char sentence[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	tool_mask(sentence);
	/* One call, so that messages of several processes do not mix. */
	fprintf(stderr, "shmipc: %s\n", sentence);
}

int tool_fail(int err)
{
	tool_complain("%s", shmipc_errmsg());
	switch (err) {
	case -EINVAL:
	case -ENAMETOOLONG:
		return EXIT_USAGE;
	case -ENOENT:
	case -EXDEV:
		return EXIT_ABSENT;
	default:
		return EXIT_FAILED;
	}
}

int tool_no_memory(void)
{
	tool_complain("out of memory");
	return EXIT_FAILED;
}

/* ---- help ---------------------------------------------------------------- */

static void print_synopsis(FILE *to, const struct command *command)
{
	const char *line = command->synopsis;
	const char *start = "usage:";

	for (;; start = "      ") {
		int length = (int)strcspn(line, "\n");

		fprintf(to, "%s shmipc %s%s%.*s\n", start, command->name,
			length ? " " : "", length, line);
		if (!line[length])
			break;
		line += length + 1;
	}
}

static int print_help(const struct command *command)
{
	print_synopsis(stdout, command);
	printf("\n%s.\n", command->summary);
	if (*command->help)
		printf("\n%s", command->help);
	return EXIT_DONE;
}

int tool_usage(const struct command *command)
{
	print_synopsis(stderr, command);
	fprintf(stderr, "See `shmipc %s --help'.\n", command->name);
	return EXIT_USAGE;
}

int tool_other(const struct command *command, int c)
{
	/* Anything else is an error that getopt_long() has reported. */
	return c == TOOL_HELP ? print_help(command) : tool_usage(command);
}

static void print_commands(FILE *to)
{
	fprintf(to, "usage: shmipc COMMAND [ARGUMENT...]\n"
		    "       shmipc --help | --version | help [COMMAND]\n"
		    "\n"
		    "Named shared memory, semaphores and locks of libshmipc.\n"
		    "\n"
		    "Commands:\n");
	for (size_t i = 0; tool_commands[i]; i++)
		fprintf(to, "  %-9s %s\n", tool_commands[i]->name,
			tool_commands[i]->summary);
}

static int print_overview(void)
{
	print_commands(stdout);
	printf("\n"
	       "`shmipc COMMAND --help' describes one command.\n"
	       "\n"
	       "Exit status:\n"
	       "  0  success\n"
	       "  1  failure; the reason is on stderr\n"
	       "  2  wrong usage\n"
	       "  3  timed out (sem wait, lock)\n"
	       "  4  no such name\n"
	       "  5  the last holder of the lock died holding it (lock)\n");
	return EXIT_DONE;
}

static int print_backend(const struct shmipc_backend_info *info, void *arg)
{
	const char **separator = arg;

	printf("%s%s%s", *separator, info->name,
	       info->works ? "" : " (does not work here)");
	*separator = ", ";
	return 0;
}

static int print_version(void)
{
	const char *separator = "backends: ";

	printf("shmipc %s\n", PACKAGE_VERSION);
	if (strcmp(shmipc_version(), PACKAGE_VERSION) != 0)
		printf("library: %s\n", shmipc_version());
	shmipc_backends(print_backend, &separator);
	printf("\njson: %s\n", tool_json_version());
	printf("top: %s\n", tool_top_version());
#ifdef SHMI_HAVE_SECCOMP
	printf("broker: confined by seccomp\n");
#else
	printf("broker: not confined\n");
#endif
	return EXIT_DONE;
}

/* ---- finding the command ------------------------------------------------- */

/*
 * Is one letter of a too many, missing or wrong, or are two of them swapped, if
 * b is meant?
 */
static bool is_near(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (!*a || !*b)
		return strlen(a) + strlen(b) == 1;
	return !strcmp(a + 1, b) || !strcmp(a, b + 1) ||
	       !strcmp(a + 1, b + 1) ||
	       (a[0] == b[1] && a[1] == b[0] && !strcmp(a + 2, b + 2));
}

static const struct command *find(const char *name)
{
	const char *meant = NULL;

	for (size_t i = 0; tool_commands[i]; i++) {
		if (!strcmp(tool_commands[i]->name, name))
			return tool_commands[i];
		if (is_near(name, tool_commands[i]->name))
			meant = tool_commands[i]->name;
	}
	tool_complain("no command \"%s\"%s%s%s; `shmipc --help' lists them",
		      name, meant ? ", did you mean " : "", meant ? meant : "",
		      meant ? "?" : "");
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	char name[32];

	/* getopt_long() starts its messages with this. */
	snprintf(name, sizeof(name), "shmipc %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

static int help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2)
		return print_overview();
	command = find(argv[1]);
	return command ? print_help(command) : EXIT_USAGE;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;
	const char *word = argv[1];

	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return print_overview();
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		return print_version();
	if (!strcmp(word, "help"))
		return help(argc - 1, argv + 1);
	if (*word == '-') {
		tool_complain("unknown option %s; put the options of a command "
			      "after its name",
			      word);
		print_commands(stderr);
		return EXIT_USAGE;
	}
	command = find(word);
	return command ? run(command, argc - 1, argv + 1) : EXIT_USAGE;
}

/* ---- stdin, stdout, stderr ----------------------------------------------- */

/*
 * Do not let a descriptor of the library become 0, 1 or 2: a message would then
 * be written into an object. /dev/null takes the place of a closed descriptor,
 * opened so that using it still fails.
 */
static int fill_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_WRONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", modes[fd]) != fd)
			return -1;
	return 0;
}

static int see_that_it_arrived(int status)
{
	bool failed = ferror(stdout) != 0;

	/* A network file system may report an error only at close. */
	if (fclose(stdout) != 0)
		failed = true;
	else if (failed)
		errno = EIO; /* the real cause is no longer known */
	if (!failed)
		return status;
	tool_complain("standard output: %s", strerror(errno));
	return status == EXIT_DONE ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
	if (fill_standard_descriptors() < 0)
		return EXIT_FAILED;
	return see_that_it_arrived(dispatch(argc, argv));
}
