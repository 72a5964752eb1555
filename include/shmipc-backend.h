/* SPDX-License-Identifier: MIT */
/*
 * The ops table: everything that an author of a backend needs.
 *
 * A backend has two families of operations and decides nothing about meaning:
 *
 *   segments  named pieces of shared memory, complete before they are visible
 *   ksems     kernel counting semaphores of a segment, used only to sleep and
 *             to wake
 *
 * The contents of a segment (its name, its exact size, the value of a
 * semaphore) belong to the core. A backend neither reads nor writes them except
 * through the helpers at the end of this file. A region is a segment with
 * bytes; a semaphore is a segment without bytes and with one ksem. A backend
 * does not distinguish kinds of objects: what it needs to know about one stands
 * in struct shmipc_kind_info.
 *
 * These rules hold for every operation:
 *
 *   Result   0 or a negative errno value. errno itself may be clobbered.
 *   Failure  undoes what the operation did: no descriptor, mapping, name or
 *            kernel object is left behind. shmipc_backend_error() leaves a
 *            message for the user; without one the core uses a general message.
 *   Codes    the listed ones, and in addition always -ENOMEM, -EMFILE (also
 *            for -ENFILE) and -EIO.
 *   Locks    none are held. No operation may call the functions of shmipc.h,
 *            except shmipc_kind_at() and shmipc_kind_find().
 *   Threads  may run in several threads at once, also on one connection and
 *            one segment. The first and the last operation on a segment or
 *            connection run alone.
 *   fork     a child uses connections and segments of its parent, even if
 *            another thread was inside an operation during fork(): take no
 *            lock that the child would find locked.
 *   Signals  ksem_post() is async-signal-safe. Nothing else is.
 *   Blocking is allowed only where BLOCKS is written.
 *   Exec     every descriptor is close-on-exec, every mapping ends.
 *
 * What the core promises to the backend:
 *
 *   - names are 1 to SHMIPC_NAME_MAX bytes of A-Z a-z 0-9 . _ -; kinds are
 *     registered ones; lengths are at least SHMIPC_HEADER_SIZE; modes are 0 to
 *     0777
 *   - a segment sees exactly one segment_create(), segment_open() or
 *     segment_import(), and if that succeeds exactly one segment_close(), after
 *     every other operation on it. (The segment of segment_list() is special.)
 *   - the core fills a created segment, and then calls segment_publish() once,
 *     or segment_close()
 *   - ksem operations are called only if the kind has ksems. ksem_create() is
 *     called only on a created, unpublished segment; ksem_open() only on an
 *     opened or imported one that was not opened for reading only; ksem_wait()
 *     and ksem_post() only between one of these and ksem_close(), with an index
 *     below the kind's number of ksems
 *
 * All operations are required, except those marked OPTIONAL.
 * shmipc_backend_register() checks every table, so this text cannot drift.
 */
#ifndef SHMIPC_BACKEND_H
#define SHMIPC_BACKEND_H

#include <shmipc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The layout of the structures below; goes into shmipc_backend.abi. */
#define SHMIPC_BACKEND_ABI 1U

/* Most backends that one process can know; limits of what one may ask for. */
#define SHMIPC_BACKENDS_MAX	   16
#define SHMIPC_BACKEND_NAME_MAX	   31
#define SHMIPC_BACKEND_PRIVATE_MAX 1024

/* Bytes at the start of every segment that belong to the core. */
#define SHMIPC_HEADER_SIZE 4096U

/* The first bytes of these say what the segment is; the rest may change. */
#define SHMIPC_HEADER_LOOK 512U

/* Most kernel semaphores of one segment. */
#define SHMIPC_KSEMS_MAX 3

/* Most descriptors that carry one segment: its memory and its ksems. */
#define SHMIPC_SEGMENT_FDS (1 + SHMIPC_KSEMS_MAX)

/*
 * A capability that only a backend's author sees, beside those of shmipc.h.
 *
 * EARLY_NAME: a segment can be found under its name from segment_create() on,
 * because the system has no way to link a finished one. Then segment_open()
 * uses shmipc_segment_look() to skip unfinished segments, and
 * segment_publish() ends with shmipc_segment_commit(). On other backends the
 * core calls shmipc_segment_commit() before segment_publish().
 */
#define SHMIPC_CAP_EARLY_NAME 0x100U

/* Flags of segment_create(), segment_open(), _import() and _export(). */
#define SHMIPC_SEGMENT_LAZY	 0x01U /* create: reserve no pages */
#define SHMIPC_SEGMENT_RDONLY	 0x02U /* the others: for reading only */
#define SHMIPC_SEGMENT_PEEK	 0x04U /* open: a look that makes no user */
#define SHMIPC_SEGMENT_TRANSIENT 0x08U /* create: gone with its last user */
#define SHMIPC_SEGMENT_NOWAIT	 0x10U /* open, with PEEK: do not wait */
/*
 * create, not with LAZY: a hint that the core is going to map every page. The
 * core does that whether or not the backend uses the hint; see populated.
 */
#define SHMIPC_SEGMENT_PREFAULT 0x20U

/*
 * A segment in this process. The core allocates it, with segment_size zeroed
 * bytes at priv and the connection's conn_size bytes at conn.
 */
struct shmipc_segment {
	/* Set by the core before the first operation; constant. */
	const struct shmipc_backend *backend;
	const struct shmipc_kind_info *kind;
	const char *name;
	void *conn;
	void *priv;

	/* Set by segment_create(), _open() and _import(), read by the core. */
	void *addr; /* first byte of the mapping, page aligned */
	/*
	 * Bytes mapped, at least what was asked for. With PEEK the mapping may
	 * hold only the header, or a copy of it; this is the length of the
	 * whole segment even then.
	 */
	size_t length;
	/*
	 * OPTIONAL, set by segment_open() and segment_import():
	 * SHMIPC_HEADER_LOOK bytes of the header that the backend has read,
	 * aligned like it, valid until segment_close(). The core then judges
	 * these bytes, which saves a page fault in the mapping.
	 */
	const void *header;
	/*
	 * OPTIONAL, set by segment_create(): 1 if every page is mapped, as
	 * SHMIPC_PREFAULT wants it. The core does not do it again then.
	 */
	int populated;
};

/* What segment_stat() says. */
struct shmipc_segment_stat {
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	int in_use;	   /* 0 or 1: does any process have it open? */
	unsigned attached; /* handles, not counting PEEK ones */
};

/*
 * One run of gc(). The backend reports each find with shmipc_gc_found() and
 * stops when over is set.
 */
struct shmipc_gc {
	int remove; /* 1: remove what is found, and report it after that */
	int over;   /* set by shmipc_gc_found(): the caller wants no more */
};

/* A backend. */
struct shmipc_backend {
	/* SHMIPC_BACKEND_ABI of the header it was compiled with. */
	uint32_t abi;

	/* SHMIPC_CAP_* */
	uint32_t caps;

	/*
	 * What SHMIPC_BACKEND is compared with: 1 to SHMIPC_BACKEND_NAME_MAX
	 * of a-z 0-9 _ -. Never changes once released.
	 */
	const char *name;

	/* The kernel objects it uses, for people: "shm_open(3), sem_open(3)" */
	const char *objects;

	/*
	 * Zeroed bytes behind every connection and every segment, at most
	 * SHMIPC_BACKEND_PRIVATE_MAX each.
	 */
	size_t conn_size;
	size_t segment_size;

	/*
	 * Can this backend work here and now? No lasting side effects.
	 *   -ENOSYS    no; the message says what is missing
	 *   -ENOTCONN  with SHMIPC_CAP_FDS: in part. Nothing can be created
	 *              here, but existing objects can be had by descriptor, and
	 *              perhaps by name. The message says what is missing. If
	 *              the user names only this backend, it is used
	 *              anyway
	 */
	int (*probe)(void);

	/*
	 * The end of a connection, after all its segments are closed.
	 * OPTIONAL: without it there is nothing to undo. There is no open
	 * operation: connections start as zeros.
	 */
	void (*conn_close)(void *conn);

	/*
	 * Make a segment of length bytes: zero, reserved unless LAZY, mapped
	 * for writing, with the caller as its first user. The permission bits
	 * are exactly mode; the caller's mapping is writable in any case. It
	 * cannot be found under seg->name yet (but see EARLY_NAME).
	 * TRANSIENT: see segment_close(). The core writes that flag into the
	 * header; see shmipc_segment_is_transient().
	 * BLOCKS for another creator of the same name, at most 5 s.
	 *   -EEXIST     the name is taken; only if that is cheap to see now
	 *   -EAGAIN     another process interfered; the core starts over
	 *   -ENOSPC     the pages cannot be reserved, or a limit was hit; the
	 *               message names it
	 *   -ENOTSUP    mode has bits that this backend cannot honour
	 *   -EACCES     the name space may not be written, or only another user
	 *               can remove what holds the name
	 *   -ECONNREFUSED -ETIMEDOUT  a helper process cannot be had
	 */
	int (*segment_create)(struct shmipc_segment *seg, size_t length,
			      mode_t mode, unsigned flags);

	/*
	 * Give a created and complete segment its name. Of two racing
	 * callers one wins. BLOCKS as segment_create().
	 *   -EEXIST     the name is taken
	 *   -EAGAIN     as segment_create(); EARLY_NAME: another process
	 *               took this creator for dead
	 *   -ESTALE     as segment_open()
	 *   -ENOSPC -EACCES -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_publish)(struct shmipc_segment *seg);

	/*
	 * Find the segment of seg->kind under seg->name, map all of it and,
	 * unless PEEK, make the caller one of its users until
	 * segment_close(), its death or exec, in forked children too.
	 * PEEK implies RDONLY. BLOCKS for a live creator, at most 5 s.
	 *
	 * A transient segment without a user does not exist, and must never
	 * get a user again: for all others, seeing that it has a user and
	 * becoming one must be a single step. Remove the name of such a
	 * segment if that is possible; when peeking, leave it.
	 *   -ENOENT     no such name
	 *   -EAGAIN     it is transient, and its users come and go just now;
	 *               the core starts over
	 *   -EACCES     the permission bits do not allow it
	 *   -EPROTO     something else has the name
	 *   -ETIMEDOUT  its creator has not finished in 5 s, or with NOWAIT is
	 *               not finished
	 *   -ESTALE     names that this connection depends on are lost; not
	 *               with PEEK
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_open)(struct shmipc_segment *seg, unsigned flags);

	/*
	 * Unmap it and release whatever is behind seg->priv. A segment that
	 * was created and not published is gone with this. So is a transient
	 * one with its last user, unless it was peeked: its name goes. If a
	 * user ends without this call, the next segment_open() or
	 * segment_create() of the name removes it. BLOCKS as segment_open().
	 */
	void (*segment_close)(struct shmipc_segment *seg);

	/* Look at a segment that was opened with PEEK or yielded by list. */
	int (*segment_stat)(struct shmipc_segment *seg,
			    struct shmipc_segment_stat *ret);

	/*
	 * Take the name away and keep the bytes and ksems for processes that
	 * have them open. The backend checks what has the name with
	 * shmipc_segment_look(), in one step with the removal; the core does
	 * not. Something else is left as it is, and a transient segment
	 * without a user does not exist. An owner that may not read the
	 * segment succeeds without that check. BLOCKS as segment_open().
	 *   -ENOENT     no such name
	 *   -EAGAIN     as segment_open()
	 *   -EACCES     not the owner
	 *   -EPROTO     something else has the name
	 *   -ESTALE -ETIMEDOUT  as segment_open()
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_unlink)(void *conn, const struct shmipc_kind_info *kind,
			      const char *name);

	/*
	 * Show every complete segment, of any kind, that the caller may read.
	 * The core gives one segment, in which everything up to priv is set
	 * except kind and name. For each find, the backend sets both, opens
	 * the segment there as segment_open() does with PEEK and NOWAIT, calls
	 * found(), closes it, and zeroes priv again. The name must be valid.
	 * A segment that is gone, unfinished, unreadable or not ours is left
	 * out. found() may open and unlink segments with other structures.
	 * Stop when found() is not 0, and return 0 then too. BLOCKS for a
	 * helper process, as segment_open(), but for no creator.
	 *   -EACCES     the name space may not be read
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_list)(struct shmipc_segment *seg,
			    int (*found)(struct shmipc_segment *seg, void *arg),
			    void *arg);

	/*
	 * Call found() for every segment that this connection has open and
	 * whose name was lost by the death of a helper process, without having
	 * been unlinked. In the info: name, kind, and what else is known
	 * without a name. Stop when found() is not 0, and return 0 then too.
	 * OPTIONAL, for backends whose names can be lost. BLOCKS as
	 * segment_open().
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*lost)(void *conn,
		    int (*found)(const struct shmipc_info *info, void *arg),
		    void *arg);

	/*
	 * Report everything that is certainly of no use to anybody and that
	 * the caller may remove; with gc->remove, remove it first. That is:
	 * transient segments without a user (orphans), dead and unfinished
	 * segments, and whatever else the operations of this backend leave
	 * behind when they are killed half way. In the info: the name, or else
	 * what the system calls it; the kind; and size, mode, uid, gid,
	 * created and creator where they are known. BLOCKS as segment_open().
	 *
	 * A live creator may be made to start over; nothing else that is alive
	 * may notice. Other processes may do the same at the same time.
	 *   -EACCES     the name space may not be read
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*gc)(void *conn, struct shmipc_gc *gc);

	/*
	 * OPTIONAL: this and segment_import(), both or neither, and exactly
	 * with SHMIPC_CAP_FDS.
	 *
	 * New descriptors that any process can import the segment from, even
	 * when it has no name any more. They belong to the caller, and keep
	 * the segment in use as long as one of them or a copy is open.
	 * flags: SHMIPC_SEGMENT_RDONLY if it was opened with it: then they must
	 * be of no use for writing. fds comes filled with -1: first the
	 * memory, then, unless RDONLY, the kind's ksems.
	 *   -EACCES     the caller cannot have descriptors for this
	 *   -EBADF      the program has closed descriptors of the backend's
	 */
	int (*segment_export)(struct shmipc_segment *seg, unsigned flags,
			      int fds[SHMIPC_SEGMENT_FDS]);

	/*
	 * Open and map what these descriptors lead to, as segment_open() does
	 * with a name; seg->name is "" meanwhile. Afterwards the core takes the
	 * name out of the header and judges that. flags: 0 or
	 * SHMIPC_SEGMENT_RDONLY; with RDONLY, ksems are not needed.
	 *
	 * The descriptors stay the caller's, and the caller may close them
	 * afterwards. They may be anything, also made to do harm: nothing that
	 * they lead to may be written, read, opened or waited for before it is
	 * known to be of the right sort, and mapping it must be safe as long as
	 * it is mapped. Asks no helper process, and starts none.
	 *   -EBADF      no open descriptor
	 *   -EPROTO     not what segment_export() hands out
	 *   -EACCES     not RDONLY, and it is a descriptor for reading only
	 *   -ENOENT     it is transient and has no user any more
	 *   -EAGAIN     as segment_open()
	 */
	int (*segment_import)(struct shmipc_segment *seg,
			      const int fds[SHMIPC_SEGMENT_FDS],
			      unsigned flags);

	/*
	 * Make seg->kind->ksems kernel counting semaphores of value 0 for this
	 * segment and open them. A process that may write the segment may use
	 * them. They must be found again from the segment itself (its inode,
	 * its id), not from bytes in it, which a hostile peer can write.
	 *   -ENOSPC     a limit was hit; the message names it
	 *   -EAGAIN     something is in the way; the core starts over
	 */
	int (*ksem_create)(struct shmipc_segment *seg, mode_t mode);

	/*
	 * Open the ksems of an opened segment.
	 *   -ENOENT     the segment was unlinked meanwhile; the core starts
	 *               over
	 *   -EACCES     the permission bits do not allow it
	 *   -EPROTO     they are damaged or not ours
	 */
	int (*ksem_open)(struct shmipc_segment *seg);

	/*
	 * Sleep until a token can be taken from this ksem, and take it. BLOCKS
	 * until the deadline, absolute CLOCK_MONOTONIC, never NULL. A wake-up
	 * without a token counts as one. A cancellation point.
	 *   -ETIMEDOUT  the deadline has passed
	 *   -EINTR      a signal handler ran
	 *   -EIDRM      another process removed the ksem
	 */
	int (*ksem_wait)(struct shmipc_segment *seg, unsigned index,
			 const struct timespec *deadline);

	/*
	 * Add a token to this ksem. Never blocks, async-signal-safe, cannot
	 * fail: when the kernel's counter is full there are tokens enough.
	 */
	void (*ksem_post)(struct shmipc_segment *seg, unsigned index);

	/* Close all ksems for this process; runs before segment_close(). */
	void (*ksem_close)(struct shmipc_segment *seg);

	/*
	 * Undo ksem_create() for a segment that will not be published; runs
	 * before ksem_close(). OPTIONAL: without it ksems go with the segment.
	 */
	void (*ksem_remove)(struct shmipc_segment *seg);
};

/**
 * Leave a message for shmipc_errmsg() and hand the code through, so that a
 * backend can write: return shmipc_backend_error(-ENOSPC, "...", ...).
 *
 * @param err	negative errno value
 * @param fmt	printf format: the cause and the remedy, without the object's
 *	name and the backend's, and without a full stop: the core adds both
 * @return	err
 */
SHMIPC_API int shmipc_backend_error(int err, const char *fmt, ...)
#if defined(__GNUC__) || defined(__clang__)
	__attribute__((format(printf, 2, 3)))
#endif
	;

/** The message that shmipc_backend_error() left last in this thread, or "". */
SHMIPC_API const char *shmipc_backend_cause(void);

/** Report one find of gc(). Sets gc->over when the caller wants no more. */
SHMIPC_API void shmipc_gc_found(struct shmipc_gc *gc,
				const struct shmipc_info *info);

/** 1 if this is the name of an object, without a slash; 0 if not, or NULL. */
SHMIPC_API int shmipc_name_is_valid(const char *name);

/*
 * The helpers for what stands in a segment. They read nothing outside the bytes
 * they are given and believe nothing that stands there. A segment must stay
 * mapped from the look at it until the last act that rests on that look.
 *
 * addr is a mapped segment, at least readable, or a copy of its first
 * SHMIPC_HEADER_LOOK bytes; length is how many bytes the whole segment has.
 */

/**
 * Is this the segment of this kind and name?
 *
 * @retval 0		yes, and it is complete
 * @retval -ESRCH	it has another kind or name, complete or not
 * @retval -EINPROGRESS	unfinished, and going to have this kind and name
 * @retval -EAGAIN	unfinished, and kind and name are not written yet
 * @retval -ESTALE	dead: remove it
 * @retval -EPROTO	damaged or not ours
 */
SHMIPC_API int shmipc_segment_look(const void *addr, size_t length,
				   enum shmipc_kind kind, const char *name);

/**
 * The same for a process of another word size or C library, for a helper that
 * serves such processes.
 *
 * @param abi	shmipc_segment_abi() of that process
 */
SHMIPC_API int shmipc_segment_look_for(const void *addr, size_t length,
				       enum shmipc_kind kind, const char *name,
				       uint32_t abi);

/** Word size, C library and layout: processes share objects if it is equal. */
SHMIPC_API uint32_t shmipc_segment_abi(void);

/* What a header says. A peer that may write the segment may change it. */
struct shmipc_segment_facts {
	uint32_t kind;	    /* enum shmipc_kind, or an unknown one */
	int32_t creator;    /* process id */
	uint64_t size;	    /* bytes behind the header */
	int64_t created;    /* ns since the epoch */
	uint64_t pid_space; /* the creator's pid name space; 0: not known */
	int transient;
	char name[SHMIPC_NAME_MAX + 1];
};

/**
 * What is this segment?
 *
 * @param ret	filled for 0; for the next three codes only kind and name, 0 and
 *	"" if they are not written yet; otherwise untouched
 *
 * @retval 0		a complete segment
 * @retval -EINPROGRESS	unfinished
 * @retval -EAGAIN	unfinished, and kind and name are not written yet
 * @retval -ESTALE	dead: remove it
 * @retval -EPROTO	damaged or not ours, with a message
 */
SHMIPC_API int shmipc_segment_identify(const void *addr, size_t length,
				       struct shmipc_segment_facts *ret);

/**
 * The last act of segment_publish(): from now on the segment is complete.
 *
 * @retval 0		it is
 * @retval -EAGAIN	another process made it dead before
 */
SHMIPC_API int shmipc_segment_commit(void *addr);

/**
 * Make an unfinished segment dead, so that its creator cannot finish it.
 *
 * @retval 0		it is dead, by this call or an earlier one: remove it
 * @retval -EEXIST	it is complete
 */
SHMIPC_API int shmipc_segment_abort(void *addr);

/**
 * Make a complete segment dead. Where the system lets several processes unlink
 * one segment, this tells which of them did it.
 *
 * @retval 0		the caller
 * @retval -ENOENT	another process
 */
SHMIPC_API int shmipc_segment_end(void *addr);

/**
 * Is a segment transient? It must be one that shmipc_segment_look() found to
 * be complete. A peer that may write it may change that.
 *
 * @return	1 or 0
 */
SHMIPC_API int shmipc_segment_is_transient(const void *addr);

/**
 * The backend word: a word in the header for the backend's own use, 0 until it
 * is set. A peer that may write the segment may change it, so verify what it
 * leads to. shmipc_segment_write_word() sets it through a descriptor of the
 * segment's memory, and is 0 or a negative errno value.
 */
SHMIPC_API void shmipc_segment_set_word(void *addr, uint64_t word);
SHMIPC_API uint64_t shmipc_segment_word(const void *addr);
SHMIPC_API int shmipc_segment_write_word(int fd, uint64_t word);

#ifdef __cplusplus
}
#endif

#endif /* SHMIPC_BACKEND_H */
