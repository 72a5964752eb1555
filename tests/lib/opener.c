/* SPDX-License-Identifier: MIT */
/*
 * A program that shares nothing with the tests but a name.
 *
 * usage: opener COMMAND NAME ARGUMENT
 *
 *   size NAME N      the region has N bytes
 *   sum NAME N       the bytes of the region add up to N
 *   fill NAME N      set all bytes to N
 *   create NAME N    create a region of N bytes, all 7, and end without close
 *   lazy NAME N      create a lazy region of N bytes and touch nothing
 *   prefault NAME N  open a region and map its pages, of at least N bytes; if
 *                    it does not exist, create it lazy
 *   transient NAME N create a transient region of N bytes, and close it
 *   newsem NAME N    create a semaphore of value N
 *   unlink NAME -    unlink a region
 *   unlinksem NAME - unlink a semaphore
 *   value NAME N     the semaphore's value is N
 *   post NAME N      post N times
 *   wait NAME N      wait N times
 *   busy NAME N      whether somebody has the region's lock is N
 *   idle NAME -      open nothing, sleep until killed
 *
 * NAME can be "@N" or "@N,M" where something is opened: it is imported from
 * the descriptors N and M; or "<N": those are received over the socket N.
 *
 * Exit status 0: so it is; 1: it is not; 2: an error, said on stderr.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shmipc.h>

extern const struct shmipc_backend file_backend;

static struct shmipc *ipc;

static void must(int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "opener: %s\n", shmipc_errmsg());
	exit(2);
}

static void receive(int sock, int fds[2])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	char byte;
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *first;

	if (recvmsg(sock, &message, MSG_CMSG_CLOEXEC) != 1)
		exit(2);
	first = CMSG_FIRSTHDR(&message);
	if (!first || first->cmsg_type != SCM_RIGHTS)
		exit(2);
	memcpy(fds, CMSG_DATA(first), first->cmsg_len - CMSG_LEN(0));
}

/* Is it to be imported, and from what? */
static int is_import(const char *name, int fds[2])
{
	fds[0] = fds[1] = -1;
	if (*name == '@')
		return sscanf(name + 1, "%d,%d", &fds[0], &fds[1]) >= 1;
	if (*name == '<')
		receive((int)strtol(name + 1, NULL, 10), fds);
	return *name == '<';
}

static struct shmipc_shm *shm_of(const char *name)
{
	struct shmipc_shm *shm;
	int fds[2];

	if (is_import(name, fds))
		must(shmipc_shm_import_fd(ipc, &shm, fds[0], 0));
	else
		must(shmipc_shm_open(ipc, &shm, name, 0, 0, 0));
	return shm;
}

static struct shmipc_sem *sem_of(const char *name)
{
	struct shmipc_sem *sem;
	int fds[2];

	if (is_import(name, fds))
		must(shmipc_sem_import_fds(ipc, &sem, fds, 0));
	else
		must(shmipc_sem_open(ipc, &sem, name, 0, 0, 0));
	return sem;
}

static int size(const char *name, long n)
{
	struct shmipc_shm *shm = shm_of(name);
	int r = shmipc_shm_size(shm) != (size_t)n;

	shmipc_shm_close(shm);
	return r;
}

static int sum(const char *name, long n)
{
	struct shmipc_shm *shm = shm_of(name);
	const unsigned char *data = shmipc_shm_addr(shm);
	long total = 0;

	for (size_t i = 0; i < shmipc_shm_size(shm); i++)
		total += data[i];
	shmipc_shm_close(shm);
	return total != n;
}

static int fill(const char *name, long n)
{
	struct shmipc_shm *shm = shm_of(name);

	memset(shmipc_shm_addr(shm), (int)n, shmipc_shm_size(shm));
	shmipc_shm_close(shm);
	return 0;
}

static int create(const char *name, long n)
{
	struct shmipc_shm *shm;

	must(shmipc_shm_open(ipc, &shm, name, (size_t)n,
			     SHMIPC_CREATE | SHMIPC_EXCL, 0600));
	memset(shmipc_shm_addr(shm), 7, (size_t)n);
	_exit(0);
}

static int lazy(const char *name, long n)
{
	struct shmipc_shm *shm;

	must(shmipc_shm_open(ipc, &shm, name, (size_t)n,
			     SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_LAZY, 0600));
	shmipc_shm_close(shm);
	return 0;
}

static int reserve(const char *name, long n)
{
	struct shmipc_shm *shm;

	must(shmipc_shm_open(ipc, &shm, name, (size_t)n,
			     SHMIPC_CREATE | SHMIPC_EXCL | SHMIPC_PREFAULT,
			     0600));
	shmipc_shm_close(shm);
	return 0;
}

static int prefault(const char *name, long n)
{
	unsigned flags =
		SHMIPC_PREFAULT | (n ? SHMIPC_CREATE | SHMIPC_LAZY : 0);
	struct shmipc_shm *shm;

	must(shmipc_shm_open(ipc, &shm, name, (size_t)n, flags, 0600));
	shmipc_shm_close(shm);
	return 0;
}

static int transient(const char *name, long n)
{
	struct shmipc_shm *shm;

	must(shmipc_shm_open(ipc, &shm, name, (size_t)n,
			     SHMIPC_CREATE | SHMIPC_TRANSIENT, 0600));
	shmipc_shm_close(shm);
	return 0;
}

static int newsem(const char *name, long n)
{
	struct shmipc_sem *sem;

	must(shmipc_sem_open(ipc, &sem, name, (unsigned)n,
			     SHMIPC_CREATE | SHMIPC_EXCL, 0600));
	shmipc_sem_close(sem);
	return 0;
}

static int unlink_shm(const char *name, long n)
{
	(void)n;
	must(shmipc_shm_unlink(ipc, name));
	return 0;
}

static int unlink_sem(const char *name, long n)
{
	(void)n;
	must(shmipc_sem_unlink(ipc, name));
	return 0;
}

static int value(const char *name, long n)
{
	struct shmipc_sem *sem = sem_of(name);
	int is;

	must(shmipc_sem_getvalue(sem, &is));
	shmipc_sem_close(sem);
	return is != n;
}

static int post(const char *name, long n)
{
	struct shmipc_sem *sem = sem_of(name);

	while (n--)
		must(shmipc_sem_post(sem));
	shmipc_sem_close(sem);
	return 0;
}

static int take(const char *name, long n)
{
	struct shmipc_sem *sem = sem_of(name);

	while (n--)
		must(shmipc_sem_wait(sem));
	shmipc_sem_close(sem);
	return 0;
}

static int busy(const char *name, long n)
{
	struct shmipc_shm *shm = shm_of(name);
	int r = shmipc_shm_trylock(shm);

	if (r != -EBUSY)
		must(r);
	if (r == 0)
		must(shmipc_shm_unlock(shm));
	shmipc_shm_close(shm);
	return (r == -EBUSY) != n;
}

static int idle(const char *name, long n)
{
	(void)name;
	(void)n;
	while (pause() < 0)
		;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const char *name, long n);
} commands[] = {
	{ "size", size },	    { "sum", sum },
	{ "fill", fill },	    { "create", create },
	{ "lazy", lazy },	    { "value", value },
	{ "reserve", reserve },	    { "prefault", prefault },
	{ "transient", transient }, { "newsem", newsem },
	{ "unlink", unlink_shm },   { "unlinksem", unlink_sem },
	{ "post", post },	    { "wait", take },
	{ "busy", busy },	    { "idle", idle },
};

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int r;

		if (strcmp(argv[1], commands[i].name))
			continue;
		must(shmipc_backend_register(&file_backend));
		must(shmipc_open(&ipc, NULL));
		r = commands[i].run(argv[2], strtol(argv[3], NULL, 10));
		shmipc_close(ipc);
		return r;
	}
	return 2;
}
