/* SPDX-License-Identifier: MIT */
/* Looking around: one object, or all of a backend. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "util/cancel.h"
#include "name.h"
#include "object.h"
#include "semword.h"

static int look(struct shmipc *ipc, enum shmipc_kind kind, const char *name,
		struct shmipc_info *ret)
{
	struct shmipc_segment_stat st;
	struct shmi_peek peek;
	int r;

	r = shmi_peek_open(&peek, ipc, kind, name, 0);
	if (r < 0)
		return r;
	r = ipc->ops->segment_stat(&peek.seg, &st);
	if (r < 0)
		goto out;

	*ret = (struct shmipc_info){
		.backend = ipc->ops->name,
		.kind = kind,
		.size = peek.facts.size,
		.mode = st.mode,
		.uid = st.uid,
		.gid = st.gid,
		.created = peek.facts.created,
		.creator = peek.facts.creator,
		.in_use = st.in_use,
		.attached = st.attached,
		.transient = peek.facts.transient,
	};
	strcpy(ret->name, name);
	if (kind == SHMIPC_SEM)
		ret->value = shmi_semword_value(shmi_header_of(&peek.seg));
out:
	shmi_peek_close(&peek);
	return r;
}

int shmipc_stat(struct shmipc *ipc, enum shmipc_kind kind, const char *name,
		struct shmipc_info *ret)
{
	char subject[SHMI_SUBJECT_MAX];
	int r;

	shmi_error_begin();
	shmi_subject(subject, kind, name, shmipc_backend_name(ipc));
	if (!ipc || !ret || (kind != SHMIPC_SHM && kind != SHMIPC_SEM))
		return shmi_report(
			SHMI_LOOK,
			shmi_bad("connection, kind or result is not valid"),
			subject);
	r = shmi_name_check(name, &name);
	if (r == 0) {
		int cancel = shmi_cancel_off();

		r = look(ipc, kind, name, ret);
		shmi_cancel_restore(cancel);
	}
	return r < 0 ? shmi_report(SHMI_LOOK, r, subject) : 0;
}

/* A walk over one backend, handed through segment_list() to show(). */
struct walk {
	struct shmipc *ipc;
	enum shmipc_kind kind;
	int (*visit)(const struct shmipc_info *, void *);
	void *arg;
	int shown;
	int err;
	bool over;
};

/* Why an object may be left out; anything else ends the walk. */
static bool left_out(int err)
{
	return err == -ENOENT || err == -EACCES || err == -EPROTO ||
	       err == -ETIMEDOUT;
}

static int show(const char *name, void *arg)
{
	struct walk *w = arg;
	struct shmipc_info info;
	const char *checked;
	int r;

	if (shmi_name_check(name, &checked) < 0 || checked != name)
		return 0; /* not one of ours */
	r = look(w->ipc, w->kind, name, &info);
	if (r < 0) {
		w->err = left_out(r) ? 0 : r;
	} else {
		w->shown++;
		w->over = w->visit(&info, w->arg) != 0;
	}
	return w->err < 0 || w->over;
}

static int show_lost(const struct shmipc_info *info, void *arg)
{
	struct walk *w = arg;
	struct shmipc_info shown = *info;

	shown.backend = w->ipc->ops->name;
	shown.stale = 1;
	w->shown++;
	w->over = w->visit(&shown, w->arg) != 0;
	return w->over;
}

int shmipc_list(struct shmipc *ipc,
		int (*visit)(const struct shmipc_info *, void *), void *arg)
{
	struct walk w = { .ipc = ipc, .visit = visit, .arg = arg };
	char subject[SHMI_SUBJECT_MAX];
	int cancel;

	shmi_error_begin();
	shmi_subject(subject, 0, NULL, shmipc_backend_name(ipc));
	if (!ipc || !visit)
		return shmi_report(SHMI_LIST,
				   shmi_bad("connection or visit is NULL"),
				   subject);

	cancel = shmi_cancel_off();
	for (size_t i = 0; i < SHMI_KINDS && !w.over && w.err == 0; i++) {
		int r;

		w.kind = shmi_kinds[i];
		r = ipc->ops->segment_list(ipc->conn, w.kind, show, &w);
		if (r < 0)
			w.err = r;
	}
	if (!w.over && w.err == 0 && ipc->ops->lost)
		w.err = ipc->ops->lost(ipc->conn, show_lost, &w);
	shmi_cancel_restore(cancel);
	return w.err < 0 ? shmi_report(SHMI_LIST, w.err, subject) : w.shown;
}
