/* SPDX-License-Identifier: MIT */
#include <sys/shm.h>

#include <check.h>

#include "backends/sysv/key.h"
#include "core/header.h"
#include "tests/unit/sysv_leftovers.h"

int sysv_leave_behind(const char *name, unsigned slot, bool with_name)
{
	int id = shmget(sysvkey_segment(SHMIPC_SHM, name, slot),
			sysvkey_size(SHMIPC_SHM, name, 8192, false),
			IPC_CREAT | IPC_EXCL | 0600);
	void *addr;

	ck_assert_int_ge(id, 0);
	if (with_name) {
		addr = shmat(id, NULL, 0);
		ck_assert_ptr_ne(addr, (void *)-1);
		shmi_header_fill(addr,
				 &(struct shmi_contents){ .kind = SHMIPC_SHM,
							  .name = name,
							  .size = 4096 });
		shmdt(addr);
	}
	return id;
}

bool sysv_segment_exists(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) == 0 && !(ds.shm_perm.mode & SHM_DEST);
}
