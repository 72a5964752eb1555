/* SPDX-License-Identifier: MIT */
/*
 * Many names at once: each leads to its own object, the listing has all of
 * them, and they go as they came.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/unshare.h"
#include "tests/stress/stress.h"

/* Regions for each semaphore: a semaphore takes a broker two descriptors. */
#define SEMAPHORES 10

static void name_it(char name[32], unsigned long i)
{
	snprintf(name, 32, "s.%d.crowd.%lu", getpid(), i);
}

/*
 * System V has room for 4,096 segments, unless we may say otherwise in a name
 * space of our own. Returns how many names there can be.
 */
static unsigned long make_room(unsigned long count)
{
	unsigned long room = 0;
	FILE *file;

	if (strcmp(shmipc_backend_name(ipc), "sysv") != 0)
		return count;
	if (unshare_as_root(CLONE_NEWIPC) &&
	    (file = fopen("/proc/sys/kernel/shmmni", "we"))) {
		fprintf(file, "%lu\n", 2 * count);
		fclose(file);
	}
	forget_objects(at_start);
	at_start = note_objects();
	file = fopen("/proc/sys/kernel/shmmni", "re");
	if (file) {
		if (fscanf(file, "%lu", &room) != 1)
			room = 0;
		fclose(file);
	}
	if (room / 2 >= count)
		return count;
	printf("stress: %lu names not tried: kernel.shmmni is %lu\n", count,
	       room);
	return room / 2;
}

static int create_one(unsigned long i)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	unsigned flags = SHMIPC_CREATE | SHMIPC_EXCL;
	char name[32];
	int r;

	name_it(name, i);
	r = shmipc_shm_open(ipc, &shm, name, sizeof(i), flags, 0600);
	if (r < 0)
		return r;
	memcpy(shmipc_shm_addr(shm), &i, sizeof(i));
	shmipc_shm_close(shm);
	if (i % SEMAPHORES)
		return 0;
	r = shmipc_sem_open(ipc, &sem, name, (unsigned)i, flags, 0600);
	if (r == 0)
		shmipc_sem_close(sem);
	return r;
}

static void check_one(unsigned long i)
{
	struct shmipc_shm *shm;
	struct shmipc_sem *sem;
	unsigned long there;
	char name[32];
	int r, value;

	name_it(name, i);
	r = shmipc_shm_open(ipc, &shm, name, 0, SHMIPC_RDONLY, 0);
	if (expect("open region", name, r, 0, 0) < 0)
		return;
	memcpy(&there, shmipc_shm_addr(shm), sizeof(there));
	if (there != i)
		complain("%s leads to number %lu", name, there);
	shmipc_shm_close(shm);
	if (i % SEMAPHORES)
		return;
	r = shmipc_sem_open(ipc, &sem, name, 0, 0, 0);
	if (expect("open semaphore", name, r, 0, 0) < 0)
		return;
	if (shmipc_sem_getvalue(sem, &value) < 0 || value != (int)i)
		complain("%s has the value %d", name, value);
	shmipc_sem_close(sem);
}

static void unlink_one(unsigned long i)
{
	char name[32];

	name_it(name, i);
	expect("unlink region", name, shmipc_shm_unlink(ipc, name), 0, 0);
	if (i % SEMAPHORES == 0)
		expect("unlink semaphore", name, shmipc_sem_unlink(ipc, name),
		       0, 0);
}

static int count_ours(const struct shmipc_info *info, void *arg)
{
	char start[32];

	snprintf(start, sizeof(start), "s.%d.crowd.", getpid());
	*(unsigned long *)arg += !strncmp(info->name, start, strlen(start));
	return 0;
}

void crowd(unsigned long count)
{
	unsigned long made, seen = 0;
	int r = 0;

	count = make_room(count);
	for (made = 0; made < count; made++) {
		r = create_one(made);
		if (r < 0)
			break;
	}
	if (r < 0)
		complain("name %lu of %lu: %s", made, count, shmipc_errmsg());
	for (unsigned long i = 0; i < made; i++)
		check_one(i);
	expect("list", "all", shmipc_list(ipc, count_ours, &seen), 0, 0);
	if (seen != made + (made + SEMAPHORES - 1) / SEMAPHORES)
		complain("the listing has %lu", seen);
	for (unsigned long i = 0; i < made; i++)
		unlink_one(i);
	printf("stress: %s names: %lu at once, %lu listed, %lu left\n",
	       shmipc_backend_name(ipc), made, seen, sweep());
}
