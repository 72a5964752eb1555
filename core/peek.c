/* SPDX-License-Identifier: MIT */
/* Looking at a segment without becoming its user, and judging its header. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "peek.h"
#include "util/clock.h"

static int unsound(const char *what)
{
	return shmipc_backend_error(-EPROTO,
				    "what is there is not sound: %s; it was "
				    "left as it is",
				    what);
}

int shmi_segment_check(const struct shmipc_segment *seg,
		       struct shmipc_segment_facts *ret)
{
	int r = shmi_header_check(seg->header ? seg->header : seg->addr,
				  seg->length, seg->kind->kind, seg->name, ret);

	if (r == 0 || r == -EPROTO)
		return r;
	/* On backends with early names: it was unlinked after it was found. */
	if (r == -ESTALE && seg->backend->caps & SHMIPC_CAP_EARLY_NAME)
		return -ENOENT;
	if (r == -ESRCH)
		return unsound("its header has another name");
	/* Published but unfinished: none of our backends does that. */
	return unsound("it was never finished");
}

void shmi_peek_prepare(struct shmi_peek *peek, const struct shmipc *ipc,
		       const struct shmipc_kind_info *kind)
{
	memset(peek->priv, 0, ipc->ops->segment_size);
	peek->seg = (struct shmipc_segment){
		.backend = ipc->ops,
		.kind = kind,
		.conn = ipc->conn,
		.priv = peek->priv,
	};
}

static int peek_once(struct shmi_peek *peek, const struct shmipc *ipc,
		     const struct shmipc_kind_info *kind, const char *name,
		     unsigned flags, struct shmipc_segment_facts *ret)
{
	int r;

	shmi_peek_prepare(peek, ipc, kind);
	peek->seg.name = name;
	r = ipc->ops->segment_open(&peek->seg, flags | SHMIPC_SEGMENT_PEEK |
						       SHMIPC_SEGMENT_RDONLY);
	if (r < 0)
		return r;
	r = shmi_segment_check(&peek->seg, ret);
	if (r < 0)
		ipc->ops->segment_close(&peek->seg);
	return r;
}

int shmi_peek_open(struct shmi_peek *peek, const struct shmipc *ipc,
		   const struct shmipc_kind_info *kind, const char *name,
		   unsigned flags, struct shmipc_segment_facts *ret)
{
	struct shmi_tries tries = { .count = 0 };
	int r;

	do
		r = peek_once(peek, ipc, kind, name, flags, ret);
	while (!(flags & SHMIPC_SEGMENT_NOWAIT) && shmi_try_again(&tries, &r));
	return r;
}

void shmi_peek_close(struct shmi_peek *peek)
{
	peek->seg.backend->segment_close(&peek->seg);
}

/* The finalizer of Steele, Lea and Flood's SplitMix (OOPSLA 2014). */
static uint64_t scramble(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

uint64_t shmi_object_id(const char *name, int64_t born, int32_t creator,
			uint64_t pid_space)
{
	uint64_t id = scramble((uint64_t)born);

	id = scramble(id ^ (uint32_t)creator);
	id = scramble(id ^ pid_space);
	for (; *name; name++)
		id = scramble(id ^ (unsigned char)*name);
	return id;
}

int shmi_peek_describe(struct shmipc_segment *seg,
		       const struct shmipc_segment_facts *facts,
		       struct shmipc_info *ret)
{
	/* seg->kind is the first member of the core's descriptor. */
	const struct shmi_kind *kind = (const struct shmi_kind *)seg->kind;
	struct shmipc_segment_stat st;
	int r;

	r = seg->backend->segment_stat(seg, &st);
	if (r < 0)
		return r;
	*ret = (struct shmipc_info){
		.backend = seg->backend->name,
		.kind = seg->kind->kind,
		.size = facts->size,
		.mode = st.mode,
		.uid = st.uid,
		.gid = st.gid,
		.created = facts->created,
		.creator = facts->creator,
		.in_use = st.in_use,
		.attached = st.attached,
		.transient = facts->transient,
		.id = shmi_object_id(facts->name, facts->created,
				     facts->creator, facts->pid_space),
	};
	strcpy(ret->name, facts->name);
	if (kind->state)
		kind->state(shmi_header_of(seg), ret);
	return 0;
}
