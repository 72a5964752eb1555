/* SPDX-License-Identifier: MIT */
/* The first page of every segment: filling it, and not believing it. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "header.h"
#include "name.h"

/* Not text, so that no text file looks like it; the first byte not ASCII. */
static const uint8_t magic[8] = { 0xc5, 's', 'h', 'm', 'i', 'p', 'c', 0x1a };

/*
 * Two programs share an object only if they agree on all of this. The libc
 * counts because sleepers of one are not woken by the other, and the word
 * size because the libc's own types differ with it. A program of the other
 * byte order reads the bytes in reverse, and differs too.
 */
#ifdef __GLIBC__
#define ABI_LIBC 1U
#else
#define ABI_LIBC 2U
#endif
#define ABI_VERSION 1U

const uint32_t shmi_header_abi =
	ABI_VERSION << 16 | ABI_LIBC << 8 | (uint32_t)sizeof(long);

void shmi_header_fill(struct shmi_header *h,
		      const struct shmi_contents *contents)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(h->magic, magic, sizeof(magic));
	h->abi = shmi_header_abi;
	h->header_size = SHMIPC_HEADER_SIZE;
	h->size = contents->size;
	h->created = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	h->creator = getpid();
	h->flags = contents->flags;
	h->pid_space = shmi_pid_space();
	/* The rest of the field is zero, as fresh memory is. */
	memcpy(h->name, contents->name, strlen(contents->name));
	/* Relaxed: nobody looks before [H1]. */
	atomic_store_explicit(&h->value, contents->value, memory_order_relaxed);
	/* [H3] release: see header.h; partner is [H4]. */
	atomic_store_explicit(&h->kind, contents->kind, memory_order_release);
}

/*
 * The three ends of a state: from one to the other, or what else is there.
 * Release [H1] is what READY needs (see header.h; partner is [H2]); DEAD
 * carries no data and would do without.
 */
static uint32_t change_state(struct shmi_header *h, uint32_t from, uint32_t to)
{
	uint32_t state = from;

	atomic_compare_exchange_strong_explicit(&h->state, &state, to,
						memory_order_release,
						memory_order_relaxed);
	return state;
}

int shmipc_segment_commit(void *addr)
{
	uint32_t was =
		change_state(addr, SHMI_STATE_BUILDING, SHMI_STATE_READY);

	return was == SHMI_STATE_BUILDING ? 0 : -EAGAIN;
}

int shmipc_segment_abort(void *addr)
{
	uint32_t was = change_state(addr, SHMI_STATE_BUILDING, SHMI_STATE_DEAD);

	return was == SHMI_STATE_READY ? -EEXIST : 0;
}

int shmipc_segment_end(void *addr)
{
	uint32_t was = change_state(addr, SHMI_STATE_READY, SHMI_STATE_DEAD);

	return was == SHMI_STATE_READY ? 0 : -ENOENT;
}

static int damaged(const char *what)
{
	return shmipc_backend_error(
		-EPROTO, "what is there is not sound: %s; it was left as it is",
		what);
}

/* What will an unfinished segment be? Its creator may be writing right now. */
static int look_unfinished(const struct shmi_header *h, enum shmipc_kind kind,
			   const char *name)
{
	uint32_t its_kind;

	/* [H4] acquire: see header.h; partner is [H3]. */
	its_kind = atomic_load_explicit(&h->kind, memory_order_acquire);
	if (!memcmp(h->magic, magic, sizeof(magic)) && its_kind) {
		bool same = its_kind == kind &&
			    !strncmp(h->name, name, sizeof(h->name));

		return same ? -EINPROGRESS : -ESRCH;
	}
	if (its_kind == 0)
		return -EAGAIN;
	return damaged("it was not made by this library");
}

/* h is a private copy here: what is checked is what is used. */
static int check_copy(const struct shmi_header *h, size_t length)
{
	if (memcmp(h->magic, magic, sizeof(magic)))
		return damaged("it was not made by this library");
	if (h->abi != shmi_header_abi)
		return damaged("it was made by a program with another word "
			       "size, libc or version of this library");
	if (h->header_size != SHMIPC_HEADER_SIZE)
		return damaged("its header has a strange size");
	if (h->kind != SHMIPC_SHM && h->kind != SHMIPC_SEM)
		return damaged("it is neither region nor semaphore");
	if (h->flags & ~SHMI_HEADER_TRANSIENT)
		return damaged("it has flags that this version of the library "
			       "does not know");
	if (h->size > length - SHMIPC_HEADER_SIZE)
		return damaged("it is shorter than its header says");
	if (h->kind == SHMIPC_SHM ? h->size == 0 : h->size != 0)
		return damaged("its size does not fit its kind");
	if (!memchr(h->name, '\0', sizeof(h->name)))
		return damaged("its name has no end");
	return 0;
}

/*
 * Copy a finished header, up to the reserved part, and check the copy.
 *   -EAGAIN  it is not finished
 *   -ESTALE  it was given up or retired
 */
static int copy_ready(struct shmi_header *ret, const void *addr, size_t length)
{
	const struct shmi_header *h = addr;
	uint32_t state;

	if (length < SHMIPC_HEADER_SIZE)
		return damaged("it is too short");

	/* [H2] acquire: see header.h; partner is [H1]. */
	state = atomic_load_explicit(&h->state, memory_order_acquire);
	if (state == SHMI_STATE_BUILDING)
		return -EAGAIN;
	if (state == SHMI_STATE_DEAD)
		return -ESTALE;
	if (state != SHMI_STATE_READY)
		return damaged("it was not made by this library");
	memcpy(ret, h, offsetof(struct shmi_header, reserved));
	return check_copy(ret, length);
}

int shmi_header_check(const void *addr, size_t length, enum shmipc_kind kind,
		      const char *name, struct shmi_facts *ret)
{
	struct shmi_header copy;
	int r;

	r = copy_ready(&copy, addr, length);
	if (r == -EAGAIN)
		return look_unfinished(addr, kind, name);
	if (r < 0)
		return r;
	if (copy.kind != kind || strcmp(copy.name, name))
		return -ESRCH;

	ret->size = copy.size;
	ret->created = copy.created;
	ret->creator = copy.creator;
	ret->pid_space = copy.pid_space;
	ret->transient = copy.flags & SHMI_HEADER_TRANSIENT;
	return 0;
}

int shmipc_segment_is_transient(const void *addr)
{
	const struct shmi_header *h = addr;

	return h->flags & SHMI_HEADER_TRANSIENT ? 1 : 0;
}

void shmipc_segment_set_word(void *addr, uint64_t note)
{
	struct shmi_header *h = addr;

	h->backend_word = note;
}

uint64_t shmipc_segment_word(const void *addr)
{
	const struct shmi_header *h = addr;

	return h->backend_word;
}

int shmipc_segment_look(const void *addr, size_t length, enum shmipc_kind kind,
			const char *name)
{
	struct shmi_facts facts;

	return shmi_header_check(addr, length, kind, name, &facts);
}

/*
 * Nothing but a state: what a creator leaves who was killed before he wrote
 * anything. (One who is writing just now may look like a stranger.)
 */
static bool is_blank(const struct shmi_header *h)
{
	const char *byte = (const char *)h;
	size_t after = offsetof(struct shmi_header, state) + sizeof(h->state);

	for (size_t i = 0; i < sizeof(*h); i++)
		if (byte[i] &&
		    (i < offsetof(struct shmi_header, state) || i >= after))
			return false;
	return true;
}

/* The name in a private copy of a header. */
static int name_in(const struct shmi_header *copy, enum shmipc_kind kind,
		   char ret[SHMIPC_NAME_MAX + 1])
{
	const char *name;

	if (copy->kind != kind)
		return -ESRCH;
	if (!memchr(copy->name, '\0', sizeof(copy->name)) ||
	    shmi_name_check(copy->name, &name) < 0 || name != copy->name)
		return damaged("its name is not a name");
	strcpy(ret, name);
	return 0;
}

/* state: that of an unfinished header, or of one that was given up. */
static int name_of_unfinished(const struct shmi_header *h, int state,
			      enum shmipc_kind kind,
			      char ret[SHMIPC_NAME_MAX + 1])
{
	struct shmi_header copy;
	int r;

	/* [H4] acquire: see header.h; partner is [H3]. */
	copy.kind = atomic_load_explicit(&h->kind, memory_order_acquire);
	if (memcmp(h->magic, magic, sizeof(magic))) {
		if (!is_blank(h))
			return damaged("it was not made by this library");
		copy.kind = 0;
	}
	*ret = '\0';
	if (copy.kind == 0)
		return state;
	memcpy(copy.name, h->name, sizeof(copy.name));
	r = name_in(&copy, kind, ret);
	if (r < 0)
		return r;
	return state == -EAGAIN ? -EINPROGRESS : state;
}

int shmi_header_name(const void *addr, size_t length, enum shmipc_kind kind,
		     char ret[SHMIPC_NAME_MAX + 1])
{
	struct shmi_header copy;
	int r;

	r = copy_ready(&copy, addr, length);
	if (r == -EAGAIN || r == -ESTALE)
		return damaged("it was never finished");
	if (r == 0)
		r = name_in(&copy, kind, ret);
	return r == -ESRCH ? damaged(kind == SHMIPC_SHM
					     ? "it is no region but a semaphore"
					     : "it is no semaphore but a "
					       "region")
			   : r;
}

int shmipc_segment_name(const void *addr, size_t length, enum shmipc_kind kind,
			char ret[SHMIPC_NAME_MAX + 1])
{
	struct shmi_header copy;
	int r;

	r = copy_ready(&copy, addr, length);
	if (r == -EAGAIN || r == -ESTALE)
		return name_of_unfinished(addr, r, kind, ret);
	return r < 0 ? r : name_in(&copy, kind, ret);
}
