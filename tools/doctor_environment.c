/* SPDX-License-Identifier: MIT */
/*
 * doctor: checks of the environment. A value is bad if a program would refuse
 * it when it opens a connection or needs a broker.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/doctor.h"

/* An empty variable counts as unset. */
static const char *value_of(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

void check_debug(struct doctor *d)
{
	const char *value = value_of("SHMIPC_DEBUG");

	if (!value)
		return;
	if (!strcmp(value, "0") || !strcmp(value, "1")) {
		doctor_found(d, STATE_OK, "%s", value);
		return;
	}
	doctor_found(d, STATE_BAD,
		     "\"%s\" is neither 0 nor 1: no program can open a "
		     "connection",
		     value);
	doctor_remedy(d, "unset SHMIPC_DEBUG");
	/* With it, the following checks would fail too. */
	unsetenv("SHMIPC_DEBUG");
}

static const char *without(const char *sentence, const char *start)
{
	size_t length = strlen(start);

	return strncmp(sentence, start, length) ? sentence : sentence + length;
}

/* The backend of programs that do not name one. */
void check_backend_variable(struct doctor *d)
{
	const char *value = value_of("SHMIPC_BACKEND");
	struct shmipc *ipc;
	int r = shmipc_open(&ipc, NULL);

	if (r < 0) {
		d->chosen = value ? value : "posix";
		doctor_found(d, STATE_BAD, "%s",
			     without(shmipc_errmsg(), "SHMIPC_BACKEND: "));
		doctor_remedy(d, "set SHMIPC_BACKEND to a backend that works "
				 "(shmipc backends)");
		return;
	}
	d->chosen = shmipc_backend_name(ipc);
	if (value)
		doctor_found(d, STATE_OK, "%s: %s is used", value, d->chosen);
	else
		doctor_found(d, STATE_OK, "not set: %s is used", d->chosen);
	shmipc_close(ipc);
}

void check_runtime_dir(struct doctor *d)
{
	const char *value = value_of("SHMIPC_RUNTIME_DIR");

	if (!value)
		return;
	/* The limit of struct rundir. */
	if (value[0] == '/' && strlen(value) < 1024) {
		doctor_found(d, STATE_OK, "%s", value);
		return;
	}
	doctor_found(d, STATE_BAD, "\"%.200s\" is %s", value,
		     value[0] == '/' ? "too long" : "not an absolute path");
	doctor_remedy(d, "set it to an absolute path, the same for all "
			 "programs that share memfd objects, or unset it");
}

void check_broker_variable(struct doctor *d)
{
	const char *value = value_of("SHMIPC_BROKER");
	struct stat st;

	if (!value)
		return;
	if (stat(value, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(value, X_OK) == 0) {
		doctor_found(d, STATE_OK, "%s", value);
		return;
	}
	doctor_found(d, STATE_BAD, "%s is not a program that can be run",
		     value);
	doctor_remedy(d, "unset SHMIPC_BROKER, which is meant for build trees");
}

void check_idle_ms(struct doctor *d)
{
	const char *value = value_of("SHMIPC_BROKER_IDLE_MS");
	char *end;
	long ms;

	if (!value)
		return;
	ms = strtol(value, &end, 10);
	if (!*end && ms >= 1 && ms <= 86400000) {
		doctor_found(d, STATE_OK, "%ld", ms);
		return;
	}
	doctor_found(d, STATE_BAD,
		     "\"%s\" is not a number of ms from 1 to 86400000: no "
		     "broker can start",
		     value);
	doctor_remedy(d, "unset SHMIPC_BROKER_IDLE_MS");
}

static bool is_known(const char *entry)
{
	static const char *const names[] = {
		"SHMIPC_BACKEND", "SHMIPC_RUNTIME_DIR",	   "SHMIPC_BROKER",
		"SHMIPC_DEBUG",	  "SHMIPC_BROKER_IDLE_MS",
	};
	size_t length = strcspn(entry, "=");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length &&
		    !strncmp(names[i], entry, length))
			return true;
	return false;
}

void check_unknown_variables(struct doctor *d)
{
	for (char **entry = environ; *entry; entry++) {
		if (strncmp(*entry, "SHMIPC_", strlen("SHMIPC_")) != 0 ||
		    is_known(*entry))
			continue;
		doctor_found(d, STATE_WARN, "libshmipc does not use %.*s",
			     (int)strcspn(*entry, "="), *entry);
		doctor_remedy(d, "check the spelling: SHMIPC_BACKEND, "
				 "SHMIPC_RUNTIME_DIR, SHMIPC_BROKER, "
				 "SHMIPC_DEBUG, SHMIPC_BROKER_IDLE_MS");
	}
}
