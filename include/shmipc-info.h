/* SPDX-License-Identifier: MIT */
/*
 * libshmipc: the kinds of objects; describing and listing objects; removing
 * garbage. A part of <shmipc.h>, whose rules hold here, too.
 */
#ifndef SHMIPC_INFO_H
#define SHMIPC_INFO_H

#ifndef SHMIPC_H
#error "include <shmipc.h>, which includes this"
#endif

/* ---- kinds of objects --------------------------------------------------- */

/* Regions and semaphores have separate namespaces. */
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

/* ---- one object --------------------------------------------------------- */

/* One object, as shmipc_stat(), shmipc_list() and shmipc_gc() show it. */
struct shmipc_info {
	char name[SHMIPC_NAME_MAX + 1]; /* without a leading slash */
	const char *backend;		/* its name, static */
	enum shmipc_kind kind;
	uint64_t size; /* regions: exact size in bytes; semaphores: 0 */
	mode_t mode;   /* permission bits */
	uid_t uid;     /* owner */
	gid_t gid;
	int64_t created;     /* ns since the epoch, by the creator's clock */
	pid_t creator;	     /* process id in its own pid namespace */
	int in_use;	     /* 1: some process has it open, else 0 */
	unsigned attached;   /* open handles; see shmipc_stat() */
	unsigned value;	     /* semaphores: units available */
	int transient;	     /* 1: created with SHMIPC_TRANSIENT */
	int lost;	     /* 1: open here, name lost; see shmipc_list() */
	char state[32];	     /* what it holds, for people: see shmipc_stat() */
	uint64_t id;	     /* of this object alone, whatever has its name */
	pid_t holder;	     /* regions: the thread that holds the lock, or 0 */
	int unlinked;	     /* 1: see shmipc_shm_info() */
	int replaced;	     /* 1: see shmipc_shm_info() */
	uint32_t reserved32; /* 0 */
	uint64_t reserved[5]; /* 0 */
};

/* A process that has an object open. */
struct shmipc_user {
	pid_t pid;	      /* in the caller's pid name space */
	char command[16];     /* its name, in printable ASCII: ? for the rest */
	uint64_t reserved[4]; /* 0 */
};

/**
 * Describe one object without becoming its user. Needs read permission.
 *
 * state is for people: the value of a semaphore; of a region whose lock is not
 * free, "locked by N", "owner died" or "not recoverable", where N is the id of
 * the thread that holds it, as in holder. Thread ids are those of the pid name
 * space that the region was made in; elsewhere holder is 0.
 *
 * in_use is 1 exactly while some process has the object open. Killed processes
 * do not count; forked children that still have it open do. attached counts
 * open handles and exported descriptors. A handle inherited over fork() counts
 * separately on sysv, and as one with its original on posix and memfd. On sysv
 * this call attaches a persistent object for some microseconds. Concurrent
 * calls allow for that by counting several times, but a process that is
 * stopped in the middle of the call counts as a user.
 *
 * @param ret	filled in on success
 *
 * @retval 0		*ret is filled in
 * @retval -EINVAL	bad name or kind
 * @return	the others as shmipc_shm_unlink(); -EACCES: no read permission
 */
SHMIPC_API int shmipc_stat(struct shmipc *ipc, enum shmipc_kind kind,
			   const char *name, struct shmipc_info *ret);

/**
 * Describe the object of a handle, and say whether its name still leads to it.
 * A program that keeps a region open for long can notice in this way that it
 * was unlinked, or replaced by a restarted partner, and open the name again.
 *
 * While the name leads to the object, *ret is what shmipc_stat() stores. If
 * not, unlinked is 1, and mode, uid, gid and attached, which are found only by
 * the name, are 0; replaced is 1 if another object has the name now, which has
 * another id. If the name was lost with a killed broker, lost is 1.
 *
 * @param ret	filled in on success
 *
 * @retval 0		*ret is filled in
 * @retval -EINVAL	shm or ret is NULL
 * @return	the others as shmipc_stat(), but for -ENAMETOOLONG, -ENOENT and
 *	-ESTALE
 */
SHMIPC_API int shmipc_shm_info(const struct shmipc_shm *shm,
			       struct shmipc_info *ret);

/**
 * The same as shmipc_shm_info(), for a semaphore.
 *
 * @retval 0		*ret is filled in
 * @retval -EINVAL	sem or ret is NULL
 * @return	the others as shmipc_shm_info()
 */
SHMIPC_API int shmipc_sem_info(const struct shmipc_sem *sem,
			       struct shmipc_info *ret);

/**
 * Which processes have an object open? Needs read permission.
 *
 * Shown are the processes that the caller may inspect: for root all of its pid
 * name space, for others usually their own (ptrace(2), PTRACE_MODE_READ).
 * Reading /proc takes some microseconds for each process of the machine. A
 * process that describes the object at this moment may be shown, too. The
 * caller is a user of the object during the call, and is shown only if it has
 * the object open besides.
 *
 * @param ret	filled with up to room processes, in no particular order; may be
 *	NULL if room is 0
 * @param room	how many ret has room for
 *
 * @return	the number of processes, which may be more than room
 * @retval -EINVAL	bad name or kind, or ret is NULL
 * @retval -EIO		/proc is not mounted, or an unforeseen system error
 * @return	the others as shmipc_stat()
 */
SHMIPC_API int shmipc_users(struct shmipc *ipc, enum shmipc_kind kind,
			    const char *name, struct shmipc_user *ret,
			    unsigned room);

/* ---- all objects -------------------------------------------------------- */

/**
 * Call visit() for every region and semaphore of the connection's backend that
 * the caller may read, in no particular order. Objects that appear or vanish
 * meanwhile may be shown or not. Unfinished, damaged and foreign objects are
 * left out. Last come, with lost set, the objects that are open on this
 * connection and whose name was lost with a killed broker (memfd); their
 * unknown fields are 0.
 *
 * @param visit	called once per object; info is valid during the call only.
 *	May unlink the object. A result other than 0 ends the walk
 * @param arg	passed to visit()
 *
 * @return	how many objects were shown
 * @retval -EINVAL	ipc or visit is NULL
 * @retval -EACCES	the caller may not read the namespace itself
 * @retval -EMFILE -ENOMEM -ETIMEDOUT -ECONNREFUSED -EIO
 *	as shmipc_shm_unlink()
 */
SHMIPC_API int
shmipc_list(struct shmipc *ipc,
	    int (*visit)(const struct shmipc_info *info, void *arg), void *arg);

/* Flags of shmipc_gc(). */
#define SHMIPC_GC_DRY_RUN 0x01U /* show garbage, but do not remove it */

/**
 * Remove garbage from the connection's backend: transient objects without
 * users, objects whose creator died before it finished them, and kernel
 * semaphores whose object no longer exists. Most garbage is removed when a
 * process next uses its name; this call removes the rest.
 *
 * The call never removes an object that is in use, or one that is complete and
 * not transient. Garbage that the caller may not remove is not shown: each
 * user cleans up its own, and root that of all users. A creator that is alive
 * but slow has to start over, at worst. On sysv a process that may write to an
 * object can make it look unfinished, so that this call removes it.
 *
 * @param flags	0, or SHMIPC_GC_DRY_RUN to remove nothing
 * @param visit	called for each piece of garbage, after its removal; may be
 *	NULL. In info, lost is 0, unknown fields are 0, and name is what the
 *	system calls it ("set 5", "shmipc.dead.0f...") if it has no other.
 *	A result other than 0 ends the walk
 * @param arg	passed to visit()
 *
 * @return	how many were removed or, in a dry run, found
 * @retval -EINVAL	ipc is NULL, or unknown flags
 * @return	the others as shmipc_list()
 */
SHMIPC_API int
shmipc_gc(struct shmipc *ipc, unsigned flags,
	  int (*visit)(const struct shmipc_info *info, void *arg), void *arg);

#endif /* SHMIPC_INFO_H */
