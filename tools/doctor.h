/* SPDX-License-Identifier: MIT */
/*
 * shmipc doctor: declarations that its checks share. Each check is a function
 * that examines one thing and reports one or more findings; doctor.c has the
 * table of all checks. Checks change nothing: they take no lock and start no
 * broker, and they connect to a broker only if one runs already.
 */
#ifndef TOOL_DOCTOR_H
#define TOOL_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/tool.h"

enum state {
	STATE_OK,
	STATE_WARN, /* may cause trouble, or does so for others */
	STATE_BAD,  /* causes trouble, or is about to */
};

#define STATES 3

#define SENTENCE_MAX 1024

struct finding {
	const char *check;
	enum state state;
	char found[SENTENCE_MAX];
	char remedy[SENTENCE_MAX]; /* "": not needed */
};

/* Supervisor and server of the user's memfd broker; 0: not running. */
struct broker {
	pid_t supervisor, server;
};

struct doctor {
	bool json, colour;
	unsigned counts[STATES];
	const char *check;   /* the name of the current check */
	struct finding last; /* not yet shown; check NULL: none */

	/* Set by the first checks for those that follow. */
	const char *chosen; /* the default backend of programs, or "" */
	bool has_memfd;	    /* the library has this backend */
	struct broker broker;
};

/** Report a finding of the current check. */
__attribute__((format(printf, 3, 4))) void
doctor_found(struct doctor *d, enum state state, const char *format, ...);

/** Add a remedy to the last finding. */
__attribute__((format(printf, 2, 3))) void
doctor_remedy(struct doctor *d, const char *format, ...);

/** The state of trouble with a backend: bad if it is the default backend. */
enum state doctor_trouble_with(const struct doctor *d, const char *backend);

/** Bad if more than 90 % of a limit are used, warn if more than 75 %. */
enum state doctor_share(uint64_t used, uint64_t limit);

/** Read the start of a file, without a final newline. 0 or -errno. */
int doctor_read(const char *path, char *ret, size_t size);
int doctor_read_number(const char *path, uint64_t *ret);

/* ---- the checks ---------------------------------------------------------- */

/* doctor_environment.c */
void check_backend_variable(struct doctor *d);
void check_debug(struct doctor *d);
void check_runtime_dir(struct doctor *d);
void check_broker_variable(struct doctor *d);
void check_idle_ms(struct doctor *d);
void check_unknown_variables(struct doctor *d);

/* doctor_system.c */
void check_kernel(struct doctor *d);
void check_proc(struct doctor *d);
void check_dev_shm(struct doctor *d);
void check_memfd_noexec(struct doctor *d);
void check_descriptors(struct doctor *d);

/* doctor_sysv.c */
void check_shmmax(struct doctor *d);
void check_shmall(struct doctor *d);
void check_shmmni(struct doctor *d);
void check_semmsl(struct doctor *d);
void check_semmni(struct doctor *d);
void check_semmns(struct doctor *d);

/* doctor_cgroup.c, doctor_logind.c */
void check_cgroup(struct doctor *d);
void check_remove_ipc(struct doctor *d);

/* doctor_broker.c */
void check_broker_program(struct doctor *d);
void check_broker_directory(struct doctor *d);
void check_broker(struct doctor *d);

/* doctor_library.c */
void check_backends(struct doctor *d);
void check_garbage(struct doctor *d);

/* ---- the memfd broker (doctor_broker.c) ---------------------------------- */

/** The broker's directory. -EINVAL: the variable is relative or too long. */
int doctor_runtime_dir(char *ret, size_t size);

/** The path of the broker that the library would start. */
const char *doctor_broker_program(void);

/**
 * Run a program that may be a broker and get its version; "?" if it does not
 * print one within 2 s.
 */
void doctor_version(const char *program, char ret[32]);

/** Find the processes of the broker of the directory, in /proc. */
struct broker doctor_find_broker(void);

#endif /* TOOL_DOCTOR_H */
