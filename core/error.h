/* SPDX-License-Identifier: MIT */
/*
 * Messages about failures, for shmipc_errmsg().
 *
 * Deep code that knows the cause calls shmipc_backend_error(); the public
 * function at the top knows the object and calls shmi_report() once. Both
 * return the code.
 */
#ifndef SHMI_ERROR_H
#define SHMI_ERROR_H

#include <shmipc-backend.h>

/* `semaphore "NAME" (BACKEND)', with a name that may be hostile. */
#define SHMI_SUBJECT_MAX (SHMIPC_NAME_MAX + SHMIPC_BACKEND_NAME_MAX + 24)

/*
 * Write the subject of a message, always terminated. noun, name and backend may
 * be NULL. Bytes of the name that cannot be printed become `?', and a name that
 * is too long is cut.
 */
void shmi_subject(char subject[SHMI_SUBJECT_MAX], const char *noun,
		  const char *name, const char *backend);

/* Room for a cause. */
#define SHMI_CAUSE_MAX 512

/* Forget a cause that an earlier, recovered failure left behind. */
void shmi_error_begin(void);

/* The public functions, by the codes that they may return. */
enum shmi_codes {
	SHMI_CONNECT = 1, /* connections and backends */
	SHMI_OPEN = 2,	  /* opening and creating objects */
	SHMI_LOOK = 4,	  /* one object by its name: unlink, stat */
	SHMI_LIST = 8,	  /* all objects: list, gc */
	SHMI_WAIT = 16,	  /* semaphores */
	SHMI_LOCK = 32,	  /* locks */
	SHMI_FDPASS = 64, /* passing objects by descriptor */
};

/*
 * The end of a failed public function: set this thread's message from the
 * subject and the cause, and turn err into a code that is documented for such a
 * call. Other codes become -EIO.
 */
int shmi_report(enum shmi_codes calls, int err, const char *subject);

/*
 * Copy text that other users may have chosen: each byte that is not printable
 * ASCII becomes a question mark. A text that has no room is cut off.
 */
void shmi_printable(char *to, size_t room, const char *from);

/* An argument is not valid: set the cause, return -EINVAL. */
int shmi_bad(const char *what);

/*
 * The same for paths that must be fast or async-signal-safe: cause is a static
 * string, and err a documented code.
 */
int shmi_report_static(int err, const char *subject, const char *cause);

#endif
