/* SPDX-License-Identifier: MIT */
/* top: draw on the terminal with ncurses. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curses.h>

#include "tools/commands.h"
#include "tools/top.h"

static SCREEN *screen;
static bool coloured;

static void begin_colours(void)
{
	coloured = tool_may_colour() && has_colors();
	if (!coloured)
		return;
	start_color();
	(void)use_default_colors();
	/* Pairs are numbered from 1. Idle is normal and has no colour. */
	init_pair(1 + VERDICT_USED, COLOR_GREEN, -1);
	init_pair(1 + VERDICT_IDLE, -1, -1);
	init_pair(1 + VERDICT_GARBAGE, COLOR_YELLOW, -1);
	init_pair(1 + VERDICT_LOST, COLOR_RED, -1);
}

int screen_begin(void)
{
	const char *term = getenv("TERM");

	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		tool_complain("the terminal cannot be used: TERM is \"%s\"",
			      term ? term : "");
		return -1;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	(void)curs_set(0);
	begin_colours();
	return 0;
}

void screen_end(void)
{
	(void)curs_set(1);
	endwin();
	delscreen(screen);
	screen = NULL;
}

/* ---- keys ---------------------------------------------------------------- */

enum key screen_key(void)
{
	static const struct {
		int code;
		enum key key;
	} keys[] = {
		{ ERR, KEY_OF_NONE },	       { 'q', KEY_OF_QUIT },
		{ 's', KEY_OF_SORT },	       { 'r', KEY_OF_REVERSE },
		{ 'k', KEY_OF_KIND },	       { 'b', KEY_OF_BACKEND },
		{ 'h', KEY_OF_HELP },	       { '?', KEY_OF_HELP },
		{ KEY_UP, KEY_OF_UP },	       { KEY_DOWN, KEY_OF_DOWN },
		{ KEY_PPAGE, KEY_OF_PAGE_UP }, { KEY_NPAGE, KEY_OF_PAGE_DOWN },
		{ KEY_HOME, KEY_OF_HOME },     { KEY_END, KEY_OF_END },
	};
	int code = getch();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].code == code)
			return keys[i].key;
	return KEY_OF_OTHER;
}

/* ---- lines --------------------------------------------------------------- */

/* Cut off what does not fit. The last cell of the screen stays free. */
static void put(int y, const char *text)
{
	if (y < LINES)
		mvaddnstr(y, 0, text, y == LINES - 1 ? COLS - 1 : COLS);
}

/* Write a whole line in reverse video. */
static void put_title(int y, const char *text)
{
	attron(A_REVERSE);
	if (y < LINES)
		mvhline(y, 0, ' ', COLS);
	put(y, text);
	attroff(A_REVERSE);
}

static void draw_state(const struct top *top)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "shmipc top  h: help  every %gs  sort: %s%s  kind: %s  "
		 "backend: %s",
		 (double)top->delay / 1e9, tool_columns[top->sort].title,
		 top->reverse ? " (reverse)" : "",
		 top->kind ? tool_kind(top->kind) : "all",
		 top->backend ? top->tallies.list[top->backend - 1].backend
			      : "all");
	put(0, line);
}

/* Objects and bytes per second: "2.0" and "8M"; "-" for 0. */
static void format_rate(char rate[2][16], const struct amount *amount,
			double seconds)
{
	strcpy(rate[0], "-");
	strcpy(rate[1], "-");
	if (!amount->count || !(seconds > 0))
		return;
	snprintf(rate[0], 16, "%.1f", (double)amount->count / seconds);
	if (amount->bytes)
		tool_format_size(rate[1],
				 (uint64_t)((double)amount->bytes / seconds));
}

#define TALLY_LINE "%-8s%s%7s%9s%7s%9s%7s"
#define KIND_WIDTH 8

/* The columns of the kinds: their names, or the counts of a tally. */
static void format_kinds(char cells[TOP_KINDS * KIND_WIDTH + 1],
			 const struct tally *tally)
{
	const struct shmipc_kind_info *kind;

	cells[0] = '\0';
	for (unsigned i = 0; i < TOP_KINDS && (kind = shmipc_kind_at(i)); i++) {
		char *cell = cells + strlen(cells);

		if (tally)
			snprintf(cell, KIND_WIDTH + 1, "%*llu", KIND_WIDTH,
				 (unsigned long long)tally->counts[i]);
		else
			snprintf(cell, KIND_WIDTH + 1, "%*s", KIND_WIDTH,
				 kind->name);
	}
}

static void draw_tally(int y, const struct tally *tally, double seconds)
{
	char kinds[TOP_KINDS * KIND_WIDTH + 1], size[16];
	char created[2][16], removed[2][16], line[200];

	format_kinds(kinds, tally);
	tool_format_size(size, tally->bytes);
	format_rate(created, &tally->created, seconds);
	format_rate(removed, &tally->removed, seconds);
	snprintf(line, sizeof(line), TALLY_LINE, tally->backend, kinds, size,
		 created[0], created[1], removed[0], removed[1]);
	put(y, line);
}

#define MESSAGE_LINES 3 /* the most; the rest is cut off */

static int lines_of_message(const struct top *top)
{
	int lines = ((int)strlen(top->message) + COLS - 1) / COLS;

	return lines < 1 ? 1 : lines > MESSAGE_LINES ? MESSAGE_LINES : lines;
}

/* The titles of the list included. */
static int lines_of_head(const struct top *top)
{
	return 3 + (int)top->tallies.count + lines_of_message(top);
}

static int draw_message(const struct top *top, int y)
{
	size_t length = strlen(top->message), at = 0;
	int lines = lines_of_message(top);

	attron(A_BOLD);
	for (int i = 0; i < lines && at <= length; i++, at += (size_t)COLS)
		put(y + i, top->message + at);
	attroff(A_BOLD);
	return lines;
}

/* Returns the number of lines. */
static int draw_head(const struct top *top)
{
	char kinds[TOP_KINDS * KIND_WIDTH + 1], line[200];
	int y = 0;

	draw_state(top);
	y++;
	format_kinds(kinds, NULL);
	snprintf(line, sizeof(line), TALLY_LINE, "", kinds, "SIZE", "NEW/s",
		 "SIZE", "GONE/s", "SIZE");
	put(y++, line);
	for (unsigned i = 0; i < top->tallies.count; i++)
		draw_tally(y++, &top->tallies.list[i], top->tallies.seconds);
	return y + draw_message(top, y);
}

/* ---- the list ------------------------------------------------------------ */

size_t screen_page(const struct top *top)
{
	int lines = LINES - lines_of_head(top);

	return lines > 0 ? (size_t)lines : 1;
}

static attr_t attribute_of(const struct object *object, size_t column)
{
	if (!coloured || column != TOOL_COLUMNS - 2)
		return A_NORMAL;
	return (attr_t)COLOR_PAIR(1 + (int)object->verdict);
}

static void draw_object(int y, const struct layout *layout,
			const struct object *object)
{
	char cell[TOOL_CELL_MAX];

	move(y, 0);
	for (size_t c = 0; c < TOOL_COLUMNS; c++) {
		int room = COLS - getcurx(stdscr) - (y == LINES - 1);
		attr_t attribute = attribute_of(object, c);

		if (!layout->width[c])
			continue;
		attron(attribute);
		addnstr(tool_cell(layout, c, object, cell), room);
		attroff(attribute);
		if (c != TOOL_COLUMNS - 1 && room > 2 + layout->width[c])
			addstr("  ");
	}
}

static void draw_titles(int y, const struct layout *layout)
{
	char line[TOOL_COLUMNS * TOOL_CELL_MAX] = "", cell[TOOL_CELL_MAX];
	size_t used = 0;

	for (size_t c = 0; c < TOOL_COLUMNS; c++)
		if (layout->width[c])
			used += (size_t)snprintf(
				line + used, sizeof(line) - used, "%s%s",
				tool_cell(layout, c, NULL, cell),
				c == TOOL_COLUMNS - 1 ? "" : "  ");
	put_title(y, line);
}

static void draw_list(struct top *top, int y)
{
	size_t page = screen_page(top);
	struct layout layout;

	if (top->first + page > top->view.count)
		top->first =
			top->view.count > page ? top->view.count - page : 0;
	tool_layout(&layout, &top->view, COLS);
	draw_titles(y++, &layout);
	for (size_t i = top->first; i < top->view.count && y < LINES; i++)
		draw_object(y++, &layout, &top->view.all[i]);
}

static void draw_help(int y)
{
	const char *line = cmd_top.help;

	while (*line) {
		char text[200];
		int length = (int)strcspn(line, "\n");

		snprintf(text, sizeof(text), "%.*s", length, line);
		put(y++, text);
		line += length;
		line += *line == '\n';
	}
}

void screen_draw(struct top *top)
{
	int y;

	erase();
	y = draw_head(top);
	if (top->help)
		draw_help(y);
	else
		draw_list(top, y);
	refresh();
}

const char *tool_top_version(void)
{
	return "ncurses " NCURSES_VERSION;
}
