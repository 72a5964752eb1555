/* SPDX-License-Identifier: MIT */
/*
 * shmipc doctor: what its checks share. Each is one function that looks at one
 * thing and says what it found, once or several times; doctor.c has the table
 * of all. They look, and change nothing: no lock is taken, no broker started or
 * even connected to, unless one runs already.
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
	STATE_WARN, /* may hurt, or hurts somebody else */
	STATE_BAD,  /* hurts, or is about to */
};

#define STATES 3

#define SENTENCE_MAX 1024

struct finding {
	const char *check;
	enum state state;
	char found[SENTENCE_MAX];
	char remedy[SENTENCE_MAX]; /* "": none */
};

/* The two processes of the user's memfd broker: 0 if there is none. */
struct broker {
	pid_t keeper, worker;
};

struct doctor {
	bool json, colour;
	unsigned counts[STATES];
	const char *check;   /* the name of the one that looks now */
	struct finding last; /* check NULL: all are shown */

	/* Found by the first checks, for those that follow. */
	const char *chosen; /* the backend of programs that name none, or "" */
	bool has_memfd;	    /* the library knows it */
	struct broker broker;
};

/** The check under way found this. */
__attribute__((format(printf, 3, 4))) void
doctor_found(struct doctor *d, enum state state, const char *format, ...);

/** What to do about what was found last. */
__attribute__((format(printf, 2, 3))) void
doctor_remedy(struct doctor *d, const char *format, ...);

/** Trouble with a backend: bad if it is the one that programs get. */
enum state doctor_trouble_with(const struct doctor *d, const char *backend);

/**
 * The worst of two: used of limit, by per cent; a limit that is low by itself.
 */
enum state doctor_share(uint64_t used, uint64_t limit);

/** The start of a file, a string without the last newline; 0 or -errno. */
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

/* ---- of memfd's broker, for several of them (doctor_broker.c) ------------ */

/** Where it is; -EINVAL: SHMIPC_RUNTIME_DIR is not absolute, or too long. */
int doctor_runtime_dir(char *ret, size_t size);

/** The program that the library would start. */
const char *doctor_broker_program(void);

/**
 * What a program that may be a broker says of its version, by being run; "?" if
 * it says nothing within 2 s.
 */
void doctor_version(const char *program, char ret[32]);

/** Find out who is the broker of the directory, from /proc. */
struct broker doctor_find_broker(void);

#endif /* TOOL_DOCTOR_H */
