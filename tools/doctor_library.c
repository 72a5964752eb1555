/* SPDX-License-Identifier: MIT */
/* doctor: checks of what the library itself reports. */
#include <config.h>

#include <string.h>

#include "tools/doctor.h"

static int look_at_backend(const struct shmipc_backend_info *info, void *arg)
{
	struct doctor *d = arg;

	d->has_memfd |= !strcmp(info->name, "memfd");
	if (info->works) {
		doctor_found(d, STATE_OK, "%s works (%s)", info->name,
			     info->objects);
		return 0;
	}
	doctor_found(d, doctor_trouble_with(d, info->name),
		     "%s does not work%s: %s", info->name,
		     !strcmp(info->name, d->chosen) ? ", but is selected" : "",
		     info->reason);
	doctor_remedy(d, "set SHMIPC_BACKEND to a backend that works, or see "
			 "the checks below");
	return 0;
}

void check_backends(struct doctor *d)
{
	(void)shmipc_backends(look_at_backend, d);
}

/* A dry run. Without a broker, memfd has no garbage. */
static int look_for_garbage(const char *backend, void *arg)
{
	struct doctor *d = arg;
	struct shmipc *ipc;
	int r;

	if (!strcmp(backend, "memfd") && !d->broker.supervisor)
		return EXIT_DONE;
	r = shmipc_open(&ipc, backend);
	if (r == 0) {
		r = shmipc_gc(ipc, SHMIPC_GC_DRY_RUN, NULL, NULL);
		shmipc_close(ipc);
	}
	if (r < 0) {
		doctor_found(d, doctor_trouble_with(d, backend), "%s",
			     shmipc_errmsg());
		doctor_remedy(d, "see the checks above");
	} else if (r == 0) {
		doctor_found(d, STATE_OK, "none on %s", backend);
	} else {
		doctor_found(d, STATE_WARN, "%d on %s", r, backend);
		doctor_remedy(d, "shmipc gc --force --backend %s", backend);
	}
	return EXIT_DONE;
}

void check_garbage(struct doctor *d)
{
	(void)tool_each_backend(NULL, look_for_garbage, d);
}
