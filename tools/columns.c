/* SPDX-License-Identifier: MIT */
/*
 * The columns of a list of objects: their contents, their sort order, and which
 * are dropped first on a narrow terminal.
 */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/tool.h"

#define GAP	 2  /* blanks between columns */
#define NAME_MIN 12 /* room for the name, before columns are dropped */

/* ---- contents ------------------------------------------------------------ */

/* In garbage and lost objects, a 0 is unknown: see struct object. */
static bool is_known(const struct object *o, bool value)
{
	return value || !o->partial;
}

static void nothing(char *cell)
{
	strcpy(cell, "-");
}

static void format_backend(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	snprintf(cell, TOOL_CELL_MAX, "%s", o->info.backend);
}

static void format_kind(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	strcpy(cell, tool_kind(o->info.kind));
}

static void format_size(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	if (o->info.size)
		tool_format_size(cell, o->info.size);
	else
		nothing(cell);
}

static void format_value(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	if (*o->info.state)
		snprintf(cell, TOOL_CELL_MAX, "%s", o->info.state);
	else
		nothing(cell);
}

static void format_mode(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	if (is_known(o, o->info.mode))
		snprintf(cell, TOOL_CELL_MAX, "%04o", (unsigned)o->info.mode);
	else
		nothing(cell);
}

static void format_owner(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	snprintf(cell, TOOL_CELL_MAX, "%s", tool_owner(o->info.uid));
}

static void format_use(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	strcpy(cell, o->info.in_use ? "yes" : "-");
}

static void format_attached(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	if (is_known(o, o->info.attached))
		snprintf(cell, TOOL_CELL_MAX, "%u", o->info.attached);
	else
		nothing(cell);
}

static void format_age(char *cell, const struct object *o, int64_t now)
{
	if (is_known(o, o->info.created))
		tool_format_age(cell, now - o->info.created);
	else
		nothing(cell);
}

static void format_verdict(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	strcpy(cell, tool_verdict(o));
}

static void format_name(char *cell, const struct object *o, int64_t now)
{
	(void)now;
	strcpy(cell, o->info.name);
}

/* ---- sort order ---------------------------------------------------------- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int by_backend(const struct object *a, const struct object *b)
{
	return strcmp(a->info.backend, b->info.backend);
}

static int by_kind(const struct object *a, const struct object *b)
{
	return COMPARE(a->info.kind, b->info.kind);
}

static int by_size(const struct object *a, const struct object *b)
{
	return COMPARE(a->info.size, b->info.size);
}

static int by_value(const struct object *a, const struct object *b)
{
	return COMPARE(a->info.value, b->info.value);
}

static int by_mode(const struct object *a, const struct object *b)
{
	return COMPARE(a->info.mode, b->info.mode);
}

static int by_owner(const struct object *a, const struct object *b)
{
	return strcmp(tool_owner(a->info.uid), tool_owner(b->info.uid));
}

static int by_use(const struct object *a, const struct object *b)
{
	return COMPARE(a->info.in_use, b->info.in_use);
}

static int by_attached(const struct object *a, const struct object *b)
{
	return COMPARE(a->info.attached, b->info.attached);
}

/* The newest first. */
static int by_age(const struct object *a, const struct object *b)
{
	return COMPARE(b->info.created, a->info.created);
}

static int by_verdict(const struct object *a, const struct object *b)
{
	return strcmp(tool_verdict(a), tool_verdict(b));
}

static int by_name(const struct object *a, const struct object *b)
{
	return strcmp(a->info.name, b->info.name);
}

/* ---- the table ----------------------------------------------------------- */

enum { VERDICT = TOOL_COLUMNS - 2, NAME };

const struct column tool_columns[TOOL_COLUMNS] = {
	{ "backend", 9, false, format_backend, by_backend },
	{ "kind", 5, false, format_kind, by_kind },
	{ "size", 8, true, format_size, by_size },
	{ "value", 7, true, format_value, by_value },
	{ "mode", 2, false, format_mode, by_mode },
	{ "owner", 3, false, format_owner, by_owner },
	{ "use", 6, false, format_use, by_use },
	{ "attached", 1, true, format_attached, by_attached },
	{ "age", 4, true, format_age, by_age },
	{ "verdict", 0, false, format_verdict, by_verdict },
	{ "name", 0, false, format_name, by_name },
};

static int (*sort_by)(const struct object *a, const struct object *b);

/* Ties are sorted by name, so that the order is always the same. */
static int compare(const void *left, const void *right)
{
	const struct object *a = left, *b = right;
	int r = sort_by(a, b);

	if (r == 0)
		r = by_name(a, b);
	if (r == 0)
		r = by_backend(a, b);
	return r ? r : by_kind(a, b);
}

static int compare_reverse(const void *left, const void *right)
{
	return compare(right, left);
}

static const struct column *find_column(const char *title)
{
	for (size_t i = 0; i < TOOL_COLUMNS; i++)
		if (!strcmp(title, tool_columns[i].title))
			return &tool_columns[i];
	return NULL;
}

static void complain_about_key(const char *key)
{
	char known[120];
	size_t used = 0;

	for (size_t i = 0; i < TOOL_COLUMNS; i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used,
					 "%s%s", i ? ", " : "",
					 tool_columns[i].title);
	tool_complain("cannot sort by \"%s\"; the columns are %s", key, known);
}

int tool_sort(struct objects *objects, const char *key, bool reverse)
{
	const struct column *column = find_column(key ? key : "name");

	if (!column) {
		complain_about_key(key);
		return -EINVAL;
	}
	sort_by = column->compare;
	if (objects->count)
		qsort(objects->all, objects->count, sizeof(*objects->all),
		      reverse ? compare_reverse : compare);
	return 0;
}

/* ---- layout -------------------------------------------------------------- */

static void widen(int *width, const char *text)
{
	int length = (int)strlen(text);

	if (*width < length)
		*width = length;
}

static void measure(struct layout *layout, const struct objects *objects)
{
	char cell[TOOL_CELL_MAX];

	for (size_t c = 0; c < TOOL_COLUMNS; c++) {
		widen(&layout->width[c], tool_columns[c].title);
		for (size_t i = 0; i < objects->count; i++) {
			tool_columns[c].format(cell, &objects->all[i],
					       layout->now);
			widen(&layout->width[c], cell);
		}
	}
}

/* The width of all columns before the name. */
static int width_before_name(const struct layout *layout)
{
	int sum = 0;

	for (size_t c = 0; c < NAME; c++)
		if (layout->width[c])
			sum += layout->width[c] + GAP;
	return sum;
}

/* The width of the column to drop next, or NULL. */
static int *next_to_drop(struct layout *layout)
{
	int *width = NULL, first = TOOL_COLUMNS;

	for (size_t c = 0; c < TOOL_COLUMNS; c++)
		if (tool_columns[c].drop && layout->width[c] &&
		    tool_columns[c].drop < first) {
			first = tool_columns[c].drop;
			width = &layout->width[c];
		}
	return width;
}

/*
 * Names get the room that they need, up to half of the terminal. A longer name
 * wraps into a second line, so that columns need not be dropped for it.
 */
static void drop(struct layout *layout, int width)
{
	int name = layout->width[NAME], *next;

	if (name > width / 2)
		name = width / 2;
	if (name < NAME_MIN)
		name = NAME_MIN;
	while (width_before_name(layout) + name > width &&
	       (next = next_to_drop(layout)))
		*next = 0;
}

void tool_layout(struct layout *ret, const struct objects *objects, int width)
{
	*ret = (struct layout){ .now = tool_now(CLOCK_REALTIME) };
	measure(ret, objects);
	if (width)
		drop(ret, width);
}

const char *tool_cell(const struct layout *layout, size_t column,
		      const struct object *object, char cell[TOOL_CELL_MAX])
{
	char text[TOOL_CELL_MAX];
	int width = layout->width[column];

	if (object) {
		tool_columns[column].format(text, object, layout->now);
		tool_mask(text);
	} else {
		strcpy(text, tool_columns[column].title);
		for (char *c = text; *c; c++)
			*c = (char)toupper((unsigned char)*c);
	}
	if (column == NAME)
		width = 0;
	snprintf(cell, TOOL_CELL_MAX, "%*s",
		 tool_columns[column].right ? width : -width, text);
	return cell;
}

/* ---- printing ------------------------------------------------------------ */

int tool_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return 80;
	return size.ws_col;
}

bool tool_may_colour(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb") != 0 && !(no && *no);
}

/* The colour of each verdict; a normal one has none. */
static const char *const colours[] = {
	[VERDICT_USED] = "\033[32m", /* green */
	[VERDICT_IDLE] = "",
	[VERDICT_GARBAGE] = "\033[33m", /* yellow */
	[VERDICT_LOST] = "\033[31m",	/* red */
};

static void print_line(const struct layout *layout, const struct object *object,
		       bool colour)
{
	char cell[TOOL_CELL_MAX];

	for (size_t c = 0; c < TOOL_COLUMNS; c++) {
		const char *start = "";

		if (!layout->width[c])
			continue;
		if (colour && object && c == VERDICT)
			start = colours[object->verdict];
		printf("%s%s%s%s", start, tool_cell(layout, c, object, cell),
		       *start ? "\033[m" : "", c == NAME ? "\n" : "  ");
	}
}

void tool_print(const struct objects *objects)
{
	bool colour = tool_may_colour();
	struct layout layout;

	tool_layout(&layout, objects, tool_width());
	print_line(&layout, NULL, false);
	for (size_t i = 0; i < objects->count; i++)
		print_line(&layout, &objects->all[i], colour);
}
