/* SPDX-License-Identifier: MIT */
/*
 * Choosing the backend that the user means.
 *
 * "a" is used or refused; "a,b" is the first of them that works; "^a,b" the
 * first of all others that works. Every name in a list must be known, even if
 * it is not reached: a misspelt word must not pass because another backend
 * works.
 *
 * A backend that can create nothing here, but can import objects (-ENOTCONN),
 * does not count as working in a list. If it is the only choice, it is used.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "error.h"
#include "select.h"

/* A list of names; items point into the user's string. */
struct item {
	const char *name;
	size_t length;
};

struct list {
	struct item items[SHMIPC_BACKENDS_MAX];
	unsigned count;
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The number of letters to insert, delete or replace to get from one word to
 * the other. (Levenshtein's distance, one row at a time.)
 */
static size_t distance(const char *a, size_t length, const char *b)
{
	size_t row[SHMIPC_BACKEND_NAME_MAX + 1];
	size_t columns = strlen(b);

	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; i <= length; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t above = row[j];
			size_t replaced = corner + (a[i - 1] != b[j - 1]);

			row[j] = least(replaced, least(above, row[j - 1]) + 1);
			corner = above;
		}
	}
	return row[columns];
}

/* The backend whose name is at most two letters away, or NULL. */
static const struct shmipc_backend *likely(const struct item *word)
{
	const struct shmipc_backend *b, *best = NULL;
	size_t least_distance = 3;

	if (word->length > SHMIPC_BACKEND_NAME_MAX)
		return NULL;
	for (unsigned i = 0; (b = shmi_backend_at(i)); i++) {
		size_t d = distance(word->name, word->length, b->name);

		if (d < least_distance && d < strlen(b->name)) {
			least_distance = d;
			best = b;
		}
	}
	return best;
}

static int unknown(const struct item *word)
{
	const struct shmipc_backend *b, *meant = likely(word);
	char known[SHMIPC_BACKENDS_MAX * (SHMIPC_BACKEND_NAME_MAX + 2)];
	size_t used = 0;

	for (unsigned i = 0; (b = shmi_backend_at(i)); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used,
					 "%s%s", i ? ", " : "", b->name);
	return shmipc_backend_error(
		-EINVAL, "unknown backend \"%.*s\"%s%s%s; known are %s",
		(int)least(word->length, SHMIPC_BACKEND_NAME_MAX), word->name,
		meant ? ", did you mean " : "", meant ? meant->name : "",
		meant ? "?" : "", known);
}

/* Split at commas; every word must name a known backend. */
static int parse(const char *text, struct list *ret)
{
	struct list list = { .count = 0 };

	for (const char *at = text;; at++) {
		struct item word = { at, strcspn(at, ",") };

		if (!shmi_backend_find(word.name, word.length))
			return unknown(&word);
		if (list.count == SHMIPC_BACKENDS_MAX)
			return shmipc_backend_error(
				-EINVAL, "more than %d backends in the list",
				SHMIPC_BACKENDS_MAX);
		list.items[list.count++] = word;
		at += word.length;
		if (!*at)
			break;
	}
	*ret = list;
	return 0;
}

/* All known backends except the listed ones, in order of preference. */
static void invert(struct list *list)
{
	struct list rest = { .count = 0 };
	const struct shmipc_backend *b;

	for (unsigned i = 0; (b = shmi_backend_at(i)); i++) {
		struct item word = { b->name, strlen(b->name) };
		bool named = false;

		for (unsigned k = 0; k < list->count; k++)
			named |= list->items[k].length == word.length &&
				 !memcmp(list->items[k].name, word.name,
					 word.length);
		if (!named)
			rest.items[rest.count++] = word;
	}
	*list = rest;
}

int shmi_select(const char *wanted, const struct shmipc_backend **ret)
{
	char reasons[512] = "";
	size_t used = 0;
	struct list list = { .count = 0 };
	bool all_but, alone;
	int r;

	if (!wanted)
		wanted = SHMI_BACKEND_DEFAULT;
	all_but = *wanted == '^';
	r = parse(wanted + all_but, &list);
	if (r < 0)
		return r;
	alone = !all_but && list.count == 1;
	if (all_but)
		invert(&list);

	for (unsigned i = 0; i < list.count; i++) {
		const struct shmipc_backend *b = shmi_backend_find(
			list.items[i].name, list.items[i].length);

		r = b->probe();
		if (r == 0 || (r == -ENOTCONN && alone)) {
			*ret = b;
			return 0;
		}
		used += (size_t)snprintf(reasons + used, sizeof(reasons) - used,
					 "%s%s: %s", i ? "; " : "", b->name,
					 shmipc_backend_cause());
		used = least(used, sizeof(reasons) - 1);
	}
	return shmipc_backend_error(-ENOSYS,
				    "no allowed backend works here: %s",
				    list.count ? reasons : "none is left");
}
