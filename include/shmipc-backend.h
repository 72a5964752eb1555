/* SPDX-License-Identifier: MIT */
/*
 * The ops table: everything that an author of a backend needs.
 *
 * A backend is two families of operations, and decides nothing about meaning:
 *
 *   segments  named pieces of shared memory, made before they are visible
 *   places    a kernel counting semaphore each, to sleep on and to wake by
 *
 * What stands in a segment (its name, exact size, the value of a semaphore)
 * is the core's; the backend neither reads nor writes it, but for the
 * helpers at the end. A region is a segment; a semaphore is a segment of one
 * header and a place.
 *
 * True of every operation:
 *
 *   Result   0 or a negative errno value. errno itself may be clobbered.
 *   Failure  undoes what the operation did: no descriptor, mapping, name or
 *            kernel object is left behind. shmipc_backend_error() leaves a
 *            sentence for the user; without one he gets a general one.
 *   Codes    those listed, and anywhere -ENOMEM, -EMFILE (also for -ENFILE)
 *            and -EIO.
 *   Locks    none are held. No operation may call the functions of shmipc.h.
 *   Threads  may run in several threads at once, also on one connection and
 *            one segment; but the first and the last operation on a segment
 *            or connection run alone.
 *   fork     a child uses connections and segments of its parent, also when
 *            another thread was inside an operation during fork(): take no
 *            lock that such a child would find locked.
 *   Signals  ksem_post() is async-signal-safe. Nothing else is.
 *   Blocking allowed only where BLOCKS is written.
 *   Exec     every descriptor is close-on-exec, every mapping ends.
 *
 * What the core promises to the backend:
 *
 *   - names are 1 to SHMIPC_NAME_MAX bytes of A-Z a-z 0-9 . _ - and kinds are
 *     SHMIPC_SHM or SHMIPC_SEM; lengths are at least SHMIPC_HEADER_SIZE;
 *     modes are 0 to 0777
 *   - a segment comes to exactly one segment_create(), segment_open() or
 *     segment_import(), and if that succeeds to exactly one segment_close(),
 *     after every other operation on it
 *   - a created segment is filled by the core, then comes to exactly one
 *     segment_publish() or straight to segment_close()
 *   - ksem_create() only on a created, unpublished segment of kind
 *     SHMIPC_SEM; ksem_open() only on an opened or imported one that was not
 *     opened for reading only; ksem_wait() and ksem_post() only between one
 *     of these and ksem_close()
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
#define SHMIPC_BACKEND_PRIVATE_MAX 8192

/* Bytes at the start of every segment that belong to the core. */
#define SHMIPC_HEADER_SIZE 4096U

/* The first of them say what the segment is, all but a semaphore's value. */
#define SHMIPC_HEADER_LOOK 512U

/* Most descriptors that one segment is handed over by. */
#define SHMIPC_SEGMENT_FDS 2

/*
 * Capabilities only a backend's author sees, beside those of shmipc.h.
 *
 * EARLY_NAME: a segment can be found under its name from segment_create() on,
 * because the system has no way to link a finished one. Then segment_open()
 * tells finished from unfinished with shmipc_segment_look(), and
 * segment_publish() ends with shmipc_segment_commit(), which the core
 * otherwise calls before it.
 */
#define SHMIPC_CAP_EARLY_NAME 0x100U

/* Flags of segment_create(), segment_open(), _import() and _export(). */
#define SHMIPC_SEGMENT_LAZY	 0x01U /* create: reserve no pages */
#define SHMIPC_SEGMENT_RDONLY	 0x02U /* the others: for reading only */
#define SHMIPC_SEGMENT_PEEK	 0x04U /* open: for a look; no user of it */
#define SHMIPC_SEGMENT_NOWAIT	 0x10U /* open, with PEEK: wait for nobody */
#define SHMIPC_SEGMENT_TRANSIENT 0x08U /* create: gone with its last user */
/*
 * create, not LAZY: a hint that the core is going to map every page now. It
 * does so whatever the backend makes of this; see populated.
 */
#define SHMIPC_SEGMENT_PREFAULT 0x20U

/*
 * A segment in this process. The core allocates it, with segment_size zeroed
 * bytes at priv and the connection's conn_size bytes at conn.
 */
struct shmipc_segment {
	/* Set by the core before the first operation; constant. */
	const struct shmipc_backend *backend;
	enum shmipc_kind kind;
	const char *name;
	void *conn;
	void *priv;

	/* Set by segment_create(), _open() and _import(), read by the core. */
	void *addr; /* first byte of the mapping, page aligned */
	/*
	 * Bytes mapped, at least what was asked for. PEEK may map no more than
	 * the header, or a copy of it, and says here how long all of it is.
	 */
	size_t length;
	/*
	 * OPTIONAL, set by segment_open() and segment_import():
	 * SHMIPC_HEADER_LOOK bytes of the header that the backend has read,
	 * aligned like it, up to segment_close(). The core judges them then,
	 * and does not touch the mapping for it, which would be a page fault.
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
	 *   -ENOSYS    it cannot; the sentence says what is missing
	 *   -ENOTCONN  with SHMIPC_CAP_FDS: not quite. Nothing can be created
	 *              here; what exists can be had by descriptor, and by name
	 *              perhaps. The sentence says what is missing. Who names
	 *              this backend alone is given it all the same
	 */
	int (*probe)(void);

	/*
	 * A connection's last moment, after all its segments are closed.
	 * OPTIONAL: without it there is nothing to undo. There is no open:
	 * connections start as zeros.
	 */
	void (*conn_close)(void *conn);

	/*
	 * Make a segment of length bytes, zero, reserved unless LAZY, mapped
	 * for writing, and count the caller among its users. The permission
	 * bits are exactly mode; the caller's mapping is writable whatever
	 * they say. Nobody finds it under seg->name yet (but see EARLY_NAME).
	 * TRANSIENT: see segment_close(). The core writes into the header that
	 * it is: shmipc_segment_is_transient().
	 * BLOCKS for another creator of the same name, at most 5 s.
	 *   -EEXIST     the name is taken; only if it is cheap to see now
	 *   -EAGAIN     somebody is in the way; the core starts over
	 *   -ENOSPC     the pages cannot be reserved, or a limit was hit; the
	 *               sentence names it
	 *   -ENOTSUP    mode has bits that this backend cannot honour
	 *   -EACCES     the name space may not be written, or the name is held
	 *               by what only another user can remove
	 *   -ECONNREFUSED -ETIMEDOUT  a helper process cannot be had
	 */
	int (*segment_create)(struct shmipc_segment *seg, size_t length,
			      mode_t mode, unsigned flags);

	/*
	 * Give a created and complete segment its name. Of two racing
	 * callers one wins. BLOCKS as segment_create().
	 *   -EEXIST     the name is taken
	 *   -EAGAIN     as segment_create(); EARLY_NAME: somebody judged this
	 *               creator dead
	 *   -ESTALE     as segment_open()
	 *   -ENOSPC -EACCES -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_publish)(struct shmipc_segment *seg);

	/*
	 * Find the segment of seg->kind under seg->name, map all of it and,
	 * unless PEEK, count the caller among its users until
	 * segment_close(), its death or exec, in forked children too.
	 * PEEK implies RDONLY. BLOCKS for a live creator, at most 5 s.
	 *
	 * A transient segment without a user is none, and must never get one:
	 * that there is one and the caller's becoming one must be one step for
	 * all others. Take its name away, if that is possible; when peeking,
	 * leave it.
	 *   -ENOENT     no such name
	 *   -EAGAIN     it is transient, and its users come and go just now;
	 *               the core starts over
	 *   -EACCES     the permission bits do not allow it
	 *   -EPROTO     something else has the name
	 *   -ETIMEDOUT  its creator has not finished in 5 s, or with NOWAIT is
	 *               not finished
	 *   -ESTALE     names are lost that this connection depends on; not
	 *               with PEEK
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_open)(struct shmipc_segment *seg, unsigned flags);

	/*
	 * Unmap it and release whatever is behind seg->priv. A segment that
	 * was created and not published is gone with this. So is a transient
	 * one with its last user, unless it was peeked: its name goes. A user
	 * who does not get here leaves it to the next segment_open() or
	 * segment_create() of the name. BLOCKS as segment_open().
	 */
	void (*segment_close)(struct shmipc_segment *seg);

	/* Look at a segment that was opened with PEEK. */
	int (*segment_stat)(struct shmipc_segment *seg,
			    struct shmipc_segment_stat *ret);

	/*
	 * Take the name away and keep the bytes, and the place, for those who
	 * have them open. What has the name is looked at before, with
	 * shmipc_segment_look(), by the backend, which can do that in one go:
	 * the core does not. Something else is left as it is, and a transient
	 * segment without a user is none. Who may not read the segment and
	 * owns it succeeds, looked at or not. BLOCKS as segment_open().
	 *   -ENOENT     no such name
	 *   -EAGAIN     as segment_open()
	 *   -EACCES     not the owner
	 *   -EPROTO     something else has the name
	 *   -ESTALE -ETIMEDOUT  as segment_open()
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_unlink)(void *conn, enum shmipc_kind kind,
			      const char *name);

	/*
	 * Call found() with the name of every segment of this kind, and
	 * possibly of some that do not exist or are not ours: the core looks
	 * at each. found() may open and unlink segments. Stop when found()
	 * is not 0, and return 0 then too. BLOCKS as segment_open().
	 *   -EACCES     the name space may not be read
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*segment_list)(void *conn, enum shmipc_kind kind,
			    int (*found)(const char *name, void *arg),
			    void *arg);

	/*
	 * Call found() for every segment that this connection has open and
	 * whose name was lost, by the death of a helper process, without having
	 * been unlinked. In the info: name, kind, and what is known without
	 * one. Stop when found() is not 0, and return 0 then too. OPTIONAL, for
	 * backends whose names can be lost. BLOCKS as segment_open().
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*lost)(void *conn,
		    int (*found)(const struct shmipc_info *info, void *arg),
		    void *arg);

	/*
	 * Call found() for everything that is certainly of no use to anybody
	 * and that the caller may remove; with remove, after removing it.
	 * That is: transient segments without a user, and whatever the
	 * operations of this backend leave behind when they are killed half
	 * way. In the info: name, if there is none what the system calls it;
	 * kind; and size, mode, uid, gid, created and creator where they are
	 * known. Stop when found() is not 0, and return 0 then too. BLOCKS as
	 * segment_open().
	 *
	 * A live creator may be made to start over, and nothing else that is
	 * alive may notice. Somebody else may do the same at the same time.
	 *   -EACCES     the name space may not be read
	 *   -ECONNREFUSED -ETIMEDOUT  as segment_create()
	 */
	int (*gc)(void *conn, int remove,
		  int (*found)(const struct shmipc_info *info, void *arg),
		  void *arg);

	/*
	 * OPTIONAL: this and segment_import(), both or neither, and exactly
	 * with SHMIPC_CAP_FDS.
	 *
	 * New descriptors that the segment can be imported from, in whatever
	 * process, also when it has no name any more. They are the caller's,
	 * and keep the segment in use as long as one of them or a copy is open.
	 * flags: SHMIPC_SEGMENT_RDONLY if it was opened with it: then they must
	 * be of no use for writing. fds comes filled with -1; a semaphore needs
	 * its place there too, unless RDONLY.
	 *   -EACCES     descriptors for this cannot be had by the caller
	 *   -EBADF      the program has closed descriptors of the backend's
	 */
	int (*segment_export)(struct shmipc_segment *seg, unsigned flags,
			      int fds[SHMIPC_SEGMENT_FDS]);

	/*
	 * Open and map what these descriptors lead to, as segment_open() does
	 * with a name; seg->name is "" meanwhile. The core takes the name out
	 * of the header then, and judges that. flags: 0 or
	 * SHMIPC_SEGMENT_RDONLY; with that, a semaphore's place is not needed.
	 *
	 * The descriptors stay the caller's, who may close them afterwards.
	 * They may be anything, also made to do harm: nothing that they lead to
	 * may be written, read, opened or waited for before it is known to be
	 * of the right kind, and mapping it must be safe as long as it is
	 * mapped. Asks nobody, and starts nothing.
	 *   -EBADF      no open descriptor
	 *   -EPROTO     not what segment_export() hands out
	 *   -EACCES     not RDONLY, and it is a descriptor for reading only
	 *   -ENOENT     transient, and it has no user any more
	 *   -EAGAIN     as segment_open()
	 */
	int (*segment_import)(struct shmipc_segment *seg,
			      const int fds[SHMIPC_SEGMENT_FDS],
			      unsigned flags);

	/*
	 * Make a kernel counting semaphore of value 0 for this segment and
	 * open it. Whoever may write the segment may use it. It must be found
	 * again from the segment itself (its inode, its id), not from bytes
	 * in it, which a hostile peer can write.
	 *   -ENOSPC     a limit was hit; the sentence names it
	 *   -EAGAIN     something is in the way; the core starts over
	 */
	int (*ksem_create)(struct shmipc_segment *seg, mode_t mode);

	/*
	 * Open the place of an opened segment.
	 *   -ENOENT     the segment was unlinked meanwhile; the core starts
	 *               over
	 *   -EACCES     the permission bits do not allow it
	 *   -EPROTO     the place is damaged or not ours
	 */
	int (*ksem_open)(struct shmipc_segment *seg);

	/*
	 * Sleep until a token can be taken, and take it. BLOCKS until the
	 * deadline, absolute CLOCK_MONOTONIC, never NULL. A wake-up without a
	 * token counts as one. A cancellation point.
	 *   -ETIMEDOUT  the deadline has passed
	 *   -EINTR      a signal handler ran
	 *   -EIDRM      somebody removed the place behind our back
	 */
	int (*ksem_wait)(struct shmipc_segment *seg,
			 const struct timespec *deadline);

	/*
	 * Add a token. Never blocks, async-signal-safe, cannot fail: when the
	 * kernel's counter is full there are tokens enough.
	 */
	void (*ksem_post)(struct shmipc_segment *seg);

	/* Close it for this process; runs before segment_close(). */
	void (*ksem_close)(struct shmipc_segment *seg);

	/*
	 * Undo ksem_create() for a segment that will not be published; runs
	 * before ksem_close(). OPTIONAL: without it a place goes with the
	 * segment.
	 */
	void (*ksem_remove)(struct shmipc_segment *seg);
};

/**
 * Leave a sentence for shmipc_errmsg() and hand the code through, so that a
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

/*
 * The helpers for SHMIPC_CAP_EARLY_NAME, and for segment_unlink(). They read
 * nothing outside the bytes they are given and believe nothing that stands
 * there. A segment must stay mapped from the look at it until the last act
 * that rests on that look.
 */

/**
 * What stands in these bytes?
 *
 * @param addr	a mapped segment, at least readable, or a copy of its first
 *	SHMIPC_HEADER_LOOK bytes
 * @param length	bytes that the whole segment has
 *
 * @retval 0		a complete segment of this kind and name
 * @retval -ESRCH	a segment of another kind or name, complete or not
 * @retval -EINPROGRESS	unfinished, and going to have this kind and name
 * @retval -EAGAIN	unfinished, and it is not written what it will be
 * @retval -ESTALE	given up or retired: remove it
 * @retval -EPROTO	damaged or not ours
 */
SHMIPC_API int shmipc_segment_look(const void *addr, size_t length,
				   enum shmipc_kind kind, const char *name);

/**
 * The name that a segment of this kind says it has, for segment_list() and
 * collect().
 *
 * @retval 0		a complete segment
 * @retval -EINPROGRESS	unfinished
 * @retval -EAGAIN	unfinished, and it has no name yet: ret is ""
 * @retval -ESTALE	given up or retired; ret is "" if it has none
 * @retval -ESRCH	of another kind
 * @retval -EPROTO	damaged or not ours
 */
SHMIPC_API int shmipc_segment_name(const void *addr, size_t length,
				   enum shmipc_kind kind,
				   char ret[SHMIPC_NAME_MAX + 1]);

/**
 * The last act of segment_publish(): from now on the segment is complete.
 *
 * @retval 0		it is
 * @retval -EAGAIN	somebody has given it up before
 */
SHMIPC_API int shmipc_segment_commit(void *addr);

/**
 * Give up an unfinished segment, so that its creator, should it still live,
 * cannot finish it any more.
 *
 * @retval 0		given up, by this call or an earlier one: remove it
 * @retval -EEXIST	it is complete
 */
SHMIPC_API int shmipc_segment_abort(void *addr);

/**
 * Of several who unlink one segment, which one did it? For systems that let
 * each of them succeed.
 *
 * @retval 0		the caller
 * @retval -ENOENT	somebody else
 */
SHMIPC_API int shmipc_segment_end(void *addr);

/**
 * Is a segment transient? It must be one that shmipc_segment_look() found to
 * be complete. Who may write it may change that.
 *
 * @return	1 or 0
 */
SHMIPC_API int shmipc_segment_is_transient(const void *addr);

/**
 * A word in the header for the backend's own use, 0 until it is set. Who may
 * write the segment may change it, so what it leads to has to be verified.
 */
SHMIPC_API void shmipc_segment_set_word(void *addr, uint64_t note);
SHMIPC_API uint64_t shmipc_segment_word(const void *addr);

#ifdef __cplusplus
}
#endif

#endif /* SHMIPC_BACKEND_H */
