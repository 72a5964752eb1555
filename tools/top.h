/* SPDX-License-Identifier: MIT */
/*
 * shmipc top: what its parts share. top_changes.c counts, top_screen.c draws,
 * and top.c waits for keys and for time to pass.
 */
#ifndef TOOL_TOP_H
#define TOOL_TOP_H

#include "tools/tool.h"

#define TOP_BACKENDS	16
#define TOP_MESSAGE_MAX 600

/* Objects and their bytes. */
struct amount {
	uint64_t count, bytes;
};

/* One backend, now, and since the look before. */
struct tally {
	char backend[16];
	uint64_t regions, semaphores, bytes;
	struct amount created, removed;
};

struct tallies {
	struct tally list[TOP_BACKENDS];
	unsigned count;
	double seconds; /* since the look before; 0: there was none */
};

/* Everything that is shown. */
struct top {
	const char *backends; /* --backend: what is looked at */
	int64_t delay;	      /* ns */

	struct objects objects; /* by identity */
	struct tallies tallies;
	int64_t looked; /* when, of CLOCK_MONOTONIC; 0: not yet */

	/* What of it is in the list, and in which order. */
	struct objects view;
	enum shmipc_kind kind; /* 0: both */
	unsigned backend;      /* one of tallies, from 1; 0: all of them */
	size_t sort;	       /* a column */
	bool reverse;

	size_t first; /* line of the list that is shown first */
	bool help;    /* is shown instead of the list */
	/* What went wrong in the last look. */
	char message[TOP_MESSAGE_MAX];
};

/* ---- top_changes.c ------------------------------------------------------- */

/** Look again: objects and tallies. Returns an exit status. */
int top_look(struct top *top);

/** Make the view of what was found. 0 or -ENOMEM. */
int top_choose(struct top *top);

void top_free(struct top *top);

/* ---- top_screen.c -------------------------------------------------------- */

/** Take the terminal; 0, or -1 after a complaint. */
int screen_begin(void);

/** Give it back as it was. */
void screen_end(void);

/** As much as there is room for. */
void screen_draw(struct top *top);

/** Lines of the list that there is room for. */
size_t screen_page(const struct top *top);

enum key {
	KEY_OF_NONE, /* there is no more */
	KEY_OF_SIZE, /* the terminal has another size: no key at all */
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

/** The next key that was pressed. Does not wait. */
enum key screen_key(void);

#endif /* TOOL_TOP_H */
