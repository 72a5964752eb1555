/* SPDX-License-Identifier: MIT */
/*
 * shmipc top: declarations that its files share. top_changes.c counts,
 * top_screen.c draws, and top.c waits for keys and for the next update.
 */
#ifndef TOOL_TOP_H
#define TOOL_TOP_H

#include "tools/tool.h"

#define TOP_BACKENDS	16
#define TOP_KINDS	8
#define TOP_MESSAGE_MAX 600

/* A number of objects and of their bytes. */
struct amount {
	uint64_t count, bytes;
};

/* One backend: its objects now, and the changes since the last look. */
struct tally {
	char backend[16];
	uint64_t counts[TOP_KINDS]; /* of shmipc_kind_at(i) */
	uint64_t bytes;
	struct amount created, removed;
};

struct tallies {
	struct tally list[TOP_BACKENDS];
	unsigned count;
	double seconds; /* since the last look; 0: this is the first */
};

/* The state of the display. */
struct top {
	const char *backends; /* --backend; NULL: all */
	int64_t delay;	      /* ns */

	struct objects objects; /* sorted by by_identity() */
	struct tallies tallies;
	int64_t looked; /* last look, CLOCK_MONOTONIC; 0: none yet */

	/* The objects that the list shows, and their order. */
	struct objects view;
	enum shmipc_kind kind; /* 0: all */
	unsigned backend;      /* index into tallies plus 1; 0: all */
	size_t sort;	       /* a column */
	bool reverse;

	size_t first; /* the first line of the list that is shown */
	bool help;    /* show help instead of the list */
	/* The error of the last look, or "". */
	char message[TOP_MESSAGE_MAX];
};

/* ---- top_changes.c ------------------------------------------------------- */

/** Update objects and tallies. Returns an exit status. */
int top_look(struct top *top);

/** Select and sort the objects to show. 0 or -ENOMEM. */
int top_choose(struct top *top);

void top_free(struct top *top);

/* ---- top_screen.c -------------------------------------------------------- */

/** Take the terminal. 0, or -1 after a message. */
int screen_begin(void);

/** Restore the terminal. */
void screen_end(void);

/** Draw as much as fits. */
void screen_draw(struct top *top);

/** The number of list lines that fit. */
size_t screen_page(const struct top *top);

enum key {
	KEY_OF_NONE, /* no key was pressed */
	KEY_OF_SIZE, /* not a key: the terminal was resized */
	KEY_OF_OTHER,
	KEY_OF_QUIT,
	KEY_OF_SORT,
	KEY_OF_REVERSE,
	KEY_OF_KIND,
	KEY_OF_BACKEND,
	KEY_OF_HELP,
	KEY_OF_UP,
	KEY_OF_DOWN,
	KEY_OF_PAGE_UP,
	KEY_OF_PAGE_DOWN,
	KEY_OF_HOME,
	KEY_OF_END,
};

/** The next key that was pressed; does not wait. */
enum key screen_key(void);

#endif /* TOOL_TOP_H */
