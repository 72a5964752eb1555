/* SPDX-License-Identifier: MIT */
/* Parse and format sizes, durations, modes, ages and owners. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/tool.h"

static const char letters[] = "KMGTPE";

/* Parse leading digits; *end is set after them. -ERANGE: larger than max. */
static int parse_digits(const char *text, uint64_t max, uint64_t *ret,
			const char **end)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (n > (max - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*ret = n;
	*end = text;
	return 0;
}

int tool_parse_number(const char *what, const char *text, uint64_t max,
		      uint64_t *ret)
{
	const char *end = "";
	uint64_t n = 0;
	int r = parse_digits(text, max, &n, &end);

	if (r < 0 || *end) {
		tool_complain("\"%s\" is not %s: use a whole number, 0 to %llu",
			      text, what, (unsigned long long)max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int bad_size(const char *text, const char *why)
{
	tool_complain("\"%s\" is not a size: %s", text, why);
	return -EINVAL;
}

/* The power of 1024 that a unit means, or -EINVAL after a message. */
static int parse_unit(const char *text, const char *unit)
{
	const char *letter;

	if (!*unit)
		return 0;
	if (*unit == '.' || *unit == ',')
		return bad_size(text, "use a whole number, and a smaller unit "
				      "if need be");
	letter = memchr(letters, toupper((unsigned char)*unit), 4);
	if (letter && !strcasecmp(unit + 1, "B"))
		return bad_size(text, "KB and the like are ambiguous; use K or "
				      "KiB for 1024 bytes");
	if (!letter || (unit[1] && strcmp(unit + 1, "iB") != 0))
		return bad_size(text, "units are K, M, G and T");
	return (int)(letter - letters) + 1;
}

int tool_parse_size(const char *text, uint64_t *ret)
{
	const char *unit;
	uint64_t n;
	int power, r;

	r = parse_digits(text, INT64_MAX, &n, &unit);
	if (r == -ERANGE)
		return bad_size(text, "too large");
	if (r < 0)
		return bad_size(text, "use a number of bytes, or of K, M, G "
				      "or T, such as 16M");
	power = parse_unit(text, unit);
	if (power < 0)
		return power;
	if (n > (uint64_t)INT64_MAX >> (10 * power))
		return bad_size(text, "too large");
	*ret = n << (10 * power);
	return 0;
}

static const struct {
	const char *name;
	int64_t ns;
} durations[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * INT64_C(1000000000) },
	{ "h", 3600 * INT64_C(1000000000) },
};

/* The ns in a unit; 0 if the unit is unknown. */
static int64_t duration_of(const char *name)
{
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		if (!strcmp(name, durations[i].name))
			return durations[i].ns;
	return 0;
}

static int bad_duration(const char *text, const char *why)
{
	tool_complain("\"%s\" is not a duration: %s", text, why);
	return -EINVAL;
}

/* The ns of the digits after the point, rounded down; less than unit. */
static int64_t parse_fraction(const char *digits, const char *end, int64_t unit)
{
	int64_t ns = 0;

	for (; digits < end; digits++) {
		unit /= 10;
		ns += unit * (*digits - '0');
	}
	return ns;
}

int tool_parse_duration(const char *text, int64_t *ret_ns)
{
	const char *point, *end;
	int64_t unit;
	uint64_t n;
	int r;

	r = parse_digits(text, INT64_MAX, &n, &end);
	if (r == -ERANGE)
		return bad_duration(text, "too long");
	if (r < 0)
		return bad_duration(text, "use a number with ns, us, ms, s, m "
					  "or h, such as 0.5s");
	point = end;
	if (*point == '.') {
		end = point + 1 + strspn(point + 1, "0123456789");
		if (end == point + 1)
			return bad_duration(text, "a digit must follow the "
						  "point");
	}
	if (!*end && n == 0 && point == end) {
		*ret_ns = 0;
		return 0;
	}
	unit = duration_of(end);
	if (!unit)
		return bad_duration(text, "the unit must be ns, us, ms, s, m "
					  "or h");
	if (n > (uint64_t)(INT64_MAX / unit - 1))
		return bad_duration(text, "too long");
	*ret_ns = (int64_t)n * unit;
	if (end > point)
		*ret_ns += parse_fraction(point + 1, end, unit);
	return 0;
}

int tool_parse_mode(const char *text, mode_t *ret)
{
	mode_t mode = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '7' && mode <= 0777; c++)
		mode = mode * 8 + (mode_t)(*c - '0');
	if (c == text || *c || mode > 0777) {
		tool_complain("\"%s\" is not a mode: use octal, 0 to 0777, "
			      "such as 0600",
			      text);
		return -EINVAL;
	}
	*ret = mode;
	return 0;
}

int tool_parse_kind(const char *text, enum shmipc_kind *ret)
{
	const struct shmipc_kind_info *kind;

	for (unsigned i = 0; (kind = shmipc_kind_at(i)); i++)
		if (!strcmp(text, kind->name)) {
			*ret = kind->kind;
			return 0;
		}
	tool_complain("\"%s\" is not a kind: use shm (regions) or sem "
		      "(semaphores)",
		      text);
	return -EINVAL;
}

const struct shmipc_kind_info *tool_kind_info(enum shmipc_kind kind)
{
	static const struct shmipc_kind_info unknown = { .name = "?",
							 .noun = "object" };
	const struct shmipc_kind_info *info = shmipc_kind_find(kind);

	return info ? info : &unknown;
}

const char *tool_kind(enum shmipc_kind kind)
{
	return tool_kind_info(kind)->name;
}

int64_t tool_now(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct timespec tool_deadline(int64_t ns)
{
	int64_t now = tool_now(CLOCK_MONOTONIC);
	int64_t then = ns > INT64_MAX - now ? INT64_MAX : now + ns;

	return (struct timespec){ .tv_sec = (time_t)(then / 1000000000),
				  .tv_nsec = (long)(then % 1000000000) };
}

void tool_format_size(char buf[16], uint64_t bytes)
{
	unsigned power = 0;
	uint64_t whole, tenth;

	while (bytes >> (10 * power) >= 1024)
		power++;
	if (power == 0) {
		snprintf(buf, 16, "%u", (unsigned)bytes);
		return;
	}
	whole = bytes >> (10 * power);
	tenth = (bytes >> (10 * (power - 1))) % 1024 * 10 / 1024;
	if (whole < 10 && tenth)
		snprintf(buf, 16, "%u.%u%c", (unsigned)whole, (unsigned)tenth,
			 letters[power - 1]);
	else
		snprintf(buf, 16, "%u%c", (unsigned)whole, letters[power - 1]);
}

void tool_format_age(char buf[16], int64_t ns)
{
	static const struct {
		int64_t s;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t s = ns < 0 ? 0 : ns / 1000000000;
	size_t i = 0;

	while (i < 3 && s < units[i].s)
		i++;
	snprintf(buf, 16, "%lld%c", (long long)(s / units[i].s),
		 units[i].letter);
}

/* A cache: objects have few owners, and getpwuid(3) is slow. */
struct owner {
	uid_t uid;
	bool known; /* the user has a name */
	char text[64];
};

static const struct owner *find_owner(uid_t uid)
{
	static struct owner owners[32];
	static size_t count, next;
	struct owner *o;
	struct passwd *entry;

	for (size_t i = 0; i < count; i++)
		if (owners[i].uid == uid)
			return &owners[i];
	o = &owners[next];
	next = (next + 1) % 32;
	if (count < 32)
		count++;
	entry = getpwuid(uid);
	*o = (struct owner){ .uid = uid, .known = entry != NULL };
	if (entry)
		snprintf(o->text, sizeof(o->text), "%s", entry->pw_name);
	else
		snprintf(o->text, sizeof(o->text), "%lu", (unsigned long)uid);
	return o;
}

const char *tool_user_name(uid_t uid)
{
	const struct owner *o = find_owner(uid);

	return o->known ? o->text : NULL;
}

const char *tool_owner(uid_t uid)
{
	return find_owner(uid)->text;
}
