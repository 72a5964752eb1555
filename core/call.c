/* SPDX-License-Identifier: MIT */
/* The beginning and end of a public function. */
#include <config.h>

#include <stdio.h>

#include "call.h"
#include "util/cancel.h"

int shmi_call_begin(struct shmi_call *call, enum shmi_codes codes,
		    const struct shmipc *ipc, const char *noun,
		    const char *name)
{
	call->codes = codes;
	call->cancel = shmi_cancel_off();
	shmi_error_begin();
	shmi_subject(call->subject, noun, name, shmipc_backend_name(ipc));
	return ipc ? 0 : shmi_bad("the connection is NULL");
}

void shmi_call_begin_on(struct shmi_call *call, enum shmi_codes codes,
			const char *subject)
{
	call->codes = codes;
	call->cancel = shmi_cancel_off();
	shmi_error_begin();
	snprintf(call->subject, sizeof(call->subject), "%s", subject);
}

int shmi_call_end(struct shmi_call *call, int r)
{
	shmi_cancel_restore(call->cancel);
	return r < 0 ? shmi_report(call->codes, r, call->subject) : r;
}
