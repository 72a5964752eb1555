/* SPDX-License-Identifier: MIT */
/*
 * The beginning and end of a public function: it forgets the cause of an
 * earlier failure, names its subject for the message, checks the connection,
 * and turns cancellation off. Functions that must be as fast as memory (waits,
 * posts, locks) do not use this.
 */
#ifndef SHMI_CALL_H
#define SHMI_CALL_H

#include "error.h"

struct shmi_call {
	enum shmi_codes codes;
	int cancel;
	char subject[SHMI_SUBJECT_MAX];
};

/*
 * Begin a call. It must be ended even if this fails. noun: "region", or NULL;
 * name: the object's, as the caller gave it, or NULL
 *   -EINVAL  ipc is NULL
 */
int shmi_call_begin(struct shmi_call *call, enum shmi_codes codes,
		    const struct shmipc *ipc, const char *noun,
		    const char *name);

/* The same for a call without a connection. */
void shmi_call_begin_on(struct shmi_call *call, enum shmi_codes codes,
			const char *subject);

/* End: report a failure. Returns r, or the documented code for it. */
int shmi_call_end(struct shmi_call *call, int r);

#endif
