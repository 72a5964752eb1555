/* SPDX-License-Identifier: MIT */
/*
 * Death and refusal at every step: what the pieces share.
 *
 *   walk.c    the walks, and their report
 *   scenario.c   the calls that are walked through
 *   object.c  what they are made on
 *   after.c   what must be true afterwards
 *   trace.c   stopping a child at its system calls
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <shmipc.h>

/* ---- trace.c ------------------------------------------------------- */

/* More calls than any scenario makes. */
#define TRACE_STEPS_MAX 4096

enum trace_act {
	TRACE_WATCH,
	TRACE_KILL_BEFORE, /* the call is not made */
	TRACE_KILL_AFTER,  /* it was made, and nothing else since */
	TRACE_REFUSE,	   /* the call is not made, and says err */
};

struct trace {
	enum trace_act act;
	unsigned step; /* at which call; the first is 1 */
	int err;
	unsigned times; /* how many calls of this number, from that one on */

	/* Results. */
	unsigned steps;		       /* calls between the marks */
	long numbers[TRACE_STEPS_MAX]; /* of the call at each step */
	bool reached;		       /* act was done */
	int status;		       /* as from waitpid(2) */
};

/* Called by the child: be traced from here; the walk begins; it is over. */
void trace_me(void);
void trace_begin(void);
void trace_end(void);

/* Follow a child that calls trace_me() to its end. */
void trace(pid_t child, struct trace *t);

/* May calls be stopped and refused here? */
bool trace_works(void);

/* Can this system call fail so, and a program do anything about it? */
bool trace_may_refuse(long number, int err);

/* Does this system call take back what others did? */
bool trace_is_undo(long number);

/* "openat", or "call 257"; valid until the next call. */
const char *trace_name(long number);

/* ---- scenario.c ------------------------------------------------------- */

/* What the parent does with the object before the child acts. */
enum before {
	NOTHING,
	LEFT,	/* made, and closed */
	HELD,	/* made, and open in the parent, so in the child too */
	ORPHAN, /* made by a process that was killed with it */
};

/* Is there an object with the name afterwards? */
enum after {
	EITHER,
	THERE,
	GONE,
};

/* An open region or semaphore. */
struct handle {
	enum shmipc_kind kind;
	void *open; /* NULL: none */
};

/* One object: what the acts work on. */
struct stage {
	struct shmipc *ipc;
	enum shmipc_kind kind;
	const char *name;
	unsigned flags; /* SHMIPC_TRANSIENT, SHMIPC_PREFAULT or 0 */
	struct handle handle;
	int fds[2]; /* that it is handed over by; -1: none */
};

struct scenario {
	const char *name;
	unsigned flags;
	enum before before;
	unsigned cap;		    /* that the backend must have; or 0 */
	bool opens;		    /* the child has it open already */
	bool hands;		    /* and has handed it over, and closed it */
	int (*act)(struct stage *); /* one call of the library */
	const int *codes;	    /* that it documents; 0 ends the list */
	int expected;		    /* undisturbed; 0: any success */
	enum after succeeded, failed;
};

extern const struct scenario scenarios[];
extern const size_t scenarios_count;

/* Every byte of the region that the scenario is about. */
int scenario_byte(const struct scenario *scenario);

/* What the child saw. Two counts: before the act, and after it. */
struct report {
	int result;
	int descriptors[2];
	int mappings[2];
	char wrong[160]; /* what the act did wrong; "": nothing */
};

/* Act in a child, whose end is the end of the scenario. */
_Noreturn void scenario_play(const struct scenario *scenario,
			     struct stage *stage, struct report *report);

/* ---- object.c ------------------------------------------------------ */

/* Like the library's functions, for either kind. */
int object_open(struct shmipc *ipc, enum shmipc_kind kind, const char *name,
		unsigned flags, struct handle *ret);
void object_close(struct handle *handle);
int object_unlink(struct shmipc *ipc, enum shmipc_kind kind, const char *name);

/* fds: as struct stage has them. */
int object_export(const struct handle *handle, int fds[2]);
int object_import(struct shmipc *ipc, enum shmipc_kind kind, const int fds[2],
		  struct handle *ret);

/* Write all bytes of a region; nothing to do for a semaphore. */
void object_fill(struct handle *handle, int byte);

/* Has it the size, the bytes, the value that it was made with? */
bool object_is_sound(struct handle *handle, int byte);

/* ---- after.c ------------------------------------------------------- */

/* The parent's own connection, and an object that must survive everything. */
extern struct shmipc *ipc;
void postconditions_begin(void);
void postconditions_end(void);

/* Set up the start of the scenario, and note the objects of the machine. */
void postconditions_prepare(const struct scenario *scenario,
			    enum shmipc_kind kind, const char *name);

/*
 * The library works, the object is as it should be, and when it is unlinked
 * nothing is left; if all was undone, not even for the garbage collection.
 * NULL, or a sentence about what is wrong.
 */
const char *postconditions_check(const struct scenario *scenario,
				 enum shmipc_kind kind, const char *name,
				 enum after after, bool undone);

/* How many of the checks found something left. */
extern unsigned postconditions_left;

#endif
