/* SPDX-License-Identifier: MIT */
/*
 * The shmipc command: declarations that its files share.
 *
 * The command uses the library as any program does, through <shmipc.h> alone. A
 * subcommand is a struct command in a file of its own and a line in commands.c.
 *
 * Results go to stdout, messages to stderr. A subcommand need not check whether
 * printing worked: main() does so once, at the end.
 */
#ifndef TOOL_H
#define TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc.h>

/* Exit statuses. Scripts rely on them, so they never change. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,     /* the reason is on stderr */
	EXIT_USAGE = 2,	     /* wrong usage: options, names, sizes */
	EXIT_LATE = 3,	     /* timed out: sem wait, lock */
	EXIT_ABSENT = 4,     /* no such name */
	EXIT_OWNER_DIED = 5, /* lock: the last holder died holding it */
};

struct command {
	const char *name;
	const char *synopsis; /* what follows the name; one or more lines */
	const char *summary;  /* one line, for the list of commands */
	const char *help;     /* --help prints it after synopsis and summary */
	int (*run)(int argc, char **argv); /* argv[0]: "shmipc NAME" */
};

/* All subcommands, in the order in which --help shows them; ends with NULL. */
extern const struct command *const tool_commands[];

/* ---- messages (main.c) --------------------------------------------------- */

/**
 * Put a question mark in the place of each control character: text that comes
 * from other users must not be a command to the terminal.
 */
void tool_mask(char *text);

/** Print "shmipc: " and a message to stderr. */
void tool_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/** Print the library's message for err. Returns the exit status for err. */
int tool_fail(int err);

/** Print the usage of a command to stderr. Returns EXIT_USAGE. */
int tool_usage(const struct command *command);

/**
 * Handle an option that a command does not handle itself: TOOL_HELP (--help),
 * or an error that getopt_long() has reported.
 *
 * @return	the result for run()
 */
int tool_other(const struct command *command, int c);

#define TOOL_HELP 'h'
/* Ends every table of long options. */
#define TOOL_OPTIONS_END                                                       \
	{ "help", no_argument, NULL, TOOL_HELP },                              \
	{                                                                      \
		NULL, 0, NULL, 0                                               \
	}

/** Print "out of memory". Returns EXIT_FAILED. */
int tool_no_memory(void);

/* ---- sizes, durations and modes as text (units.c) ------------------------ */

/*
 * Each returns 0, or prints a message, leaves *ret untouched and returns
 * -EINVAL.
 *
 * A size is a whole number of bytes, or of K M G T (or KiB and so on), which
 * are powers of 1024. A duration is a number with ns us ms s m h, such as 0.5s;
 * only 0 needs no unit. A mode is octal, 0 to 0777.
 */
int tool_parse_size(const char *text, uint64_t *ret);
int tool_parse_duration(const char *text, int64_t *ret_ns);
int tool_parse_mode(const char *text, mode_t *ret);
/* Decimal, 0 to max. The message calls it `what', such as "a value". */
int tool_parse_number(const char *what, const char *text, uint64_t max,
		      uint64_t *ret);
int tool_parse_kind(const char *text, enum shmipc_kind *ret);

/** The time of a clock, in ns. */
int64_t tool_now(clockid_t clock);
/** The CLOCK_MONOTONIC time that is ns from now, as a deadline for waits. */
struct timespec tool_deadline(int64_t ns);

/* "1000", "1.5K", "16M": rounded down, at most four digits and a unit. */
void tool_format_size(char buf[16], uint64_t bytes);
/* "3s", "12m", "5h", "9d". */
void tool_format_age(char buf[16], int64_t ns);
/* The kind, or the description of an unknown one. Never NULL. */
const struct shmipc_kind_info *tool_kind_info(enum shmipc_kind kind);
const char *tool_kind(enum shmipc_kind kind); /* "shm", "sem" */
/* The name of a user, or the number if it has no name; static. */
const char *tool_owner(uid_t uid);
/* The name of a user, or NULL if it has no name; static. */
const char *tool_user_name(uid_t uid);

/* ---- objects (gc.c) ------------------------------------------------- */

enum verdict {
	VERDICT_USED,	 /* some process has it open */
	VERDICT_IDLE,	 /* complete and not open; stays until removed */
	VERDICT_GARBAGE, /* gc --force removes it */
	VERDICT_LOST,	 /* open, but its name was lost with a broker */
};

struct object {
	struct shmipc_info info;
	enum verdict verdict;
	bool partial; /* what is 0 in info is not known */
};

struct objects {
	struct object *all;
	size_t count, room;
};

struct filter {
	const char *backends;  /* "posix,sysv", "^memfd"; NULL: all working */
	enum shmipc_kind kind; /* 0: both */
};

/**
 * List the objects on all backends of the filter, sorted by name.
 *
 * If a backend cannot be read, a message says so, and the objects of the others
 * are listed.
 *
 * @param ret	always filled; free it with tool_free()
 * @return	EXIT_DONE; or, after a message, EXIT_FAILED if a backend cannot
 *	be read, EXIT_USAGE if a backend is unknown
 */
int tool_collect(const struct filter *filter, struct objects *ret);
void tool_free(struct objects *objects);

/** Append an object. Returns 0 or -ENOMEM. */
int tool_add(struct objects *objects, const struct object *object);

/**
 * Call act() with the name of each working backend in the list (NULL: of all
 * working backends). Prints a message for each backend that the list names and
 * that does not work.
 *
 * @return	the first exit status other than EXIT_DONE, those of act()
 *	included; else EXIT_DONE. As tool_collect()
 */
int tool_each_backend(const char *list,
		      int (*act)(const char *backend, void *arg), void *arg);

const char *tool_verdict(const struct object *object);

/* ---- one object, by its name (find.c) ------------------------------------ */

/* What the user asks for. */
struct sought {
	const char *name;
	const char *backend;   /* for shmipc_open(); NULL: not given */
	enum shmipc_kind kind; /* 0: both */
};

/* An object that has the name. */
struct place {
	const char *backend;
	enum shmipc_kind kind;
	int err; /* < 0: it exists, and this error prevents reading it */
	struct shmipc_info info;
};

struct places {
	struct place all[2 * 16]; /* kinds times the most backends */
	size_t count;
};

/**
 * Find every object that has the name: on the backend that the user or
 * SHMIPC_BACKEND names, else on all working backends.
 *
 * @param ret	always filled
 * @return	EXIT_DONE; EXIT_ABSENT, without a message, if there is no such
 *	object; after a message, EXIT_USAGE, or EXIT_FAILED if a backend cannot
 *	be read (*ret then has the objects of the others)
 */
int tool_find(const struct sought *sought, struct places *ret);

/**
 * Read the options --backend, --kind and --json, and one name.
 *
 * @param ret	*ret, zeroed before, has what was given; *json too
 * @return	0; or less if run() is to return *status
 */
int tool_parse_sought(const struct command *command, int argc, char **argv,
		      struct sought *ret, bool *json, int *status);

/**
 * Find the only object that has the name.
 *
 * @return	EXIT_DONE; EXIT_ABSENT without a message; else as tool_find(),
 *	and EXIT_FAILED, after a message, if several objects have the name
 */
int tool_find_one(const struct sought *sought, struct place *ret);

/** Say that no object has the name, with a hint. Returns EXIT_ABSENT. */
int tool_absent(const struct sought *sought);

/** List all objects that have the name, then a remedy. Returns EXIT_FAILED. */
int tool_several(const struct sought *sought, const struct places *places,
		 const char *remedy);

/** The noun for messages: "region", "semaphore". */
const char *tool_noun(enum shmipc_kind kind);

/* ---- columns (columns.c) ------------------------------------------------- */

#define TOOL_CELL_MAX (SHMIPC_NAME_MAX + 1)
#define TOOL_COLUMNS  11

struct column {
	const char *title; /* in lower case; the key of --sort */
	int drop;	   /* lowest goes first if room is short; 0: never */
	bool right;	   /* align right, for numbers */
	void (*format)(char cell[TOOL_CELL_MAX], const struct object *object,
		       int64_t now);
	int (*compare)(const struct object *a, const struct object *b);
};

/* VERDICT and NAME are the last two. */
extern const struct column tool_columns[TOOL_COLUMNS];

/* The width of each column. 0: no room, not shown. */
struct layout {
	int64_t now; /* CLOCK_REALTIME, for ages */
	int width[TOOL_COLUMNS];
};

/** @param width	of the terminal; 0: show all */
void tool_layout(struct layout *ret, const struct objects *objects, int width);

/**
 * Format one cell, padded to the width of its column. The name is not padded.
 * The caller adds two blanks after each column except the last.
 *
 * @param object	NULL: format the title
 * @return	cell
 */
const char *tool_cell(const struct layout *layout, size_t column,
		      const struct object *object, char cell[TOOL_CELL_MAX]);

/** Sort by a key; NULL: by name. 0, or -EINVAL after a message. */
int tool_sort(struct objects *objects, const char *key, bool reverse);

/** Columns of the terminal on stdout; 0: stdout is not a terminal. */
int tool_width(void);
/** May stdout have colours? */
bool tool_may_colour(void);

/** Print all objects as a table. */
void tool_print(const struct objects *objects);

/* ---- JSON (json.c, or json-none.c without jansson) ----------------------- */

/*
 * The only output is an array of flat objects:
 *
 *	if (tool_json_begin() < 0)
 *		return EXIT_USAGE;
 *	tool_json_item();
 *	tool_json_text("name", name);
 *	return tool_json_end();
 */

/** 0, or -ENOTSUP after a message if built without jansson. */
int tool_json_check(void);
int tool_json_begin(void); /* the same, and begins the array */
void tool_json_item(void);
void tool_json_text(const char *key, const char *value); /* NULL: null */
void tool_json_number(const char *key, int64_t value);
void tool_json_truth(const char *key, bool value);
void tool_json_null(const char *key);
/** Print the array. Returns an exit status. */
int tool_json_end(void);
/** "jansson 2.14" or "no", for --version. */
const char *tool_json_version(void);

/** "ncurses 6.4" or "no", for --version (top_screen.c, top_none.c). */
const char *tool_top_version(void);

/** Print all objects as JSON. Returns an exit status. */
int tool_json_objects(const struct objects *objects);

#endif /* TOOL_H */
