/* SPDX-License-Identifier: MIT */
/*
 * What a run makes has names that carry its first process's pid, or stands in
 * a list in shared memory, so that another process can remove it whatever
 * happened.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"

#define SETS_MAX 32

/* Ids, plus one; 0: no id. */
struct ids {
	bool elsewhere; /* in a name space that ends with its process */
	int segment;
	int sets[SETS_MAX];
};

char own_raw_name[OWN_NAME_MAX];

static struct ids *ids;
static pid_t first;
static char runtime_dir[64]; /* the broker's; "": not ours */

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return p;
}

/*
 * A broker of our own, so that objects of others do not count, and ours do not
 * burden a broker that others need.
 */
static void own_broker(void)
{
	if (getenv("SHMIPC_RUNTIME_DIR"))
		return;
	snprintf(runtime_dir, sizeof(runtime_dir), "/dev/shm/shmipc-bench.%d",
		 first);
	if (mkdir(runtime_dir, 0700) < 0)
		fail("%s: %s", runtime_dir, strerror(errno));
	setenv("SHMIPC_RUNTIME_DIR", runtime_dir, 1);
}

void own_begin(void)
{
	first = getpid();
	ids = share(sizeof(*ids));
	snprintf(own_raw_name, sizeof(own_raw_name), "/shmipc.bench.%d", first);
	own_broker();
}

/* Room for 10,000 objects: by default there are 4,096 segments. */
void own_ipc_namespace(void)
{
	FILE *file;

	if (unshare(CLONE_NEWIPC) < 0)
		return;
	ids->elsewhere = true;
	file = fopen("/proc/sys/kernel/shmmni", "we");
	if (!file)
		return;
	fputs("32768\n", file);
	fclose(file);
}

void own_name(char ret[OWN_NAME_MAX], const char *what, unsigned long index)
{
	snprintf(ret, OWN_NAME_MAX, "bench.%d.%s.%lu", first, what, index);
}

/* Use a free key: a process that opens an object by key needs one. */
int own_segment(size_t size, key_t *ret_key)
{
	for (key_t key = first; key < first + 1000; key++) {
		int id = shmget(key, size, IPC_CREAT | IPC_EXCL | 0600);

		if (id >= 0) {
			ids->segment = id + 1;
			*ret_key = key;
			return id;
		}
		if (errno != EEXIST)
			fail("shmget: %s", strerror(errno));
	}
	fail("shmget: all keys are taken");
}

void drop_segment(void)
{
	must_sys("shmctl", shmctl(ids->segment - 1, IPC_RMID, NULL));
	ids->segment = 0;
}

int own_set(unsigned value)
{
	int id, i = 0;

	while (i < SETS_MAX && ids->sets[i])
		i++;
	if (i == SETS_MAX)
		fail("too many sets");
	id = (int)must_sys("semget", semget(IPC_PRIVATE, 1, 0600));
	ids->sets[i] = id + 1;
	must_sys("semctl", semctl(id, 0, SETVAL, (int)value));
	return id;
}

void drop_set(int id)
{
	must_sys("semctl", semctl(id, 0, IPC_RMID));
	for (int i = 0; i < SETS_MAX; i++)
		if (ids->sets[i] == id + 1)
			ids->sets[i] = 0;
}

/* ---- whatever is left ---------------------------------------------------- */

static int remove_if_ours(const struct shmipc_info *info, void *arg)
{
	char start[OWN_NAME_MAX];

	snprintf(start, sizeof(start), "bench.%d.", first);
	if (strncmp(info->name, start, strlen(start)) != 0)
		return 0;
	if (info->kind == SHMIPC_SHM)
		(void)shmipc_shm_unlink(arg, info->name);
	else
		(void)shmipc_sem_unlink(arg, info->name);
	return 0;
}

static int sweep_backend(const struct shmipc_backend_info *info, void *arg)
{
	struct shmipc *conn;

	if (!info->works || shmipc_open(&conn, info->name) < 0)
		return 0;
	(void)shmipc_list(conn, remove_if_ours, conn);
	if (*(const bool *)arg) /* perhaps half way in a create */
		(void)shmipc_gc(conn, 0, NULL, NULL);
	shmipc_close(conn);
	return 0;
}

/* Files only, none of them in a directory. The broker leaves without it. */
static void remove_runtime_dir(void)
{
	char path[sizeof(runtime_dir) + NAME_MAX + 1];
	struct dirent *entry;
	DIR *dir = opendir(runtime_dir);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", runtime_dir,
			 entry->d_name);
		(void)unlink(path); /* not . and .. */
	}
	closedir(dir);
	(void)rmdir(runtime_dir);
}

/* An id means nothing in another name space, or somebody else's object. */
static void remove_ids(void)
{
	if (ids->elsewhere)
		return;
	if (ids->segment)
		(void)shmctl(ids->segment - 1, IPC_RMID, NULL);
	for (int i = 0; i < SETS_MAX; i++)
		if (ids->sets[i])
			(void)semctl(ids->sets[i] - 1, 0, IPC_RMID);
}

void own_sweep(bool killed)
{
	(void)shmipc_backends(sweep_backend, &killed);
	(void)shm_unlink(own_raw_name);
	remove_ids();
	if (*runtime_dir)
		remove_runtime_dir();
}
