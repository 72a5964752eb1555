/* SPDX-License-Identifier: MIT */
/*
 * doctor: checks of the System V limits. They belong to an IPC name space, and
 * all of its users share them, with or without this library.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "tools/doctor.h"

#define MIB	  (UINT64_C(1) << 20)
#define UNLIMITED (UINT64_C(1) << 50) /* bytes; no machine has more */
#define FEW	  128		      /* objects; a lower limit is a warning */
#define MOST	  32768		      /* ids that a kernel normally has */

/* <sys/sem.h> does not declare it: semctl(2). */
union argument {
	int value;
	struct seminfo *info;
};

static void not_known(struct doctor *d, int err)
{
	doctor_found(d, doctor_trouble_with(d, "sysv"), "cannot be read: %s",
		     strerror(err));
	doctor_remedy(d, "use posix or memfd; this kernel was built without "
			 "System V IPC, or a sandbox forbids it");
}

static bool read_limits(struct doctor *d, struct shminfo *ret)
{
	if (shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)ret) >= 0)
		return true;
	not_known(d, errno);
	return false;
}

static bool read_usage(struct doctor *d, struct shm_info *ret)
{
	if (shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)ret) >= 0)
		return true;
	not_known(d, errno);
	return false;
}

static bool read_sem(struct doctor *d, int command, struct seminfo *ret)
{
	union argument argument = { .info = ret };

	if (semctl(0, 0, command, argument) >= 0)
		return true;
	not_known(d, errno);
	return false;
}

/* Report the use of a limit. The caller adds the remedy. */
static enum state judge(struct doctor *d, uint64_t used, uint64_t limit,
			const char *what)
{
	enum state state = doctor_share(used, limit);

	if (state == STATE_OK && limit < FEW)
		state = STATE_WARN;
	doctor_found(d, state, "%ju of %ju %s are in use", (uintmax_t)used,
		     (uintmax_t)limit, what);
	return state;
}

void check_shmmax(struct doctor *d)
{
	struct shminfo limits;
	enum state state;
	uint64_t most;
	char text[16];

	if (!read_limits(d, &limits))
		return;
	most = limits.shmmax;
	if (most >= UNLIMITED) {
		doctor_found(d, STATE_OK, "no limit");
		return;
	}
	tool_format_size(text, most);
	state = most < MIB	  ? STATE_BAD
		: most < 64 * MIB ? STATE_WARN
				  : STATE_OK;
	doctor_found(d, state, "a region can be at most %s, minus one page",
		     text);
	if (state != STATE_OK)
		doctor_remedy(d, "sysctl kernel.shmmax=1073741824");
}

static uint64_t bytes_of(uint64_t pages)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return pages > UINT64_MAX / page ? UINT64_MAX : pages * page;
}

void check_shmall(struct doctor *d)
{
	char limit[16], used[16];
	struct shminfo limits;
	struct shm_info usage;
	enum state state;

	if (!read_limits(d, &limits) || !read_usage(d, &usage))
		return;
	tool_format_size(used, bytes_of(usage.shm_tot));
	if (bytes_of(limits.shmall) >= UNLIMITED) {
		doctor_found(d, STATE_OK, "no limit; %s are in use", used);
		return;
	}
	tool_format_size(limit, bytes_of(limits.shmall));
	state = doctor_share(usage.shm_tot, limits.shmall);
	if (state == STATE_OK && bytes_of(limits.shmall) < 64 * MIB)
		state = STATE_WARN;
	doctor_found(d, state, "all segments together use %s of %s", used,
		     limit);
	if (state != STATE_OK)
		doctor_remedy(d,
			      "sysctl kernel.shmall=%ju (pages); ipcs -m lists "
			      "the segments",
			      (uintmax_t)limits.shmall * 2 + 16384);
}

/* A better limit to suggest. */
static int more(uint64_t limit)
{
	return limit > (MOST - FEW) / 2 ? MOST : (int)limit * 2 + FEW;
}

void check_shmmni(struct doctor *d)
{
	struct shminfo limits;
	struct shm_info usage;

	if (!read_limits(d, &limits) || !read_usage(d, &usage))
		return;
	if (judge(d, (uint64_t)usage.used_ids, limits.shmmni, "segments") !=
	    STATE_OK)
		doctor_remedy(d,
			      "sysctl kernel.shmmni=%d; ipcs -m lists all "
			      "segments, shmipc gc the garbage",
			      more(limits.shmmni));
}

/* The size of the largest set that sysv makes: one semaphore is a mark. */
static int largest_set(void)
{
	const struct shmipc_kind_info *kind;
	unsigned ksems = 0;

	for (unsigned i = 0; (kind = shmipc_kind_at(i)); i++)
		ksems = kind->ksems > ksems ? kind->ksems : ksems;
	return (int)ksems + 1;
}

/* Suggests no number with which sysv cannot make a set. */
static void remedy_sem(struct doctor *d, const struct seminfo *limits,
		       int semmns, int semmni)
{
	int semmsl = limits->semmsl < largest_set() ? 250 : limits->semmsl;

	if (semmns < semmsl)
		semmns += 32000;
	doctor_remedy(d,
		      "sysctl kernel.sem='%d %d %d %d'; ipcs -s lists all "
		      "sets, shmipc gc the garbage",
		      semmsl, semmns, limits->semopm, semmni);
}

void check_semmsl(struct doctor *d)
{
	struct seminfo limits = { 0 };

	if (!read_sem(d, IPC_INFO, &limits))
		return;
	if (limits.semmsl >= largest_set()) {
		doctor_found(d, STATE_OK, "a set has at most %d",
			     limits.semmsl);
		return;
	}
	doctor_found(d, doctor_trouble_with(d, "sysv"),
		     "a set has at most %d, but sysv needs %d", limits.semmsl,
		     largest_set());
	remedy_sem(d, &limits, limits.semmns, limits.semmni);
}

void check_semmni(struct doctor *d)
{
	struct seminfo limits = { 0 }, usage = { 0 };

	if (!read_sem(d, IPC_INFO, &limits) || !read_sem(d, SEM_INFO, &usage))
		return;
	if (judge(d, (uint64_t)usage.semusz, (uint64_t)limits.semmni,
		  "semaphore sets") != STATE_OK)
		remedy_sem(d, &limits, limits.semmns,
			   more((uint64_t)limits.semmni));
}

void check_semmns(struct doctor *d)
{
	struct seminfo limits = { 0 }, usage = { 0 };

	if (!read_sem(d, IPC_INFO, &limits) || !read_sem(d, SEM_INFO, &usage))
		return;
	if (judge(d, (uint64_t)usage.semaem, (uint64_t)limits.semmns,
		  "kernel semaphores") != STATE_OK)
		remedy_sem(d, &limits, limits.semmns + 32000, limits.semmni);
}
