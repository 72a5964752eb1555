/* SPDX-License-Identifier: MIT */
/*
 * libshmipc: named shared memory and semaphores with one contract, carried by
 * POSIX, System V or memfd+eventfd objects.
 *
 * True of every function unless its comment says otherwise:
 *
 *   Result   0 (or a count) on success, else a negative errno value out of
 *            the list in the comment. errno itself is not part of the
 *            interface. shmipc_errmsg() has a sentence about the failure.
 *   Failure  leaves output parameters, and every object, as they were.
 *   NULL     for a handle, a name or an output parameter is -EINVAL, where
 *            the function can say so.
 *   Threads  safe from any thread, except that nobody may use a handle
 *            while or after it is closed.
 *   Cancel   waits are cancellation points (pthreads(7)), the others are none,
 *            and neither is what visit() does.
 *   Signals  not async-signal-safe, except shmipc_sem_post().
 *   fork     a child goes on with its parent's handles, on the same objects,
 *            and closes them for itself alone. If another thread was in the
 *            library or in malloc(3) meanwhile, the usual rule holds: until
 *            exec, it opens and closes nothing. exec drops all handles
 *            without harm. Nothing is removed by an exit handler.
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
#define SHMIPC_CREATE	 0x01U /* make it if there is none */
#define SHMIPC_EXCL	 0x02U /* with CREATE: -EEXIST if there is one */
#define SHMIPC_RDONLY	 0x04U /* needs read permission only; not with CREATE */
#define SHMIPC_LAZY	 0x08U /* regions: reserve no pages at create */
#define SHMIPC_PREFAULT	 0x10U /* regions: map every page now, in bulk */
#define SHMIPC_TRANSIENT 0x20U /* with CREATE: gone with its last user */

/* Flags of shmipc_gc(). */
#define SHMIPC_GC_DRY_RUN 0x01U /* show, and leave it */

/* What a backend can do beyond the contract: shmipc_backend_info.caps. */
#define SHMIPC_CAP_OTHER_USERS 0x01U /* group and other bits of mode work */
#define SHMIPC_CAP_FDS	       0x02U /* hand-over by descriptor works */

/* Regions and semaphores are two name spaces. */
enum shmipc_kind {
	SHMIPC_SHM = 1,
	SHMIPC_SEM = 2,
};

/* What a kind of object is, the same for all objects of that kind. */
struct shmipc_kind_info {
	enum shmipc_kind kind;
	const char *name; /* in names of system objects: "shm", "sem" */
	const char *noun; /* for people: "region", "semaphore" */
	int has_bytes;	  /* 1: has a size of at least 1; 0: has none */
	unsigned ksems;	  /* kernel semaphores that it sleeps on */
	unsigned flags;	  /* SHMIPC_* that its open call accepts */
};

struct timespec;       /* <time.h> */
struct shmipc;	       /* a connection to one backend */
struct shmipc_shm;     /* an open region */
struct shmipc_sem;     /* an open semaphore */
struct shmipc_backend; /* <shmipc-backend.h> */

/* One object, as shmipc_stat() and shmipc_list() show it. */
struct shmipc_info {
	char name[SHMIPC_NAME_MAX + 1]; /* without a slash */
	const char *backend;		/* static */
	enum shmipc_kind kind;
	uint64_t size; /* regions: bytes, exactly; semaphores: 0 */
	mode_t mode;   /* permission bits */
	uid_t uid;     /* owner */
	gid_t gid;
	int64_t created;   /* ns since the epoch, by the creator's clock */
	pid_t creator;	   /* as numbered in its own pid namespace */
	int in_use;	   /* 1: some process has it open, 0: none has */
	unsigned attached; /* open handles; see shmipc_stat() */
	unsigned value;	   /* semaphores: units available */
	int transient;	   /* 1: made with SHMIPC_TRANSIENT */
	int lost;	   /* 1: its name went with a broker that was killed */
	char state[32];	   /* what it holds, for people: a semaphore's value */
	uint64_t reserved[8]; /* 0 */
};

/* One backend, as shmipc_backends() shows it. */
struct shmipc_backend_info {
	const char *name;     /* what SHMIPC_BACKEND is compared with */
	const char *objects;  /* the kernel objects that it uses */
	unsigned caps;	      /* SHMIPC_CAP_* */
	int works;	      /* 1: works here and now */
	const char *reason;   /* why not, one sentence; "" if it works */
	uint64_t reserved[4]; /* 0 */
};

/* ---- connections -------------------------------------------------------- */

/**
 * Choose a backend.
 *
 * No kernel object is made and no broker is started by this. If the environment
 * has SHMIPC_DEBUG=1 now, and the program does not run set-user-id, the library
 * writes lines to stderr from now on: what it does and why it fails.
 *
 * @param ret	on success, a connection that the caller owns and gives back
 *	with shmipc_close()
 * @param backend	NULL: the value of the environment variable
 *	SHMIPC_BACKEND, or "posix" if it is unset, empty or if the program
 *	runs set-user-id. A name ("sysv") is used or refused, never replaced.
 *	A list ("memfd,posix") means the first that works here; "^sysv" or
 *	"^sysv,posix" the first that works here and is not named. memfd
 *	without its broker's program creates nothing and does not count as
 *	working; named alone it can be had all the same, for objects that are
 *	imported (shmipc_shm_import_fd()) and for a broker that others started
 *
 * @retval 0		chosen
 * @retval -EINVAL	ret is NULL, the list is longer than all that may be
 *	known, or the backend is unknown; the sentence lists the known ones
 *	and the likely one meant. Or SHMIPC_DEBUG is neither 0 nor 1
 * @retval -ENOSYS	the backend, or all that were allowed, cannot work
 *	here; the sentence says why
 * @retval -ENOMEM	no memory
 */
SHMIPC_API int shmipc_open(struct shmipc **ret, const char *backend);

/**
 * Give a connection back. Objects opened through it stay usable until they
 * are closed themselves. NULL does nothing.
 */
SHMIPC_API void shmipc_close(struct shmipc *ipc);

/** The name of the connection's backend, static; NULL for NULL. */
SHMIPC_API const char *shmipc_backend_name(const struct shmipc *ipc);

/**
 * One sentence about the calling thread's last failed call: the object, the
 * backend, the cause and, where there is one, the remedy. "" if none failed
 * so far; a call that succeeds does not change it.
 *
 * The string belongs to the library and is valid until the thread's next call.
 */
SHMIPC_API const char *shmipc_errmsg(void);

/** The library's version, "0.1.0"; static. */
SHMIPC_API const char *shmipc_version(void);

/**
 * Show every known backend to visit(), in order of preference.
 *
 * @param visit	called once a backend; the info is valid during the call
 *	only. A result other than 0 ends the walk.
 * @param arg	handed to visit()
 *
 * @return	how many were shown
 * @retval -EINVAL	visit is NULL
 */
SHMIPC_API int
shmipc_backends(int (*visit)(const struct shmipc_backend_info *info, void *arg),
		void *arg);

/**
 * Make a backend of the program's own known to shmipc_open(). It stands last
 * in the order of preference. See <shmipc-backend.h>.
 *
 * @param ops	must stay valid and unchanged for the rest of the process
 *
 * @retval 0		known from now on
 * @retval -EINVAL	the table breaks a rule of <shmipc-backend.h>; the
 *	sentence says which
 * @retval -EEXIST	the name is taken
 * @retval -ENOSPC	more than SHMIPC_BACKENDS_MAX backends
 */
SHMIPC_API int shmipc_backend_register(const struct shmipc_backend *ops);

/* ---- shared memory ------------------------------------------------------ */

/**
 * Open a named region, and create it where flags say so.
 *
 * A new region is zero, its pages are reserved, and nobody sees it before it
 * is complete. It lives until it is unlinked, whoever made it.
 *
 * With SHMIPC_TRANSIENT it lives until its last user is gone, however he went:
 * closed, ended, killed. From then on nobody finds it, and the name is free.
 * (On posix its owner alone, or root, can take a name away. Others get -EACCES
 * then, or -EEXIST from SHMIPC_EXCL if they may not even read it.) Whether an
 * object is transient is settled when it is made, and does not matter to those
 * who open it later.
 *
 * @param ret	on success, a handle that the caller owns and gives back with
 *	shmipc_shm_close()
 * @param name	1 to SHMIPC_NAME_MAX bytes of A-Z a-z 0-9 . _ -, after one
 *	leading slash that is allowed and ignored; copied
 * @param size	bytes. Creating: at least 1, remembered exactly. Opening: 0
 *	takes what is there; less than there is maps all of it all the same
 * @param flags	SHMIPC_CREATE, SHMIPC_EXCL, SHMIPC_RDONLY, SHMIPC_TRANSIENT,
 *	SHMIPC_LAZY (creating: reserve no pages; the first touch of one that
 *	cannot be had raises SIGBUS), SHMIPC_PREFAULT (creating or opening: map
 *	every page now, which costs much less than one fault after another. In
 *	a lazy region that others made, the pages that could be had stay, also
 *	if not all could)
 * @param mode	permission bits (0 to 0777) of a region that this call makes,
 *	exactly: the umask plays no part; otherwise ignored. A transient one's
 *	must have 0600 in them
 *
 * @retval 0		opened
 * @retval -EINVAL	bad name, size, flags or mode; creating with size 0;
 *	opening with more than there is
 * @retval -ENAMETOOLONG	more than SHMIPC_NAME_MAX bytes
 * @retval -ENOENT	there is none, and no SHMIPC_CREATE
 * @retval -EXDEV	the same, but another backend has one of this name; the
 *	sentence says which
 * @retval -EEXIST	SHMIPC_EXCL and the name is taken; nothing was changed
 * @retval -EACCES	the mode of the region does not allow it
 * @retval -EPROTO	what has the name is damaged or not a region of ours;
 *	nothing was changed
 * @retval -ENOSPC	no room: /dev/shm, a limit or memory; the sentence
 *	says which. Opening: SHMIPC_PREFAULT, and not all pages can be had
 * @retval -ENOTSUP	mode has group or other bits and the backend serves
 *	one user only (no SHMIPC_CAP_OTHER_USERS)
 * @retval -EMFILE	no descriptor left in the process or the system
 * @retval -ENOMEM	no memory or address space for the handle
 * @retval -ETIMEDOUT	somebody is creating it and has not finished in 5 s,
 *	or (memfd) the broker has not answered in 5 s
 * @retval -ESTALE	memfd: the broker was killed, and objects that this
 *	connection has open lost their names; close them all first
 * @retval -ECONNREFUSED	memfd: the broker cannot be started or trusted
 * @retval -EIO		the system failed in a way that is not foreseen
 */
SHMIPC_API int shmipc_shm_open(struct shmipc *ipc, struct shmipc_shm **ret,
			       const char *name, size_t size, unsigned flags,
			       mode_t mode);

/**
 * The first byte of the region, aligned to 4,096 bytes; valid until the
 * handle is closed, and in forked children. NULL for NULL. Writing through a
 * SHMIPC_RDONLY handle raises SIGSEGV.
 */
SHMIPC_API void *shmipc_shm_addr(const struct shmipc_shm *shm);

/** Bytes in the region, exactly as its creator asked; 0 for NULL. */
SHMIPC_API size_t shmipc_shm_size(const struct shmipc_shm *shm);

/** 1 if the call that gave this handle made the region, else 0. */
SHMIPC_API int shmipc_shm_created(const struct shmipc_shm *shm);

/**
 * Unmap the region and give the handle back. The region itself stays, also
 * when this was its last user, unless it is transient. NULL does nothing and
 * is 0. Never blocks, but that of a transient memfd region, for 0.1 s, if the
 * broker does not answer.
 *
 * @retval 0		closed
 * @retval -EBUSY	a living thread of this process holds the lock through
 *	this handle; nothing was done. (Memory that is not mapped any more
 *	cannot be marked when the holder dies.)
 */
SHMIPC_API int shmipc_shm_close(struct shmipc_shm *shm);

/**
 * Take a region's name away, at once. Whoever has it open goes on
 * undisturbed; the bytes go with the last of them. The name is free for a new
 * region. Only the owner and root may.
 *
 * @retval 0		the name is gone
 * @retval -EINVAL	bad name
 * @retval -ENAMETOOLONG	more than SHMIPC_NAME_MAX bytes
 * @retval -ENOENT	no such region
 * @retval -EACCES	not the owner
 * @retval -EPROTO	what has the name is damaged or not a region of ours;
 *	nothing was changed
 * @retval -EMFILE	no descriptor left
 * @retval -ENOMEM	no memory
 * @retval -ESTALE	as shmipc_shm_open()
 * @retval -ETIMEDOUT	as shmipc_shm_open()
 * @retval -ECONNREFUSED	as shmipc_shm_open()
 * @retval -EIO		the system failed in a way that is not foreseen
 */
SHMIPC_API int shmipc_shm_unlink(struct shmipc *ipc, const char *name);

/* ---- the lock of a region ----------------------------------------------- */

/*
 * Every region carries one lock, for its users to agree on whose turn it is.
 * It is robust: if its holder dies in it, the next one is told.
 *
 * The holder is a thread, through one handle. It is not inherited over fork():
 * the child is another thread. It ends with the thread that has it, however
 * that ends, by exec too: that is a death in the lock. It does not end with
 * shmipc_shm_close(), which is refused.
 *
 * Thread ids are what tells holders apart, so a lock serves one pid name
 * space, that in which the region was made; elsewhere it is -ENOTSUP.
 *
 * Whoever may write to the region can damage its lock as he can its bytes:
 * take it from others, give it to two, or keep it for ever. When a thread dies
 * in it, he may keep the kernel from telling of other locks that it held, which
 * others find out after half a second, and change words in the memory of its
 * process that are the thread's id. Other harm he cannot do to those who lock.
 */

/* Locks of regions that one thread can hold at a time. */
#define SHMIPC_LOCKS_MAX 512

/**
 * Take the lock of a region; sleep until it is free or the deadline has
 * passed.
 *
 * What its last holder wrote is visible then, also what a dead one wrote. No
 * order of service is promised. Not a cancellation point.
 *
 * @param deadline	absolute time of CLOCK_MONOTONIC; NULL: wait for ever.
 *	A lock that is free is taken even if the deadline has passed.
 *
 * @retval 0		the calling thread has it
 * @retval -EOWNERDEAD	the calling thread has it, and its last holder died
 *	in it: what it protects may be half done. Put that right, then call
 *	shmipc_shm_mark_consistent(), then shmipc_shm_unlock(). If this thread
 *	dies too, the next one is told the same
 * @retval -ENOTRECOVERABLE	somebody was told -EOWNERDEAD and gave the lock
 *	back without shmipc_shm_mark_consistent(); nobody can have it any more.
 *	A new region of the name has a new lock
 * @retval -EDEADLK	the calling thread has it, through whatever handle
 * @retval -ETIMEDOUT	somebody had it until the deadline
 * @retval -EINTR	a signal handler ran during the sleep, installed with
 *	SA_RESTART or not
 * @retval -EACCES	a SHMIPC_RDONLY handle
 * @retval -ENOLCK	the calling thread holds SHMIPC_LOCKS_MAX locks: the
 *	kernel would not remember more of them when it dies
 * @retval -ENOTSUP	the region was made in another pid name space, or /proc
 *	is not mounted, or the C library does not keep a list of robust mutexes
 *	for the thread, or in a way that is not known. (It keeps none in a child
 *	that was not made by fork(3) or _Fork(3).)
 * @retval -ENOMEM	no memory; only in a thread's first call
 * @retval -EINVAL	shm is NULL, or tv_nsec is not in 0 to 999,999,999
 * @retval -EIO		the system failed in a way that is not foreseen
 */
SHMIPC_API int shmipc_shm_lock(struct shmipc_shm *shm,
			       const struct timespec *deadline);

/**
 * Take the lock of a region if it is free. Never sleeps.
 *
 * @retval -EBUSY	somebody has it. (Where the kernel does not tell that he
 *	is dead, every 64th call in vain finds out.)
 * @return	the others as shmipc_shm_lock(), but for -ETIMEDOUT and -EINTR
 */
SHMIPC_API int shmipc_shm_trylock(struct shmipc_shm *shm);

/**
 * Give the lock of a region back, and wake one who waits for it. Never blocks.
 *
 * After -EOWNERDEAD and without shmipc_shm_mark_consistent(), it is
 * -ENOTRECOVERABLE for everybody from now on, those who wait included.
 *
 * @retval 0		given back
 * @retval -EPERM	the calling thread does not have it, or not through
 *	this handle
 * @retval -EINVAL	shm is NULL
 * @retval -EACCES -ENOTSUP -ENOMEM	as shmipc_shm_lock()
 */
SHMIPC_API int shmipc_shm_unlock(struct shmipc_shm *shm);

/**
 * Say that what the lock protects is whole again, after -EOWNERDEAD. The
 * caller keeps the lock.
 *
 * @retval 0		the death is forgotten
 * @retval -EPERM	the calling thread does not have the lock, or not
 *	through this handle
 * @retval -EINVAL	shm is NULL, or nobody has died in the lock
 * @retval -EACCES -ENOTSUP -ENOMEM	as shmipc_shm_lock()
 */
SHMIPC_API int shmipc_shm_mark_consistent(struct shmipc_shm *shm);

/* ---- counting semaphores ------------------------------------------------ */

/**
 * Open a named semaphore, and create it where flags say so.
 *
 * @param ret	on success, a handle that the caller owns and gives back with
 *	shmipc_sem_close()
 * @param name	as shmipc_shm_open()
 * @param value	units in a semaphore that this call makes, 0 to
 *	SHMIPC_SEM_VALUE_MAX; otherwise ignored
 * @param flags	SHMIPC_CREATE, SHMIPC_EXCL, SHMIPC_RDONLY, SHMIPC_TRANSIENT. A
 *	read-only handle can look at the value and no more
 * @param mode	as shmipc_shm_open(). Waiting and posting need both read and
 *	write permission
 *
 * @return	as shmipc_shm_open(); -EINVAL also for too large a value
 */
SHMIPC_API int shmipc_sem_open(struct shmipc *ipc, struct shmipc_sem **ret,
			       const char *name, unsigned value, unsigned flags,
			       mode_t mode);

/** 1 if the call that gave this handle made the semaphore, else 0. */
SHMIPC_API int shmipc_sem_created(const struct shmipc_sem *sem);

/**
 * Take one unit; sleep until there is one.
 *
 * What was written before the post of the unit is visible after the wait. No
 * order of service is promised. A thread that is cancelled in here has taken
 * nothing.
 *
 * @retval 0		taken
 * @retval -EINTR	a signal handler ran during the sleep, installed with
 *	SA_RESTART or not; nothing was taken. On sysv also after the process
 *	was stopped and continued, see signal(7)
 * @retval -EACCES	a SHMIPC_RDONLY handle
 * @retval -EIDRM	sysv: somebody removed the kernel's half (ipcrm -s)
 * @retval -EINVAL	sem is NULL
 * @retval -EIO		the system failed in a way that is not foreseen
 */
SHMIPC_API int shmipc_sem_wait(struct shmipc_sem *sem);

/**
 * Take one unit if there is one. Never sleeps.
 *
 * @retval 0		taken
 * @retval -EAGAIN	there is none
 * @retval -EACCES	a SHMIPC_RDONLY handle
 * @retval -EINVAL	sem is NULL
 */
SHMIPC_API int shmipc_sem_trywait(struct shmipc_sem *sem);

/**
 * Take one unit; sleep until there is one or the deadline has passed.
 *
 * @param deadline	absolute time of CLOCK_MONOTONIC; NULL: wait for ever.
 *	A unit that is there is taken even if the deadline has passed.
 *
 * @retval 0		taken
 * @retval -ETIMEDOUT	there was none until the deadline
 * @retval -EINVAL	sem is NULL, or tv_nsec is not in 0 to 999,999,999
 * @return	the others as shmipc_sem_wait()
 */
SHMIPC_API int shmipc_sem_timedwait(struct shmipc_sem *sem,
				    const struct timespec *deadline);

/**
 * Add one unit and wake a sleeper, if there is one. Never blocks.
 * Async-signal-safe: it may interrupt a wait on the same semaphore.
 *
 * @retval 0		added
 * @retval -EOVERFLOW	the value is SHMIPC_SEM_VALUE_MAX and stays so
 * @retval -EACCES	a SHMIPC_RDONLY handle
 * @retval -EINVAL	sem is NULL
 */
SHMIPC_API int shmipc_sem_post(struct shmipc_sem *sem);

/**
 * Look at the number of units; it may have changed when the call returns.
 *
 * @retval 0		*ret is 0 to SHMIPC_SEM_VALUE_MAX
 * @retval -EINVAL	sem or ret is NULL
 */
SHMIPC_API int shmipc_sem_getvalue(struct shmipc_sem *sem, int *ret);

/**
 * Give the handle back; units that its user took stay taken, and the
 * semaphore stays, unless it is transient and this was its last user. NULL
 * does nothing and is 0.
 *
 * @retval 0	closed; there is no other result
 */
SHMIPC_API int shmipc_sem_close(struct shmipc_sem *sem);

/**
 * Take a semaphore's name away, at once. Whoever has it open goes on
 * undisturbed, those who sleep on it too.
 *
 * @return	as shmipc_shm_unlink()
 */
SHMIPC_API int shmipc_sem_unlink(struct shmipc *ipc, const char *name);

/* ---- hand-over by descriptor -------------------------------------------- */

/*
 * Where two programs share no directory and no broker, as in sandboxes and
 * containers, they can hand objects to each other all the same, also such that
 * have no name any more. Export makes ordinary descriptors; the program brings
 * them to the other one in whatever way it likes: SCM_RIGHTS (unix(7)),
 * inheritance (clear FD_CLOEXEC before exec), pidfd_getfd(2). Import makes a
 * handle of them, without a broker and without looking for a name. Which
 * process exported an object, and how it came by it, does not matter.
 *
 * A backend that can do so has SHMIPC_CAP_FDS (memfd); the others answer
 * -ENOTSUP.
 *
 * The descriptor is the right. Who has got one from a handle for reading and
 * writing may import the object so, or with SHMIPC_RDONLY; who has got one from
 * a SHMIPC_RDONLY handle may import it with SHMIPC_RDONLY. The mode of the
 * object plays no part, nor does the user id, so that it works into another
 * user name space. (Where the mode allows it, a process can open its descriptor
 * for more by itself, through /proc/self/fd: it is no barrier between processes
 * of one user.)
 *
 * A descriptor is a user of its object, as a handle is, wherever it is: also
 * while it is in flight in a socket that nobody has read from yet. It counts in
 * in_use and attached until its last copy is closed, and it keeps a transient
 * object. So one that was exported can always be imported.
 * Importing makes a user more; but where only the descriptor gives the right,
 * because the mode would not, it is the same user as the descriptor and all
 * others who imported it like that.
 *
 * Nothing that is imported is believed. It must be of the kind that export
 * makes, sealed, with a sound header, and it is safe to use whoever made it:
 * what peers who may write can do to those who use the object, they can do to
 * those who imported it, and one thing more. All who have a semaphore share its
 * eventfd(2), and one of them, who fills it on purpose and makes it blocking,
 * keeps shmipc_sem_post() waiting, where it wakes somebody, until he is done or
 * a signal comes. Waits, and so their deadlines, are safe from that.
 *
 * The lock of a region that was imported in another pid name space is -ENOTSUP.
 */

/**
 * Make a descriptor that a region can be imported from.
 *
 * @param ret	on success, a new descriptor, the caller's, close-on-exec. It
 *	does not depend on the handle: either may be closed first. Of a
 *	SHMIPC_RDONLY handle it is open for reading only. Apart from handing
 *	it over there is nothing to be done with it: where the bytes of the
 *	region stand in it is not part of the interface
 *
 * @retval 0		made
 * @retval -EINVAL	shm or ret is NULL
 * @retval -ENOTSUP	the backend has no SHMIPC_CAP_FDS
 * @retval -EACCES	a SHMIPC_RDONLY handle, imported from a descriptor for
 *	reading and writing, and the mode does not allow to open one for
 *	reading only
 * @retval -EBADF	the program has closed the library's descriptor
 * @retval -EMFILE	no descriptor left in the process or the system
 * @retval -ENOMEM	no memory
 * @retval -EIO		/proc is not mounted, or the system failed in a way that
 *	is not foreseen
 */
SHMIPC_API int shmipc_shm_export_fd(struct shmipc_shm *shm, int *ret);

/**
 * Open the region that a descriptor was exported from. No name is looked for,
 * no broker asked, and none started. (Closing a transient region tells the
 * broker, if one runs, which forgets the name then if it was the last user.)
 *
 * What comes of the handle is what comes of one that was opened by name.
 * shmipc_shm_created() is 0.
 *
 * @param ret	on success, a handle that the caller owns and gives back with
 *	shmipc_shm_close()
 * @param fd	of shmipc_shm_export_fd(), in whatever process. It stays the
 *	caller's, is not changed, and may be closed afterwards
 * @param flags	SHMIPC_RDONLY, SHMIPC_PREFAULT, as shmipc_shm_open()
 *
 * @retval 0		opened
 * @retval -EINVAL	ipc or ret is NULL, or other flags
 * @retval -ENOTSUP	the backend has no SHMIPC_CAP_FDS
 * @retval -EBADF	fd is not open
 * @retval -EPROTO	it is open, and leads to something else or to what is
 *	damaged; nothing was changed
 * @retval -EACCES	it is open for reading only, or sealed against writing,
 *	and no SHMIPC_RDONLY; or it is open for writing only
 * @retval -ENOENT	the region is transient, and had no user any more, nor
 *	had this descriptor been exported
 * @retval -ENOSPC	SHMIPC_PREFAULT, and not all pages can be had
 * @retval -EMFILE	no descriptor left in the process or the system
 * @retval -ENOMEM	no memory or address space for the handle
 * @retval -ETIMEDOUT	as -ENOENT, and it was being removed for 5 s
 * @retval -EIO		/proc is not mounted, or the system failed in a way that
 *	is not foreseen
 */
SHMIPC_API int shmipc_shm_import_fd(struct shmipc *ipc, struct shmipc_shm **ret,
				    int fd, unsigned flags);

/**
 * Make descriptors that a semaphore can be imported from.
 *
 * @param ret	on success, two new descriptors, the caller's, close-on-exec:
 *	the value, and what sleepers sleep on. They belong together and in
 *	this order. Of a SHMIPC_RDONLY handle ret[1] is -1: there is only one
 *
 * @return	as shmipc_shm_export_fd()
 */
SHMIPC_API int shmipc_sem_export_fds(struct shmipc_sem *sem, int ret[2]);

/**
 * Open the semaphore that two descriptors were exported from. As
 * shmipc_shm_import_fd(), but for:
 *
 * @param fds	of shmipc_sem_export_fds(), in its order. That they belong
 *	together cannot be seen; where they do not, sleepers are woken late,
 *	after half a second. With SHMIPC_RDONLY, fds[1] is not looked at
 * @param flags	SHMIPC_RDONLY
 *
 * @return	as shmipc_shm_import_fd(); -EPROTO also if fds[1] is no
 *	eventfd(2), or one that was not made for this or was made blocking
 */
SHMIPC_API int shmipc_sem_import_fds(struct shmipc *ipc,
				     struct shmipc_sem **ret, const int fds[2],
				     unsigned flags);

/* ---- kinds of objects ---------------------------------------------------- */

/**
 * The kinds of objects, one after the other.
 *
 * @param index	from 0 on
 * @return	a static description, or NULL behind the last kind
 */
SHMIPC_API const struct shmipc_kind_info *shmipc_kind_at(unsigned index);

/** The description of this kind, or NULL if the kind is not known. */
SHMIPC_API const struct shmipc_kind_info *
shmipc_kind_find(enum shmipc_kind kind);

/**
 * Unlink an object of any kind: shmipc_shm_unlink(), shmipc_sem_unlink().
 *
 * @return	as these; -EINVAL also for an unknown kind
 */
SHMIPC_API int shmipc_unlink(struct shmipc *ipc, enum shmipc_kind kind,
			     const char *name);

/* ---- looking around ----------------------------------------------------- */

/**
 * Show every object of the connection's backend to visit(): the regions and
 * semaphores that the caller may read, in no particular order. Objects that
 * come or go meanwhile may be shown or not. Half-made, damaged and foreign
 * objects are left out. Then, with stale set, what this connection has open and
 * lost its name (memfd: with a broker that was killed); of these less is known.
 *
 * @param visit	called once an object; the info is valid during the call
 *	only. May unlink the object. A result other than 0 ends the walk.
 * @param arg	handed to visit()
 *
 * @return	how many were shown
 * @retval -EINVAL	ipc or visit is NULL
 * @retval -EACCES	the name space itself may not be read
 * @retval -EMFILE -ENOMEM -ETIMEDOUT -ECONNREFUSED -EIO
 *	as shmipc_shm_unlink()
 */
SHMIPC_API int
shmipc_list(struct shmipc *ipc,
	    int (*visit)(const struct shmipc_info *info, void *arg), void *arg);

/**
 * Look at one object without becoming its user. Needs read permission.
 *
 * in_use is 1 exactly when some process has the object open: processes that
 * were killed do not count, forked children that still have it do. attached
 * counts open handles, and exported descriptors; a handle that was inherited
 * over fork() counts once more on sysv, and together with its original on posix
 * and memfd. On sysv who
 * looks at a persistent object is attached for some microseconds. Whoever
 * looks at the same moment knows that and counts several times; but one who
 * is stopped in the middle of his look counts as a user.
 *
 * @param ret	filled on success
 *
 * @retval 0		*ret is filled
 * @retval -EINVAL	bad name or kind
 * @return	the others as shmipc_shm_unlink(); -EACCES: no read permission
 */
SHMIPC_API int shmipc_stat(struct shmipc *ipc, enum shmipc_kind kind,
			   const char *name, struct shmipc_info *ret);

/**
 * Remove what is certainly of no use to anybody any more, from the
 * connection's backend: transient objects without a user, objects that their
 * creator did not finish before he died, and kernel semaphores whose object is
 * gone. Most of it goes by itself when somebody uses its name; this is for
 * what nobody asks for any more.
 *
 * Never what is complete and not transient, never what is in use; and of what
 * the caller may not remove nothing is said: everybody has his own garbage, and
 * root that of all. A
 * creator who is alive and only slow has to start over, at worst. On sysv who
 * may write to an object can make it look unfinished, and have it removed.
 *
 * @param flags	0, or SHMIPC_GC_DRY_RUN to remove nothing
 * @param visit	called once for each, after its removal; NULL if nobody wants
 *	to know. In the info, stale is 1; name is what the system calls it
 *	("set 5", "shmipc.dead.0f...") where there is no other, and what is
 *	not known is 0. A result other than 0 ends the walk.
 * @param arg	handed to visit()
 *
 * @return	how many were removed or, in a dry run, found
 * @retval -EINVAL	ipc is NULL, or unknown flags
 * @return	the others as shmipc_list()
 */
SHMIPC_API int
shmipc_gc(struct shmipc *ipc, unsigned flags,
	  int (*visit)(const struct shmipc_info *info, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif /* SHMIPC_H */
