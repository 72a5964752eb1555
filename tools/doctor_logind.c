/* SPDX-License-Identifier: MIT */
/*
 * doctor: check of RemoveIPC=. When a user's last session ends, systemd-logind
 * removes the user's System V objects and files in /dev/shm, the directory of
 * the broker included. Root, system users and users with lingering enabled are
 * exempt: logind.conf(5).
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tools/doctor.h"

#define SYSTEM_UID_MAX 999

/* Where configuration may be; an earlier file hides a later of that name. */
static const char *const places[] = { "/etc/systemd", "/run/systemd",
				      "/usr/local/lib/systemd",
				      "/usr/lib/systemd" };

#define PLACES	    (sizeof(places) / sizeof(places[0]))
#define DROPINS_MAX 256

struct setting {
	bool on;
	char from[PATH_MAX]; /* the file that sets it; "": the default */
};

/* Other values are ignored. */
static void set(struct setting *setting, const char *value, const char *path)
{
	static const char *const words[2][6] = {
		{ "0", "no", "n", "false", "f", "off" },
		{ "1", "yes", "y", "true", "t", "on" },
	};

	for (size_t i = 0; i < 12; i++)
		if (!strcasecmp(value, words[i / 6][i % 6])) {
			setting->on = i / 6;
			snprintf(setting->from, sizeof(setting->from), "%s",
				 path);
		}
}

/* Remove blanks at both ends. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	return text;
}

static void read_line(struct setting *setting, char *line, bool *inside,
		      const char *path)
{
	char *value;

	line = trim(line);
	if (*line == '[') {
		*inside = !strcmp(line, "[Login]");
		return;
	}
	value = strchr(line, '=');
	if (!*inside || !value)
		return;
	*value++ = '\0';
	if (!strcmp(trim(line), "RemoveIPC"))
		set(setting, trim(value), path);
}

/* Returns whether the file exists: an empty one hides others too. */
static bool read_configuration(struct setting *setting, const char *path)
{
	FILE *file = fopen(path, "re");
	bool inside = false;
	char line[1024];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		read_line(setting, line, &inside, path);
	fclose(file);
	return true;
}

static bool is_dropin(const char *name)
{
	size_t length = strlen(name);

	return *name != '.' && length > 5 &&
	       !strcmp(name + length - 5, ".conf");
}

struct dropins {
	char *names[DROPINS_MAX];
	size_t count;
};

static bool has(const struct dropins *dropins, const char *name)
{
	for (size_t i = 0; i < dropins->count; i++)
		if (!strcmp(dropins->names[i], name))
			return true;
	return false;
}

/* Collect each name once, whichever directory has it. */
static void find_dropins(struct dropins *ret, const char *place)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/logind.conf.d", place);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)) && ret->count < DROPINS_MAX)
		if (is_dropin(entry->d_name) && !has(ret, entry->d_name)) {
			ret->names[ret->count] = strdup(entry->d_name);
			ret->count += ret->names[ret->count] != NULL;
		}
	closedir(dir);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_first(struct setting *setting, const char *directory,
		       const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < PLACES; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", places[i], directory,
			 name);
		if (read_configuration(setting, path))
			return;
	}
}

/* Read the main file, then the others by name; the last setting wins. */
static struct setting read_setting(void)
{
	struct setting setting = { .on = true };
	struct dropins dropins = { .count = 0 };

	read_first(&setting, "", "logind.conf");
	for (size_t i = 0; i < PLACES; i++)
		find_dropins(&dropins, places[i]);
	qsort(dropins.names, dropins.count, sizeof(dropins.names[0]), by_name);
	for (size_t i = 0; i < dropins.count; i++) {
		read_first(&setting, "/logind.conf.d", dropins.names[i]);
		free(dropins.names[i]);
	}
	return setting;
}

static bool lingers(void)
{
	const char *name = tool_user_name(geteuid());
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/var/lib/systemd/linger/%s",
		 name ? name : "?");
	return access(path, F_OK) == 0;
}

void check_remove_ipc(struct doctor *d)
{
	struct setting setting;

	if (access("/run/systemd/seats", F_OK) < 0) {
		doctor_found(d, STATE_OK, "systemd-logind is not running");
		return;
	}
	setting = read_setting();
	if (!setting.on)
		doctor_found(d, STATE_OK, "no (%s)", setting.from);
	else if (geteuid() <= SYSTEM_UID_MAX)
		doctor_found(d, STATE_OK, "yes, but uid %u is a system user",
			     (unsigned)geteuid());
	else if (lingers())
		doctor_found(d, STATE_OK,
			     "yes, but lingering is enabled for you");
	else {
		doctor_found(d, STATE_WARN,
			     "yes (%s): your objects are removed when your "
			     "last session ends",
			     *setting.from ? setting.from : "the default");
		doctor_remedy(d, "set RemoveIPC=no under [Login] in "
				 "/etc/systemd/logind.conf.d/shmipc.conf and "
				 "restart systemd-logind, or run loginctl "
				 "enable-linger");
	}
}
