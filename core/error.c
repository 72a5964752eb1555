/* SPDX-License-Identifier: MIT */
/*
 * Messages about failures.
 *
 * Kept per thread, in pieces, and assembled only on request, so that a failing
 * trywait() in a loop costs a copy and not a printf.
 */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/debug.h"
#include "error.h"
#include "util/tls.h"

/*
 * The part that every failure needs. It has a fixed size because
 * shmipc_sem_post() reports from signal handlers: see tls.h.
 */
static _Thread_local struct {
	const char *cause; /* static, or in texts */
	struct texts *texts;
	int err; /* code that the cause belongs to */
	char subject[SHMI_SUBJECT_MAX];
} last SHMI_TLS;

/*
 * The rest is allocated by a thread's first failure that formats text, and
 * freed when the thread exits. There are two causes: a recovered failure must
 * not overwrite the last message, which a successful call does not change.
 */
struct texts {
	unsigned at; /* the index of the next cause to write */
	char causes[2][SHMI_CAUSE_MAX];
	char sentence[SHMI_SUBJECT_MAX + SHMI_CAUSE_MAX];
};

static pthread_key_t texts_key;
static int texts_err;

static void free_texts(void *texts)
{
	free(texts);
	last.texts = NULL;
	last.cause = NULL;
	last.err = 0;
}

static void make_key(void)
{
	texts_err = pthread_key_create(&texts_key, free_texts);
}

/* NULL: out of memory; only static causes can be reported. */
static struct texts *texts(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct texts *t;

	if (last.texts)
		return last.texts;
	if (pthread_once(&once, make_key) || texts_err)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t && pthread_setspecific(texts_key, t) == 0)
		last.texts = t;
	else
		free(t);
	return last.texts;
}

int shmipc_backend_error(int err, const char *fmt, ...)
{
	struct texts *t = texts();
	va_list ap;

	if (!t)
		return err;
	va_start(ap, fmt);
	vsnprintf(t->causes[t->at], SHMI_CAUSE_MAX, fmt, ap);
	va_end(ap);
	last.err = err;
	return err;
}

int shmi_bad(const char *what)
{
	return shmipc_backend_error(-EINVAL, "%s", what);
}

void shmi_error_begin(void)
{
	last.err = 0;
}

const char *shmipc_backend_cause(void)
{
	return last.texts ? last.texts->causes[last.texts->at] : "";
}

/* The interface's codes: their meaning, and the calls that may return them. */
static const struct code {
	int err;
	unsigned calls;
	const char *cause;
} codes[] = {
	{ EINVAL,
	  SHMI_CONNECT | SHMI_OPEN | SHMI_LOOK | SHMI_LIST | SHMI_WAIT |
		  SHMI_FDPASS,
	  "an argument is not valid" },
	{ EBADF, SHMI_FDPASS, "it is no open descriptor" },
	{ ENAMETOOLONG, SHMI_OPEN | SHMI_LOOK,
	  "the name is longer than 200 bytes" },
	{ ENOENT, SHMI_OPEN, "it does not exist; SHMIPC_CREATE would make it" },
	{ ENOENT, SHMI_LOOK | SHMI_FDPASS, "it does not exist" },
	{ EXDEV, SHMI_OPEN, "another backend has the name" },
	{ EEXIST, SHMI_CONNECT | SHMI_OPEN,
	  "the name is taken; unlink it first, or open it without "
	  "SHMIPC_EXCL" },
	{ EACCES, SHMI_OPEN | SHMI_LOOK | SHMI_LIST | SHMI_FDPASS,
	  "permission denied; its mode and owner decide" },
	{ EPROTO, SHMI_OPEN | SHMI_LOOK | SHMI_FDPASS,
	  "what is there is damaged or was not made by this library; it "
	  "was left as it is" },
	{ ENOSPC, SHMI_CONNECT | SHMI_OPEN | SHMI_FDPASS, "no room for it" },
	{ ENOTSUP, SHMI_OPEN | SHMI_FDPASS, "this backend cannot do that" },
	{ ENOSYS, SHMI_CONNECT, "this backend cannot work here" },
	{ EMFILE, SHMI_OPEN | SHMI_LOOK | SHMI_LIST | SHMI_FDPASS,
	  "no file descriptor left; raise RLIMIT_NOFILE" },
	{ ENOMEM,
	  SHMI_CONNECT | SHMI_OPEN | SHMI_LOOK | SHMI_LIST | SHMI_FDPASS,
	  "no memory or address space left" },
	{ ESTALE, SHMI_OPEN | SHMI_LOOK, "its name was lost with the broker" },
	{ ETIMEDOUT, SHMI_OPEN | SHMI_LOOK | SHMI_LIST | SHMI_FDPASS,
	  "somebody is creating or removing it and did not finish in time" },
	{ ECONNREFUSED, SHMI_OPEN | SHMI_LOOK | SHMI_LIST,
	  "the broker cannot be reached" },
	{ EINTR, SHMI_WAIT | SHMI_LOCK, "a signal handler ran" },
	{ EIDRM, SHMI_WAIT, "somebody removed the kernel's half of it" },
	{ EDEADLK, SHMI_LOCK, "the calling thread has the lock" },
	{ ENOTRECOVERABLE, SHMI_LOCK,
	  "a holder died in the lock, and the next gave it back without "
	  "shmipc_shm_mark_consistent(); nobody can have it any more" },
	{ ENOLCK, SHMI_LOCK,
	  "the thread holds 512 locks, and the kernel remembers no more" },
	{ ETIMEDOUT, SHMI_LOCK, "somebody had the lock until the deadline" },
	{ ENOMEM, SHMI_LOCK, "no memory left" },
	{ ENOTSUP, SHMI_LOCK, "locks cannot work here" },
};

/* The entry of this code, if such a call may return it; else NULL. */
static const struct code *documented(enum shmi_codes calls, int err)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].err == -err && codes[i].calls & calls)
			return &codes[i];
	return NULL;
}

/* System codes that mean the same as one of ours. */
static int our_word(int err)
{
	switch (-err) {
	case EPERM:
		return -EACCES;
	case ENFILE:
		return -EMFILE;
	default:
		return err;
	}
}

int shmi_report(enum shmi_codes calls, int err, const char *subject)
{
	const struct code *code = documented(calls, our_word(err));
	bool has_cause = last.err == err;
	const char *cause = code ? code->cause : "the system failed";

	/*
	 * The system's EINVAL means something else: we check arguments
	 * ourselves and leave a cause.
	 */
	if (code && code->err == EINVAL && !has_cause)
		code = NULL;
	if (!code && !has_cause) {
		shmipc_backend_error(err, "the system said: %s",
				     strerror(-err));
		has_cause = last.err == err;
	}
	err = code ? -code->err : -EIO;
	if (has_cause) {
		cause = shmipc_backend_cause();
		last.err = 0;
		last.texts->at ^= 1;
	}
	shmi_debug("%s: %s", subject, cause);
	return shmi_report_static(err, subject, cause);
}

int shmi_report_static(int err, const char *subject, const char *cause)
{
	size_t i = 0;

	/* By hand: strlcpy is not everywhere, strncpy pads. */
	for (; i < sizeof(last.subject) - 1 && subject[i]; i++)
		last.subject[i] = subject[i];
	last.subject[i] = '\0';
	last.cause = cause;
	return err;
}

const char *shmipc_errmsg(void)
{
	struct texts *t;

	if (!last.cause)
		return "";
	t = texts();
	if (!t)
		return last.cause;
	snprintf(t->sentence, sizeof(t->sentence), "%s%s%s", last.subject,
		 last.subject[0] ? ": " : "", last.cause);
	return t->sentence;
}

/* Copy printable bytes; an unchecked name may have any bytes. */
void shmi_printable(char *to, size_t room, const char *from)
{
	size_t i = 0;

	for (; i < room - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = '\0';
}

/*
 * Every call that takes a name begins with its subject, and snprintf(3) costs
 * as much as a system call. Returns the new end of the text.
 */
static char *append(char *to, const char *end, const char *text)
{
	while (*text && to < end)
		*to++ = *text++;
	*to = '\0';
	return to;
}

void shmi_subject(char subject[SHMI_SUBJECT_MAX], const char *noun,
		  const char *name, const char *backend)
{
	const char *end = subject + SHMI_SUBJECT_MAX - 1;
	char *to = append(subject, end, noun ? noun : "object");
	char shown[SHMIPC_NAME_MAX + 1];

	if (name) {
		shmi_printable(shown, sizeof(shown), name);
		to = append(to, end, " \"");
		to = append(to, end, shown);
		to = append(to, end, "\"");
	}
	if (backend) {
		to = append(to, end, " (");
		to = append(to, end, backend);
		append(to, end, ")");
	}
}
