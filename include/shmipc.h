/* SPDX-License-Identifier: MIT */
/*
 * libshmipc: named shared memory, semaphores and locks with one contract,
 * implemented on POSIX, System V or memfd+eventfd objects.
 *
 * These rules hold for every function unless its comment says otherwise:
 *
 *   Result   0 (or a count) on success, or a negative errno value that the
 *            comment lists. errno itself is not part of the interface.
 *            shmipc_errmsg() returns a message about the failure.
 *   Failure  leaves output parameters and all objects unchanged.
 *   NULL     as a handle, name or output parameter gives -EINVAL, if the
 *            function can return it.
 *   Threads  Any thread may call any function. No thread may use a handle
 *            while it is being closed or after that.
 *   Cancel   shmipc_sem_wait() and shmipc_sem_timedwait() are cancellation
 *            points (pthreads(7)). No other function is one, not
 *            even when visit() calls them.
 *   Signals  No function but shmipc_sem_post() is async-signal-safe.
 *   fork     A child process can use its parent's handles. They lead to the
 *            same objects, and the child closes them for itself only. If
 *            another thread was in the library or in malloc(3) during fork(),
 *            the child must not open or close anything before exec.
 *   exec     closes all handles safely.
 *   exit     No exit handler removes anything.
 *   Stack    No function needs more than 8 KiB, visit() not counted.
 */
#ifndef SHMIPC_H
#define SHMIPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SHMIPC_API __attribute__((visibility("default")))
#else
#define SHMIPC_API
#endif

/* Longest name, in bytes, without the optional leading slash. */
#define SHMIPC_NAME_MAX 200

/* Largest value of a semaphore. */
#define SHMIPC_SEM_VALUE_MAX 0x7fffffffU

/* Flags of shmipc_shm_open() and shmipc_sem_open(). */
#define SHMIPC_CREATE	 0x01U /* create the object if it does not exist */
#define SHMIPC_EXCL	 0x02U /* with CREATE: -EEXIST if the object exists */
#define SHMIPC_RDONLY	 0x04U /* needs read permission only; not with CREATE */
#define SHMIPC_LAZY	 0x08U /* regions: reserve no pages at creation */
#define SHMIPC_PREFAULT	 0x10U /* regions: map every page now, in bulk */
#define SHMIPC_TRANSIENT 0x20U /* with CREATE: lives only while it is used */

/* What a backend can do beyond the contract: shmipc_backend_info.caps. */
#define SHMIPC_CAP_OTHER_USERS 0x01U /* supports group and other bits of mode */
#define SHMIPC_CAP_FDS	       0x02U /* can export and import descriptors */

struct timespec;       /* <time.h> */
struct shmipc;	       /* a connection to one backend */
struct shmipc_shm;     /* an open region */
struct shmipc_sem;     /* an open semaphore */
struct shmipc_backend; /* <shmipc-backend.h> */

/* One backend, as shmipc_backends() shows it. */
struct shmipc_backend_info {
	const char *name;     /* what SHMIPC_BACKEND is compared with */
	const char *objects;  /* the kernel objects that it uses, as text */
	unsigned caps;	      /* SHMIPC_CAP_* */
	int works;	      /* 1: works here and now, else 0 */
	const char *reason;   /* why it does not, one sentence; "" if it does */
	uint64_t reserved[4]; /* 0 */
};

/* ---- connections -------------------------------------------------------- */

/**
 * Choose a backend and make a connection to it.
 *
 * The call creates no kernel object and starts no broker. If the environment
 * has SHMIPC_DEBUG=1 and the program does not run set-user-id, the library
 * logs to stderr from this call on: what it does and why calls fail.
 *
 * @param ret	on success, a connection; the caller owns it and releases it
 *	with shmipc_close()
 * @param backend	"sysv": this backend or an error, never another one.
 *	"memfd,posix": the first in the list that works here. "^sysv" or
 *	"^sysv,posix": the first that works here and is not in the list.
 *	NULL: the value of the environment variable SHMIPC_BACKEND; "posix" if
 *	that is unset or empty, or if the program runs set-user-id. memfd
 *	cannot create objects if its broker program is missing, and does not
 *	count as working then. "memfd" alone still selects it, for importing
 *	objects (shmipc_shm_import_fd()) or using a broker that already runs
 *
 * @retval 0		connected
 * @retval -EINVAL	ret is NULL; a backend is unknown (the message lists
 *	the known ones and suggests one); the list has more entries than
 *	there can be backends; or SHMIPC_DEBUG is neither 0 nor 1
 * @retval -ENOSYS	the backend, or every backend that backend allows,
 *	cannot work here; the message says why
 * @retval -ENOMEM	no memory
 */
SHMIPC_API int shmipc_open(struct shmipc **ret, const char *backend);

/**
 * Release a connection. Objects that were opened through it stay usable until
 * they are closed themselves. NULL does nothing.
 */
SHMIPC_API void shmipc_close(struct shmipc *ipc);

/** The name of the connection's backend, static; NULL for NULL. */
SHMIPC_API const char *shmipc_backend_name(const struct shmipc *ipc);

/**
 * Return a one-sentence message about the calling thread's last failed call:
 * the object, the backend, the cause and, where known, the remedy. Before the
 * first failure it is "". A successful call does not change it.
 *
 * The library owns the string. It is valid until the thread's next call.
 */
SHMIPC_API const char *shmipc_errmsg(void);

/** The library's version, "0.1.0"; static. */
SHMIPC_API const char *shmipc_version(void);

/**
 * Call visit() for every known backend, in order of preference.
 *
 * @param visit	called once per backend; info is valid during the call only.
 *	A result other than 0 ends the walk
 * @param arg	passed to visit()
 *
 * @return	how many backends were shown
 * @retval -EINVAL	visit is NULL
 */
SHMIPC_API int
shmipc_backends(int (*visit)(const struct shmipc_backend_info *info, void *arg),
		void *arg);

/**
 * Register a backend that the program implements, so that shmipc_open() knows
 * it. It comes last in the order of preference. See <shmipc-backend.h>.
 *
 * @param ops	not copied; must stay valid and unchanged until the process
 *	exits
 *
 * @retval 0		registered
 * @retval -EINVAL	ops breaks a rule of <shmipc-backend.h>; the message
 *	says which
 * @retval -EEXIST	the name is taken
 * @retval -ENOSPC	there are SHMIPC_BACKENDS_MAX backends already
 */
SHMIPC_API int shmipc_backend_register(const struct shmipc_backend *ops);

/* ---- shared memory ------------------------------------------------------ */

/**
 * Open a named region and map it. With SHMIPC_CREATE, create it if necessary.
 *
 * A new region is zeroed and its pages are reserved. No other process sees it
 * before it is complete. It lives until it is unlinked, even after its creator
 * has exited.
 *
 * With SHMIPC_TRANSIENT it lives until its last user has closed it or exited,
 * even by a crash. From then on it cannot be found, and its name is free. (On
 * posix only the owner and root can remove the name. Other users get -EACCES
 * then; with SHMIPC_EXCL and no read permission they get -EEXIST.) The flag
 * counts only in the call that creates the object; later openers may omit it.
 *
 * @param ret	on success, a handle; the caller owns it and releases it with
 *	shmipc_shm_close()
 * @param name	1 to SHMIPC_NAME_MAX bytes of A-Z a-z 0-9 . _ -, after an
 *	optional leading slash, which is ignored; copied
 * @param size	bytes. Creating: at least 1; the region has exactly this size.
 *	Opening: 0, or at most the region's size; always maps all of it
 * @param flags	SHMIPC_CREATE, SHMIPC_EXCL, SHMIPC_RDONLY, SHMIPC_TRANSIENT;
 *	SHMIPC_LAZY (creating: reserve no pages; the first access to a page
 *	that is not available then raises SIGBUS); SHMIPC_PREFAULT (creating
 *	or opening: map every page now, which costs much less than one page
 *	fault after another. If it fails on an existing lazy region, the pages
 *	allocated so far stay allocated)
 * @param mode	permission bits (0 to 0777) of a region that this call creates;
 *	used exactly, without the umask; otherwise ignored. A transient region
 *	needs at least 0600
 *
 * @retval 0		opened
 * @retval -EINVAL	bad name, size, flags or mode; creating with size 0;
 *	opening with size larger than the region
 * @retval -ENAMETOOLONG	name has more than SHMIPC_NAME_MAX bytes
 * @retval -ENOENT	the region does not exist, and no SHMIPC_CREATE
 * @retval -EXDEV	as -ENOENT, but the name exists on another backend; the
 *	message says which
 * @retval -EEXIST	SHMIPC_EXCL and the name is taken; nothing was changed
 * @retval -EACCES	the mode of the region does not allow it
 * @retval -EPROTO	the object with this name is damaged or was not made
 *	by this library; nothing was changed
 * @retval -ENOSPC	no room: /dev/shm, a limit or memory; the message says
 *	which. Opening: SHMIPC_PREFAULT, and not all pages are available
 * @retval -ENOTSUP	mode has group or other bits and the backend serves
 *	one user only (no SHMIPC_CAP_OTHER_USERS)
 * @retval -EMFILE	no descriptor left in the process or the system
 * @retval -ENOMEM	no memory or address space for the handle
 * @retval -ETIMEDOUT	its creator has not finished the region within 5 s;
 *	memfd: the broker has not replied within 5 s
 * @retval -ESTALE	memfd: the broker was killed, and objects open on this
 *	connection lost their names; close all of these first
 * @retval -ECONNREFUSED	memfd: the broker cannot be started or trusted
 * @retval -EIO		an unforeseen system error
 */
SHMIPC_API int shmipc_shm_open(struct shmipc *ipc, struct shmipc_shm **ret,
			       const char *name, size_t size, unsigned flags,
			       mode_t mode);

/**
 * The address of the region's first byte, aligned to 4,096 bytes. It is valid
 * until the handle is closed, and in forked children. NULL for NULL. Writing
 * through a SHMIPC_RDONLY handle raises SIGSEGV.
 */
SHMIPC_API void *shmipc_shm_addr(const struct shmipc_shm *shm);

/** The size of the region in bytes, exactly as created; 0 for NULL. */
SHMIPC_API size_t shmipc_shm_size(const struct shmipc_shm *shm);

/** 1 if the call that returned this handle created the region, else 0. */
SHMIPC_API int shmipc_shm_created(const struct shmipc_shm *shm);

/**
 * Unmap the region and release the handle. The region itself stays, even if
 * this was its last user, unless it is transient. NULL does nothing and
 * returns 0. The call does not block, with one exception: for a transient
 * region on memfd it waits up to 0.1 s for a broker that does not reply.
 *
 * @retval 0		closed
 * @retval -EBUSY	a living thread of this process holds the lock through
 *	this handle; nothing was done. (If that thread died, the kernel could
 *	not mark the lock in memory that is no longer mapped.)
 */
SHMIPC_API int shmipc_shm_close(struct shmipc_shm *shm);

/**
 * Remove a region's name, at once. Processes that have the region open are
 * unaffected; its memory is freed when the last of them has closed it or
 * exited. A new region can have the name. Only the owner and root may unlink.
 *
 * @retval 0		the name is removed
 * @retval -EINVAL	bad name
 * @retval -ENAMETOOLONG	name has more than SHMIPC_NAME_MAX bytes
 * @retval -ENOENT	the region does not exist
 * @retval -EACCES	the caller is neither the owner nor root
 * @retval -EPROTO	the object with this name is damaged or was not made
 *	by this library; nothing was changed
 * @retval -EMFILE	no descriptor left
 * @retval -ENOMEM	no memory
 * @retval -ESTALE	as shmipc_shm_open()
 * @retval -ETIMEDOUT	as shmipc_shm_open()
 * @retval -ECONNREFUSED	as shmipc_shm_open()
 * @retval -EIO		an unforeseen system error
 */
SHMIPC_API int shmipc_shm_unlink(struct shmipc *ipc, const char *name);

/* ---- the lock of a region ----------------------------------------------- */

/*
 * Every region has one lock, which protects its bytes by convention among its
 * users. It is robust: if a thread dies while it holds the lock, the next
 * thread that takes the lock is told.
 *
 * The holder is a thread, through one handle. fork() does not pass the lock
 * on, because the child is another thread. A holder that ends without
 * unlocking, in whatever way, exec included, counts as dead.
 * shmipc_shm_close() does not release the lock; it returns -EBUSY.
 *
 * A holder is known by its thread id. A lock therefore works only in the pid
 * namespace in which its region was made; elsewhere it gives -ENOTSUP.
 *
 * A process that may write to the region can damage the lock as it can the
 * bytes: take it from its holder, give it to two threads, or keep it for ever.
 * It can do two more things at the moment when a holder dies. It can keep the
 * kernel from marking other locks that the dead thread held; other threads
 * notice that after half a second. And it can change words in the memory of
 * the dead thread's process, but only words that equal the id of that thread.
 * It can do no other harm to threads that use the lock.
 */

/* How many locks of regions one thread can hold at a time. */
#define SHMIPC_LOCKS_MAX 512

/**
 * Take the lock of a region. Sleep until it is free or the deadline has
 * passed.
 *
 * The caller then sees everything that the last holder wrote, even if that
 * one died. Waiters are served in no particular order.
 *
 * @param deadline	absolute time of CLOCK_MONOTONIC; NULL: wait for ever.
 *	A free lock is taken even if the deadline has passed
 *
 * @retval 0		the calling thread holds the lock
 * @retval -EOWNERDEAD	the calling thread holds the lock, and the last
 *	holder died in it: the data may be inconsistent. Repair the data, then
 *	call shmipc_shm_mark_consistent(), then shmipc_shm_unlock(). If this
 *	thread dies too, the next holder gets the same result
 * @retval -ENOTRECOVERABLE	a holder got -EOWNERDEAD and unlocked without
 *	shmipc_shm_mark_consistent(); no thread can take this lock again. A
 *	new region of this name has a new lock
 * @retval -EDEADLK	the calling thread holds the lock, by any handle
 * @retval -ETIMEDOUT	another thread held the lock until the deadline
 * @retval -EINTR	a signal handler ran during the sleep, with or without
 *	SA_RESTART
 * @retval -EACCES	the handle has SHMIPC_RDONLY
 * @retval -ENOLCK	the calling thread holds SHMIPC_LOCKS_MAX locks: if it
 *	died, the kernel would mark no more than these
 * @retval -ENOTSUP	the region was made in another pid namespace; /proc is
 *	not mounted; or the C library keeps no list of robust mutexes for this
 *	thread, or one of an unknown form. (A child process that was not made
 *	by fork(3) or _Fork(3) has no such list.)
 * @retval -ENOMEM	no memory; only in a thread's first call
 * @retval -EINVAL	shm is NULL, or tv_nsec is not in 0 to 999,999,999
 * @retval -EIO		an unforeseen system error
 */
SHMIPC_API int shmipc_shm_lock(struct shmipc_shm *shm,
			       const struct timespec *deadline);

/**
 * Take the lock of a region if it is free. Never sleeps.
 *
 * @retval -EBUSY	another thread holds the lock. (The kernel marks most
 *	dead holders; for the others, every 64th failed call on a handle
 *	checks whether the holder is alive.)
 * @return	the others as shmipc_shm_lock(), but for -ETIMEDOUT and -EINTR
 */
SHMIPC_API int shmipc_shm_trylock(struct shmipc_shm *shm);

/**
 * Release the lock of a region and wake one waiter. Never blocks.
 *
 * After -EOWNERDEAD and without shmipc_shm_mark_consistent(), this makes the
 * lock unusable: from now on every thread gets -ENOTRECOVERABLE, waiters too.
 *
 * @retval 0		released
 * @retval -EPERM	the calling thread does not hold the lock, or holds it
 *	through another handle
 * @retval -EINVAL	shm is NULL
 * @retval -EACCES -ENOTSUP -ENOMEM	as shmipc_shm_lock()
 */
SHMIPC_API int shmipc_shm_unlock(struct shmipc_shm *shm);

/**
 * Declare, after -EOWNERDEAD, that the data is consistent again. The caller
 * keeps the lock.
 *
 * @retval 0		the next holder will not get -EOWNERDEAD for this death
 * @retval -EPERM	the calling thread does not hold the lock, or holds it
 *	through another handle
 * @retval -EINVAL	shm is NULL, or no holder has died
 * @retval -EACCES -ENOTSUP -ENOMEM	as shmipc_shm_lock()
 */
SHMIPC_API int shmipc_shm_mark_consistent(struct shmipc_shm *shm);

/* ---- counting semaphores ------------------------------------------------ */

/**
 * Open a named semaphore. With SHMIPC_CREATE, create it if necessary.
 *
 * @param ret	on success, a handle; the caller owns it and releases it with
 *	shmipc_sem_close()
 * @param name	as shmipc_shm_open()
 * @param value	units in a semaphore that this call creates, 0 to
 *	SHMIPC_SEM_VALUE_MAX; otherwise ignored
 * @param flags	SHMIPC_CREATE, SHMIPC_EXCL, SHMIPC_RDONLY, SHMIPC_TRANSIENT. A
 *	read-only handle can only look at the value
 * @param mode	as shmipc_shm_open(). Waiting and posting need both read and
 *	write permission
 *
 * @return	as shmipc_shm_open(); -EINVAL also if value is too large
 */
SHMIPC_API int shmipc_sem_open(struct shmipc *ipc, struct shmipc_sem **ret,
			       const char *name, unsigned value, unsigned flags,
			       mode_t mode);

/** 1 if the call that returned this handle created the semaphore, else 0. */
SHMIPC_API int shmipc_sem_created(const struct shmipc_sem *sem);

/**
 * Take one unit. Sleep until one is available.
 *
 * The caller then sees everything that was written before the unit was posted.
 * Waiters are served in no particular order. A thread that is cancelled in
 * this call has taken nothing. A pending request acts at once, even if a unit
 * is available.
 *
 * @retval 0		taken
 * @retval -EINTR	a signal handler ran during the sleep, with or without
 *	SA_RESTART; nothing was taken. On sysv also after the process was
 *	stopped and continued, see signal(7)
 * @retval -EACCES	the handle has SHMIPC_RDONLY
 * @retval -EIDRM	sysv: the kernel semaphore was removed (ipcrm -s)
 * @retval -EINVAL	sem is NULL
 * @retval -EIO		an unforeseen system error
 */
SHMIPC_API int shmipc_sem_wait(struct shmipc_sem *sem);

/**
 * Take one unit if one is available. Never sleeps.
 *
 * @retval 0		taken
 * @retval -EAGAIN	no unit is available
 * @retval -EACCES	the handle has SHMIPC_RDONLY
 * @retval -EINVAL	sem is NULL
 */
SHMIPC_API int shmipc_sem_trywait(struct shmipc_sem *sem);

/**
 * Take one unit. Sleep until one is available or the deadline has passed.
 *
 * @param deadline	absolute time of CLOCK_MONOTONIC; NULL: wait for ever.
 *	An available unit is taken even if the deadline has passed
 *
 * @retval 0		taken
 * @retval -ETIMEDOUT	no unit was available until the deadline
 * @retval -EINVAL	sem is NULL, or tv_nsec is not in 0 to 999,999,999
 * @return	the others as shmipc_sem_wait()
 */
SHMIPC_API int shmipc_sem_timedwait(struct shmipc_sem *sem,
				    const struct timespec *deadline);

/**
 * Add one unit and wake a waiter, if any. Never blocks. Async-signal-safe: a
 * signal handler may call it even during a wait on the same semaphore.
 *
 * @retval 0		added
 * @retval -EOVERFLOW	the value is SHMIPC_SEM_VALUE_MAX and stays unchanged
 * @retval -EACCES	the handle has SHMIPC_RDONLY
 * @retval -EINVAL	sem is NULL
 */
SHMIPC_API int shmipc_sem_post(struct shmipc_sem *sem);

/**
 * Read the number of units. It may have changed when the call returns.
 *
 * @retval 0		*ret is 0 to SHMIPC_SEM_VALUE_MAX
 * @retval -EINVAL	sem or ret is NULL
 */
SHMIPC_API int shmipc_sem_getvalue(struct shmipc_sem *sem, int *ret);

/**
 * Release the handle. Units taken through it stay taken. The semaphore stays,
 * even if this was its last user, unless it is transient. NULL does nothing
 * and returns 0.
 *
 * @retval 0	closed; no other result is possible
 */
SHMIPC_API int shmipc_sem_close(struct shmipc_sem *sem);

/**
 * Remove a semaphore's name, at once. Processes that have it open are
 * unaffected, waiters included.
 *
 * @return	as shmipc_shm_unlink()
 */
SHMIPC_API int shmipc_sem_unlink(struct shmipc *ipc, const char *name);

/* ---- hand-over by descriptor -------------------------------------------- */

/*
 * Two programs can hand an object from one to the other even if they share no
 * directory and no broker, as in sandboxes and containers, and even if the
 * object has no name any more. Export turns a handle into ordinary
 * descriptors. The program passes these on as it likes: SCM_RIGHTS (unix(7)),
 * inheritance (clear FD_CLOEXEC before exec) or pidfd_getfd(2). Import turns
 * them into a handle again, without a broker and without a name. Any process
 * that has an object open may export it, even if it imported the object.
 *
 * A backend with SHMIPC_CAP_FDS (memfd) supports this; others give -ENOTSUP.
 *
 * The descriptor is the permission. If it was exported from a read-write
 * handle, it can be imported read-write or with SHMIPC_RDONLY; if it was
 * exported from a SHMIPC_RDONLY handle, only with SHMIPC_RDONLY. The mode of
 * the object and the user id do not matter, so hand-over also works into
 * another user namespace. (A read-only descriptor does not protect against
 * processes of the same user: where the mode allows it, they can reopen it
 * for writing through /proc/self/fd.)
 *
 * A descriptor is a user of its object, like a handle, until its last copy is
 * closed. That includes the time in a socket from which it has not been read
 * yet. It counts in in_use and attached, and keeps a transient object alive.
 * An exported descriptor can therefore always be imported. An import adds a
 * user, unless the mode would not permit it and only the descriptor does: then
 * it counts as one user with the descriptor and all other such imports.
 *
 * Import trusts no descriptor. It accepts only objects of the type that export
 * makes, sealed and with a valid header. These are safe to use, even if an
 * enemy made them. Peers that may write to an object can do to importers what
 * they can do to all its users, and one thing more: all users of a semaphore
 * share its eventfd(2). A peer that makes it blocking and fills it on purpose
 * can block every shmipc_sem_post() that has to wake a waiter, until the peer
 * stops or a signal arrives. Waits and their deadlines are not affected.
 *
 * Outside the pid namespace of its creator, a region's lock gives -ENOTSUP.
 */

/**
 * Make a descriptor from which a region can be imported.
 *
 * @param ret	on success, a new close-on-exec descriptor; the caller owns it.
 *	It is independent of the handle: either may be closed first. From a
 *	SHMIPC_RDONLY handle it is open for reading only. Its only use is to be
 *	passed on: the layout of the file behind it is not part of the interface
 *
 * @retval 0		made
 * @retval -EINVAL	shm or ret is NULL
 * @retval -ENOTSUP	the backend has no SHMIPC_CAP_FDS
 * @retval -EACCES	the handle has SHMIPC_RDONLY but was imported from a
 *	read-write descriptor, and the mode does not permit opening a
 *	read-only one
 * @retval -EBADF	the program has closed the library's descriptor
 * @retval -EMFILE	no descriptor left in the process or the system
 * @retval -ENOMEM	no memory
 * @retval -EIO		/proc is not mounted, or an unforeseen system error
 */
SHMIPC_API int shmipc_shm_export_fd(struct shmipc_shm *shm, int *ret);

/**
 * Open the region from which a descriptor was exported. The call looks up no
 * name, and neither asks nor starts a broker. (Closing a transient region
 * tells the broker, if one runs. If that was the last user, the broker then
 * removes the name.)
 *
 * The handle works like one opened by name, but shmipc_shm_created() is 0.
 *
 * @param ret	on success, a handle; the caller owns it and releases it with
 *	shmipc_shm_close()
 * @param fd	from shmipc_shm_export_fd(), in any process. The caller still
 *	owns it and may close it afterwards; the call does not change it
 * @param flags	SHMIPC_RDONLY, SHMIPC_PREFAULT, as shmipc_shm_open()
 *
 * @retval 0		opened
 * @retval -EINVAL	ipc or ret is NULL, or flags has other bits
 * @retval -ENOTSUP	the backend has no SHMIPC_CAP_FDS
 * @retval -EBADF	fd is not open
 * @retval -EPROTO	fd is open but leads to something else, or to a
 *	damaged region; nothing was changed
 * @retval -EACCES	fd is open for reading only or sealed against writing,
 *	and no SHMIPC_RDONLY; or fd is open for writing only
 * @retval -ENOENT	the region is transient and had no user left, and fd
 *	was not exported
 * @retval -ENOSPC	SHMIPC_PREFAULT, and not all pages are available
 * @retval -EMFILE	no descriptor left in the process or the system
 * @retval -ENOMEM	no memory or address space for the handle
 * @retval -ETIMEDOUT	as -ENOENT, but its removal has lasted for 5 s
 * @retval -EIO		/proc is not mounted, or an unforeseen system error
 */
SHMIPC_API int shmipc_shm_import_fd(struct shmipc *ipc, struct shmipc_shm **ret,
				    int fd, unsigned flags);

/**
 * Make descriptors from which a semaphore can be imported.
 *
 * @param ret	on success, two new close-on-exec descriptors; the caller owns
 *	them. ret[0] is the value, ret[1] is what waiters sleep on. Pass on
 *	both, in this order. From a SHMIPC_RDONLY handle ret[1] is -1
 *
 * @return	as shmipc_shm_export_fd()
 */
SHMIPC_API int shmipc_sem_export_fds(struct shmipc_sem *sem, int ret[2]);

/**
 * Open the semaphore from which two descriptors were exported. Works like
 * shmipc_shm_import_fd(), with these differences:
 *
 * @param fds	from shmipc_sem_export_fds(), in the same order. The library
 *	cannot see whether they belong together; if not, waiters are woken late,
 *	after half a second. With SHMIPC_RDONLY, fds[1] is ignored
 * @param flags	SHMIPC_RDONLY
 *
 * @return	as shmipc_shm_import_fd(); -EPROTO also if fds[1] is not an
 *	eventfd(2) of the form that export makes, or was made blocking
 */
SHMIPC_API int shmipc_sem_import_fds(struct shmipc *ipc,
				     struct shmipc_sem **ret, const int fds[2],
				     unsigned flags);

#include <shmipc-info.h>

#ifdef __cplusplus
}
#endif

#endif /* SHMIPC_H */
