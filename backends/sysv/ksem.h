/* SPDX-License-Identifier: MIT */
/*
 * The kernel semaphores of sysv: a semaphore set for each segment with ksems.
 * Its key holds the id of its segment (key.h). After the ksems it has one more
 * semaphore, the mark, with the value SYSV_SET_MARK: it says that the set is
 * ours. A process may not know the kind of a set, so any size that a kind could
 * need can be ours.
 *
 * Death. A creator that is killed before it sets the mark leaves a set that no
 * process has used. The process that removes its segment removes the set too.
 */
#ifndef SHMI_SYSV_KSEM_H
#define SHMI_SYSV_KSEM_H

#include <stdbool.h>
#include <sys/sem.h>

#include <shmipc-backend.h>

#define SYSV_SET_MARK 0x5c5

/* The fourth argument of semctl(2), which the program has to define. */
union sysv_semun {
	int val;
	struct semid_ds *ds;
	struct seminfo *info;
};

int sysv_ksem_create(struct shmipc_segment *seg, mode_t mode);
int sysv_ksem_open(struct shmipc_segment *seg);
int sysv_ksem_wait(struct shmipc_segment *seg, unsigned index,
		   const struct timespec *deadline);
void sysv_ksem_post(struct shmipc_segment *seg, unsigned index);
void sysv_ksem_close(struct shmipc_segment *seg);

/* Has this set a size of ours, and the mark? */
bool ksem_set_is_marked(int set, const struct semid_ds *ds);

/* Remove the set of a segment that is gone, if there is one and we may. */
void ksem_remove_set(int segment_id);

#endif
