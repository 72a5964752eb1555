/* SPDX-License-Identifier: MIT */
/*
 * The common part of regions and semaphores: an open segment whose header was
 * checked. The handles of the public interface begin with it.
 */
#ifndef SHMI_OBJECT_H
#define SHMI_OBJECT_H

#include <stdbool.h>

#include "call.h"
#include "peek.h"

struct shmi_object {
	struct shmipc *ipc; /* a reference of our own */
	struct shmipc_segment seg;
	uint64_t size;	    /* checked copy of the header's */
	uint64_t pid_space; /* the same; 0: not known */
	int64_t born;	    /* the same: when it was created */
	int32_t creator;    /* the same */
	bool transient;	    /* the same */
	bool created;
	bool rdonly;
	char name[SHMIPC_NAME_MAX + 1]; /* seg.name points here */
	char subject[SHMI_SUBJECT_MAX]; /* for messages */
};

/* The arguments of one call that opens, creates or imports. */
struct shmi_open_args {
	const struct shmi_kind *kind;
	const char *name;
	size_t handle; /* bytes of the handle, whose first part is the object */
	uint64_t size; /* regions: wanted size; 0: any */
	uint32_t value; /* semaphores: initial */
	unsigned flags; /* SHMIPC_* */
	mode_t mode;
	const int *fds; /* to import, without a name; or NULL */
};

/*
 * The contract of shmipc_shm_open(), from the check of the arguments to the
 * report. On success args->name has no slash. The rest of the handle behind the
 * object is zero.
 */
int shmi_object_open(struct shmipc *ipc, struct shmi_object **ret,
		     struct shmi_open_args *args);

/* The same without checks and report, also for imports. */
int shmi_object_make(struct shmipc *ipc, struct shmi_object **ret,
		     const struct shmi_open_args *args);

void shmi_object_close(struct shmi_object *object);

/* The contract of shmipc_shm_info(), report included; object may be NULL. */
int shmi_object_info(const struct shmi_object *object, const char *noun,
		     struct shmipc_info *ret);

/*
 * The contract of shmipc_shm_import_fd() and of shmipc_shm_export_fd(), report
 * included. ret has room for SHMIPC_SEGMENT_FDS.
 */
int shmi_object_import(struct shmipc *ipc, struct shmi_object **ret,
		       const struct shmi_open_args *args);
int shmi_object_export(struct shmi_object *object, int *ret);

#endif
