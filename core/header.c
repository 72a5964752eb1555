/* SPDX-License-Identifier: MIT */
/* The first page of every segment: filling and checking it. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "header.h"
#include "kind.h"
#include "name.h"

/*
 * A private copy of a header up to its reserved part: the bytes that are
 * checked are the bytes that are used. A copy of all of it would take half of a
 * small thread's stack.
 */
struct copy {
	uint8_t magic[8];
	uint32_t abi, kind, state, header_size;
	uint64_t size;
	int64_t created;
	int32_t creator;
	uint32_t flags;
	char name[SHMI_HEADER_NAME];
	uint64_t backend_word, pid_space;
};

static_assert(sizeof(struct copy) == offsetof(struct shmi_header, reserved),
	      "the same fields");
static_assert(offsetof(struct copy, size) == offsetof(struct shmi_header, size),
	      "in the same order");
static_assert(offsetof(struct copy, flags) ==
		      offsetof(struct shmi_header, flags),
	      "in the same order");
static_assert(offsetof(struct copy, pid_space) ==
		      offsetof(struct shmi_header, pid_space),
	      "in the same order");

/* Binary, so that no text file matches; the first byte is not ASCII. */
static const uint8_t magic[8] = { 0xc5, 's', 'h', 'm', 'i', 'p', 'c', 0x1a };

/*
 * Two programs share an object only if they agree on all of this. The libc
 * counts because sleepers of one are not woken by the other, and the word size
 * because the libc's types depend on it. A program of the other byte order
 * reads the bytes in reverse, so it differs too.
 */
#ifdef __GLIBC__
#define ABI_LIBC 1U
#else
#define ABI_LIBC 2U
#endif
#define ABI_VERSION 1U

#define ABI (ABI_VERSION << 16 | ABI_LIBC << 8 | (uint32_t)sizeof(long))

uint32_t shmipc_segment_abi(void)
{
	return ABI;
}

void shmi_header_fill(struct shmi_header *h,
		      const struct shmi_contents *contents)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(h->magic, magic, sizeof(magic));
	/*
	 * The magic comes before the others in the order of our instructions:
	 * is_blank() reads them when we were killed.
	 */
	atomic_signal_fence(memory_order_seq_cst);
	h->abi = ABI;
	h->header_size = SHMIPC_HEADER_SIZE;
	h->size = contents->size;
	h->created = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	h->creator = getpid();
	h->flags = contents->flags;
	h->pid_space = shmi_pid_space();
	/* The rest of the field is zero, as fresh memory is. */
	memcpy(h->name, contents->name, strlen(contents->name));
	/* Relaxed: it is not read before [H1]. */
	atomic_store_explicit(&h->value, contents->value, memory_order_relaxed);
	/* [H3] release: see header.h; partner is [H4]. */
	atomic_store_explicit(&h->kind, contents->kind, memory_order_release);
}

/*
 * Change the state if it is from; returns the state that was found. READY needs
 * release [H1] (see header.h; partner is [H2]); DEAD carries no data and needs
 * no order.
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
	(void)shmipc_backend_error(
		-EPROTO, "what is there is not sound: %s; it was left as it is",
		what);
	return -EPROTO;
}

/*
 * The kind of an unfinished segment, which its creator may be writing now.
 *   -EINPROGRESS  *ret is the kind, and the name is complete
 *   -EAGAIN       it has no kind yet; or -EPROTO
 */
static int kind_of_unfinished(const struct shmi_header *h, uint32_t *ret)
{
	/* [H4] acquire: see header.h; partner is [H3]. */
	*ret = atomic_load_explicit(&h->kind, memory_order_acquire);
	if (*ret == 0)
		return -EAGAIN;
	return memcmp(h->magic, magic, sizeof(magic)) ? -EPROTO : -EINPROGRESS;
}

static int check_size(const struct copy *h, size_t length)
{
	const struct shmi_kind *kind = shmi_kind_find(h->kind);

	if (h->kind == 0)
		return damaged("it has no kind");
	if (h->size > length - SHMIPC_HEADER_SIZE)
		return damaged("it is shorter than its header says");
	if (kind && (h->size != 0) != kind->info.has_bytes)
		return damaged("its size does not fit its kind");
	return 0;
}

static int check_copy(const struct copy *h, size_t length, uint32_t abi)
{
	if (memcmp(h->magic, magic, sizeof(magic)))
		return damaged("it was not made by this library");
	if (h->abi != abi)
		return damaged("it was made by a program with another word "
			       "size, libc or version of this library");
	if (h->header_size != SHMIPC_HEADER_SIZE)
		return damaged("its header has a strange size");
	if (h->flags & ~SHMI_HEADER_TRANSIENT)
		return damaged("it has flags that this version of the library "
			       "does not know");
	if (!memchr(h->name, '\0', sizeof(h->name)))
		return damaged("its name has no end");
	return check_size(h, length);
}

/*
 * Copy a finished header and check the copy.
 *   -EAGAIN  it is not finished
 *   -ESTALE  it is dead
 */
static int copy_ready(struct copy *ret, const void *addr, size_t length,
		      uint32_t abi)
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
	memcpy(ret, h, sizeof(*ret));
	return check_copy(ret, length, abi);
}

/* shmipc_segment_look_for(), and *copy: the header of a complete segment. */
static int look_for(const void *addr, size_t length, uint32_t kind,
		    const char *name, uint32_t abi, struct copy *copy)
{
	const struct shmi_header *h = addr;
	uint32_t its_kind;
	int r;

	r = copy_ready(copy, addr, length, abi);
	if (r == 0)
		return copy->kind == kind && !strcmp(copy->name, name) ? 0
								       : -ESRCH;
	if (r != -EAGAIN)
		return r;
	r = kind_of_unfinished(h, &its_kind);
	if (r == -EPROTO)
		return damaged("it was not made by this library");
	if (r == -EINPROGRESS &&
	    (its_kind != kind || strncmp(h->name, name, sizeof(h->name))))
		return -ESRCH;
	return r;
}

int shmipc_segment_look_for(const void *addr, size_t length,
			    enum shmipc_kind kind, const char *name,
			    uint32_t abi)
{
	struct copy copy;

	return look_for(addr, length, (uint32_t)kind, name, abi, &copy);
}

int shmipc_segment_look(const void *addr, size_t length, enum shmipc_kind kind,
			const char *name)
{
	return shmipc_segment_look_for(addr, length, kind, name, ABI);
}

static void get_facts(const struct copy *copy, struct shmipc_segment_facts *ret)
{
	*ret = (struct shmipc_segment_facts){
		.kind = copy->kind,
		.creator = copy->creator,
		.size = copy->size,
		.created = copy->created,
		.pid_space = copy->pid_space,
		.transient = (copy->flags & SHMI_HEADER_TRANSIENT) != 0,
	};
	strcpy(ret->name, copy->name);
}

int shmi_header_check(const void *addr, size_t length, uint32_t kind,
		      const char *name, struct shmipc_segment_facts *ret)
{
	struct copy copy;
	int r = look_for(addr, length, kind, name, ABI, &copy);

	if (r == 0)
		get_facts(&copy, ret);
	return r;
}

int shmipc_segment_is_transient(const void *addr)
{
	const struct shmi_header *h = addr;

	return h->flags & SHMI_HEADER_TRANSIENT ? 1 : 0;
}

void shmipc_segment_set_word(void *addr, uint64_t word)
{
	struct shmi_header *h = addr;

	h->backend_word = word;
}

uint64_t shmipc_segment_word(const void *addr)
{
	const struct shmi_header *h = addr;

	return h->backend_word;
}

int shmipc_segment_write_word(int fd, uint64_t word)
{
	ssize_t n = pwrite(fd, &word, sizeof(word),
			   offsetof(struct shmi_header, backend_word));

	if (n < 0)
		return -errno;
	return n == sizeof(word) ? 0 : -EIO;
}

/* Can this byte be set when the creator has not written all of the magic? */
static bool comes_early(const struct shmi_header *h, size_t offset)
{
	const size_t state = offsetof(struct shmi_header, state);
	const size_t word = offsetof(struct shmi_header, backend_word);

	if (offset < sizeof(magic))
		return h->magic[offset] == magic[offset];
	return (offset >= state && offset - state < sizeof(h->state)) ||
	       (offset >= word && offset - word < sizeof(h->backend_word));
}

/*
 * A header with nothing but a state, the backend's word, and bytes of the
 * magic: its creator was killed before it wrote anything else. (A creator that
 * is writing now may look like a stranger.)
 */
static bool is_blank(const struct shmi_header *h)
{
	const char *byte = (const char *)h;

	for (size_t i = 0; i < SHMIPC_HEADER_LOOK; i++)
		if (byte[i] && !comes_early(h, i))
			return false;
	return true;
}

/*
 * Kind and name of a header that is unfinished or dead, according to state.
 * Returns the code of shmipc_segment_identify().
 */
static int identify_rest(const struct shmi_header *h, int state,
			 struct shmipc_segment_facts *ret)
{
	struct shmipc_segment_facts facts = { .kind = 0 };
	char name[SHMI_HEADER_NAME];
	int r = kind_of_unfinished(h, &facts.kind);

	if (r == -EAGAIN && memcmp(h->magic, magic, sizeof(magic)) &&
	    !is_blank(h))
		r = -EPROTO;
	if (r == -EINPROGRESS) {
		memcpy(name, h->name, sizeof(name));
		name[sizeof(name) - 1] = '\0';
		if (!shmipc_name_is_valid(name))
			return damaged("its name is not a name");
		strcpy(facts.name, name);
	}
	if (r == -EPROTO)
		return damaged("it was not made by this library");
	*ret = facts;
	return state == -ESTALE ? state : r;
}

int shmipc_segment_identify(const void *addr, size_t length,
			    struct shmipc_segment_facts *ret)
{
	struct copy copy;
	int r;

	r = copy_ready(&copy, addr, length, ABI);
	if (r == -EAGAIN || r == -ESTALE)
		return identify_rest(addr, r, ret);
	if (r < 0)
		return r;
	if (!shmipc_name_is_valid(copy.name))
		return damaged("its name is not a name");
	get_facts(&copy, ret);
	return 0;
}
