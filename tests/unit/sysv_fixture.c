/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/shm.h>
#include <unistd.h>

#include <check.h>

#include "backends/sysv/key.h"
#include "core/header.h"
#include "tests/unit/sysv_fixture.h"

struct shmipc *sysv_ipc;
char sysv_name[64];

void sysv_setup(void)
{
	ck_assert_int_eq(shmipc_open(&sysv_ipc, "sysv"), 0);
	snprintf(sysv_name, sizeof(sysv_name), "t.%d.unit", (int)getpid());
}

void sysv_teardown(void)
{
	shmipc_close(sysv_ipc);
}

int sysv_leave_behind(unsigned slot, bool with_name)
{
	int id = shmget(sysvkey_segment(SHMIPC_SHM, sysv_name, slot),
			sysvkey_size(SHMIPC_SHM, sysv_name, 8192, false),
			IPC_CREAT | IPC_EXCL | 0600);
	void *addr;

	ck_assert_int_ge(id, 0);
	if (with_name) {
		addr = shmat(id, NULL, 0);
		ck_assert_ptr_ne(addr, (void *)-1);
		shmi_header_fill(addr,
				 &(struct shmi_contents){ .kind = SHMIPC_SHM,
							  .name = sysv_name,
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
