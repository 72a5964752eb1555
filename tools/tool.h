/* SPDX-License-Identifier: MIT */
/*
 * shmipc, the command: what its parts share.
 *
 * It is a program like any other that uses the library, and knows no more of it
 * than <shmipc.h> says. A subcommand is a struct command in a file of its own
 * and a line in commands.c.
 *
 * stdout is for results, stderr for sentences. Who prints need not look whether
 * it worked: main() does, at the end, for all of them.
 */
#ifndef TOOL_H
#define TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shmipc.h>

/* Exit statuses. Scripts rely on them: they never change. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,     /* the sentence is on stderr */
	EXIT_USAGE = 2,	     /* called wrongly: options, names, sizes */
	EXIT_LATE = 3,	     /* not in time: sem wait, lock */
	EXIT_ABSENT = 4,     /* no such name */
	EXIT_OWNER_DIED = 5, /* lock: its last holder died in it */
};

struct command {
	const char *name;
	const char *synopsis; /* what follows the name; several: by newlines */
	const char *summary;  /* for the list of all: one line */
	const char *help;     /* for --help, after synopsis and summary */
	int (*run)(int argc, char **argv); /* argv[0]: "shmipc NAME" */
};

/* All of them, in the order in which --help shows them; ends with NULL. */
extern const struct command *const tool_commands[];

/* ---- saying things (main.c) ---------------------------------------------- */

/** "shmipc: " and a sentence, to stderr. */
void tool_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/** Say why the library's last call failed; what exit status is that? */
int tool_fail(int err);

/** How a command is called, to stderr. Returns EXIT_USAGE. */
int tool_usage(const struct command *command);

/**
 * For what getopt_long() returned and a command does not know by itself.
 * TOOL_HELP is --help. What to return from run().
 */
int tool_other(const struct command *command, int c);

#define TOOL_HELP 'h'
/* The end of every table of long options. */
#define TOOL_OPTIONS_END                                                       \
	{ "help", no_argument, NULL, TOOL_HELP },                              \
	{                                                                      \
		NULL, 0, NULL, 0                                               \
	}

/** "out of memory". Returns EXIT_FAILED. */
int tool_no_memory(void);

/* ---- numbers that people write and read (units.c) ------------------------ */

/*
 * 0, or -EINVAL after a complaint; *ret is then untouched.
 *
 * A size is a whole number of bytes, or of K M G T (or KiB and so on), powers
 * of 1024. A duration is a number with ns us ms s m h, such as 0.5s; a 0 needs
 * no unit. A mode is octal, 0 to 0777.
 */
int tool_parse_size(const char *text, uint64_t *ret);
int tool_parse_duration(const char *text, int64_t *ret_ns);
int tool_parse_mode(const char *text, mode_t *ret);
/* Decimal, 0 to max; what: "a value", for the complaint. */
int tool_parse_number(const char *what, const char *text, uint64_t max,
		      uint64_t *ret);
int tool_parse_kind(const char *text, enum shmipc_kind *ret);

/** Now, by a clock; ns. */
int64_t tool_now(clockid_t clock);
/** So much later than now, by CLOCK_MONOTONIC, for waits. */
struct timespec tool_deadline(int64_t ns);

/* "1000", "1.5K", "16M": rounded down, four digits and a unit at most. */
void tool_format_size(char buf[16], uint64_t bytes);
/* "3s", "12m", "5h", "9d". */
void tool_format_age(char buf[16], int64_t ns);
const char *tool_kind(enum shmipc_kind kind); /* "shm", "sem" */
/* A user's name, or his number; static. */
const char *tool_owner(uid_t uid);
/* The same, NULL if he has none; static. */
const char *tool_user_name(uid_t uid);

/* ---- objects (gc.c) ------------------------------------------------- */

enum verdict {
	VERDICT_USED,	 /* somebody has it open */
	VERDICT_IDLE,	 /* complete; stays until it is removed */
	VERDICT_GARBAGE, /* what gc --force removes */
	VERDICT_LOST,	 /* has lost its name */
};

/*
 * info.stale: only the garbage collector knows it, or it is lost; a 0 in info
 * means then that it is not known.
 */
struct object {
	struct shmipc_info info;
	enum verdict verdict;
};

struct objects {
	struct object *all;
	size_t count, room;
};

struct filter {
	const char *backends;  /* "posix,sysv", "^memfd"; NULL: all that work */
	enum shmipc_kind kind; /* 0: both */
};

/**
 * What is there, on all backends of the filter, sorted by name.
 *
 * A backend that cannot be looked at is complained about, the others are there
 * all the same.
 *
 * @param ret	always filled, to be given back with tool_free()
 * @return	an exit status: EXIT_DONE, EXIT_FAILED if something cannot be
 *	looked at, EXIT_USAGE if a backend is not known (after a complaint)
 */
int tool_collect(const struct filter *filter, struct objects *ret);
void tool_free(struct objects *objects);

/** Append; 0 or -ENOMEM. */
int tool_add(struct objects *objects, const struct shmipc_info *info,
	     enum verdict verdict);

/**
 * Call with the name of each backend of the list that works; NULL: of all.
 * Those that are named and do not work are complained about.
 *
 * @return	an exit status, as tool_collect(): the worst, act()'s included
 */
int tool_each_backend(const char *list,
		      int (*act)(const char *backend, void *arg), void *arg);

const char *tool_verdict(const struct object *object);

/* ---- one object, by its name (find.c) ------------------------------------ */

/* What the user said. */
struct sought {
	const char *name;
	const char *backend;   /* as shmipc_open() takes it; NULL: not said */
	enum shmipc_kind kind; /* 0: both */
};

/* What has the name. */
struct place {
	const char *backend;
	enum shmipc_kind kind;
	int err; /* < 0: it is there, and why it cannot be looked at */
	struct shmipc_info info;
};

struct places {
	struct place all[2 * 16]; /* kinds, and the most that can be known */
	size_t count;
};

/**
 * Look where the user said: on the backend that he named or SHMIPC_BACKEND
 * names, else on all that work.
 *
 * @param ret	always filled
 * @return	EXIT_DONE, or EXIT_ABSENT if nobody has it; without a complaint.
 *	EXIT_USAGE and EXIT_FAILED (some could not be looked at; *ret has what
 *	the others have) after one
 */
int tool_find(const struct sought *sought, struct places *ret);

/**
 * The one that has the name.
 *
 * @return	EXIT_DONE; EXIT_ABSENT without a complaint; else after one,
 *	EXIT_FAILED also if there are several
 */
int tool_find_one(const struct sought *sought, struct place *ret);

/** Say that nobody has it, and what may help. Returns EXIT_ABSENT. */
int tool_absent(const struct sought *sought);

/** Say which there are; remedy: what to do about it. Returns EXIT_FAILED. */
int tool_several(const struct sought *sought, const struct places *places,
		 const char *remedy);

/** How sentences call it: "region", "semaphore". */
const char *tool_noun(enum shmipc_kind kind);

/* ---- columns (columns.c) ------------------------------------------------- */

#define TOOL_CELL_MAX (SHMIPC_NAME_MAX + 1)
#define TOOL_COLUMNS  11

struct column {
	const char *title; /* in lower case: the key of --sort */
	int drop;	   /* which goes first if there is no room; 0: none */
	bool right;	   /* numbers */
	void (*format)(char cell[TOOL_CELL_MAX], const struct object *object,
		       int64_t now);
	int (*compare)(const struct object *a, const struct object *b);
};

/* VERDICT and NAME are the last two. */
extern const struct column tool_columns[TOOL_COLUMNS];

/* Which columns there is room for, and how wide they are. 0: not shown. */
struct layout {
	int64_t now; /* of CLOCK_REALTIME: for ages */
	int width[TOOL_COLUMNS];
};

/** @param width	of the terminal; 0: show all */
void tool_layout(struct layout *ret, const struct objects *objects, int width);

/**
 * One cell, padded to its column's width but for the name. A shown column that
 * is not the last is followed by two blanks, which the caller adds.
 *
 * @param object	NULL: the title
 * @return	cell
 */
const char *tool_cell(const struct layout *layout, size_t column,
		      const struct object *object, char cell[TOOL_CELL_MAX]);

/** 0, or -EINVAL after a complaint about the key. NULL: by name. */
int tool_sort(struct objects *objects, const char *key, bool reverse);

/** Columns of the terminal that stdout is; 0: it is none. */
int tool_width(void);
/** May stdout have colours? */
bool tool_may_colour(void);

/** All as a table, to stdout. */
void tool_print(const struct objects *objects);

/* ---- JSON (json.c, or json-none.c without jansson) ----------------------- */

/*
 * An array of flat objects, which is all that is ever printed:
 *
 *	if (tool_json_begin() < 0)
 *		return EXIT_USAGE;
 *	tool_json_item();
 *	tool_json_text("name", name);
 *	return tool_json_end();
 */

/** 0, or -ENOTSUP after a complaint: built without jansson. */
int tool_json_check(void);
int tool_json_begin(void); /* the same, and begins */
void tool_json_item(void);
void tool_json_text(const char *key, const char *value); /* NULL: null */
void tool_json_number(const char *key, int64_t value);
void tool_json_truth(const char *key, bool value);
void tool_json_null(const char *key);
/** Print it. Returns an exit status. */
int tool_json_end(void);
/** "jansson 2.14" or "no", for --version. */
const char *tool_json_version(void);

/** "ncurses 6.4" or "no", for --version (top_screen.c, top_none.c). */
const char *tool_top_version(void);

/** All objects as JSON; an exit status. */
int tool_json_objects(const struct objects *objects);

#endif /* TOOL_H */
