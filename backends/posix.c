/* SPDX-License-Identifier: MIT */
/*
 * posix: shm_open(3) memory and sem_open(3) semaphores.
 *
 * One flat name space for all users of the machine, a tmpfs that is often too
 * small in containers (64 MB), and nothing that keeps a peer who may write an
 * object from truncating it under our feet (SIGBUS). In return it is
 * everywhere, and ls and rm work on it. glibc guards its list of semaphores
 * with a lock that fork(2) does not reset: a child forked while another thread
 * was in sem_open(3) must not open or close one.
 *
 *   /dev/shm/shmipc.shm.NAME           a region: shm_open("/shmipc.shm.NAME")
 *   /dev/shm/shmipc.sem.NAME           a semaphore's header
 *   /dev/shm/sem.shmipc.place.INODE    its place: sem_open("/shmipc.place...")
 *   /dev/shm/shmipc.dead.RANDOM        a header on its way out
 *
 * Files are made without a name (O_TMPFILE), filled, and then linked: link()
 * fails if the name is taken, so it is also the exclusive create. A place is
 * named by the inode number of its segment, which no peer can write.
 *
 * Death. Before the link the system frees the file. Between the link of a
 * place and that of its segment the place stays, and no segment of that number
 * exists. In unlink, after the name is gone, a dead header stays, whose inode
 * still tells the place.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#include "backends/fdmem.h"
#include "core/backend.h"

/* What shm_open(3) and sem_open(3) mean, in glibc and in musl. */
#define SHM_DIR "/dev/shm"
#ifdef __GLIBC__
#define SEM_FILE "sem."
#else
#define SEM_FILE ""
#endif

#define SEGMENT_MAX (sizeof("/shmipc.shm.") + SHMIPC_NAME_MAX)
#define PLACE_MAX   (sizeof("/shmipc.place.") + 16)
#define PATH_ROOM   (sizeof(SHM_DIR "/" SEM_FILE) + SEGMENT_MAX)

struct posix {
	int fd;	      /* created and not published, or opened to peek: +1 */
	bool peeked;  /* a copy of the header is mapped */
	uint64_t ino; /* of the segment's file */
	sem_t *place; /* from sem_open() */
};

static struct posix *of(const struct shmipc_segment *seg)
{
	return seg->priv;
}

static const char *prefix(enum shmipc_kind kind)
{
	return kind == SHMIPC_SHM ? "/shmipc.shm." : "/shmipc.sem.";
}

static void segment_name(char ret[SEGMENT_MAX], enum shmipc_kind kind,
			 const char *name)
{
	snprintf(ret, SEGMENT_MAX, "%s%s", prefix(kind), name);
}

static void place_name(char ret[PLACE_MAX], uint64_t ino)
{
	snprintf(ret, PLACE_MAX, "/shmipc.place.%016" PRIx64, ino);
}

/* An unnamed file with these permission bits; the umask plays no part. */
static int make_file(mode_t mode)
{
	int fd, err;

	fd = open(SHM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Give the file a name: exclusive, and the first moment anybody sees it. */
static int link_file(int fd, const char *path)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/thread-self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT)
		return shmipc_backend_error(-ENOSPC,
					    "no inode is left in " SHM_DIR);
	return -errno;
}

static int posix_probe(void)
{
	int fd = make_file(0600);

	if (fd == -ENFILE || fd == -EMFILE || fd == -ENOSPC || fd == -EDQUOT)
		return 0; /* says nothing about the backend */
	if (fd < 0)
		return shmipc_backend_error(
			-ENOSYS, SHM_DIR " cannot be used: %s", strerror(-fd));
	close(fd);
	if (access("/proc/thread-self/fd", X_OK) < 0)
		return shmipc_backend_error(-ENOSYS, "/proc is not mounted");
	return 0;
}

static bool is_taken(const char *name)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), SHM_DIR "%s", name);
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The number that names the segment's place. */
static int note_inode(struct shmipc_segment *seg, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	of(seg)->ino = st.st_ino;
	return 0;
}

static int posix_segment_create(struct shmipc_segment *seg, size_t length,
				mode_t mode, unsigned flags)
{
	char name[SEGMENT_MAX];
	int fd, r;

	/* Only to be quick about it: link_file() decides. */
	segment_name(name, seg->kind, seg->name);
	if (is_taken(name))
		return -EEXIST;

	fd = make_file(mode);
	if (fd < 0)
		return fd;
	r = fdmem_reserve(fd, length, flags & SHMIPC_SEGMENT_LAZY, SHM_DIR);
	if (r == 0)
		r = note_inode(seg, fd);
	if (r == 0)
		r = fdmem_map_new(seg, fd, length);
	if (r < 0) {
		close(fd);
		return r;
	}
	of(seg)->fd = fd + 1;
	return 0;
}

static void drop_fd(struct shmipc_segment *seg)
{
	if (of(seg)->fd)
		close(of(seg)->fd - 1);
	of(seg)->fd = 0;
}

static int posix_segment_publish(struct shmipc_segment *seg)
{
	char name[SEGMENT_MAX], path[PATH_ROOM];
	int r;

	segment_name(name, seg->kind, seg->name);
	snprintf(path, sizeof(path), SHM_DIR "%s", name);
	r = link_file(of(seg)->fd - 1, path);
	if (r == 0)
		drop_fd(seg);
	return r;
}

/* shm_open(3) with its errors in our words. Returns a descriptor. */
static int open_segment(enum shmipc_kind kind, const char *name, int access)
{
	char path[SEGMENT_MAX];
	int fd;

	segment_name(path, kind, name);
	/* O_NONBLOCK: a fifo in its place must not make us wait. */
	fd = shm_open(path, access | O_NONBLOCK, 0);
	if (fd >= 0)
		return fd;
	switch (errno) {
	case ELOOP: /* a symbolic link: not followed */
	case EISDIR:
	case EINVAL: /* a directory, in glibc */
	case ENXIO:  /* a fifo or socket */
		return -EPROTO;
	default:
		return -errno;
	}
}

static int posix_segment_open(struct shmipc_segment *seg, unsigned flags)
{
	bool writable = !(flags & SHMIPC_SEGMENT_RDONLY);
	int fd, r;

	fd = open_segment(seg->kind, seg->name, writable ? O_RDWR : O_RDONLY);
	if (fd < 0)
		return fd;
	r = note_inode(seg, fd);
	if (r == 0)
		r = fdmem_map(seg, fd, flags);
	of(seg)->peeked = flags & SHMIPC_SEGMENT_PEEK;
	if (r == 0 && of(seg)->peeked)
		of(seg)->fd = fd + 1;
	else
		close(fd);
	return r;
}

static void posix_segment_close(struct shmipc_segment *seg)
{
	drop_fd(seg);
	fdmem_unmap(seg, of(seg)->peeked);
}

static int posix_segment_stat(struct shmipc_segment *seg,
			      struct shmipc_segment_stat *ret)
{
	return fdmem_stat(of(seg)->fd - 1, ret);
}

static void remove_place(uint64_t ino)
{
	char name[PLACE_MAX];

	place_name(name, ino);
	(void)sem_unlink(name); /* regions have none */
}

/*
 * The place is named by the inode of what is unlinked, and that must not be
 * another one than was looked at: take it out of sight first, which nobody
 * else can do too, then look.
 */
static int unlink_with_place(const char *path)
{
	char dead[PATH_ROOM];
	uint64_t random;
	struct stat st;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -errno;
	snprintf(dead, sizeof(dead), SHM_DIR "/shmipc.dead.%016" PRIx64,
		 random);
	if (rename(path, dead) < 0)
		return -errno;
	if (lstat(dead, &st) == 0)
		remove_place(st.st_ino);
	(void)unlink(dead); /* the name is gone, and that was asked */
	return 0;
}

static int posix_segment_unlink(void *conn, enum shmipc_kind kind,
				const char *name)
{
	char path[PATH_ROOM], segment[SEGMENT_MAX];
	struct stat st;

	(void)conn;
	segment_name(segment, kind, name);
	snprintf(path, sizeof(path), SHM_DIR "%s", segment);
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPROTO;
	if (kind == SHMIPC_SEM)
		return unlink_with_place(path);
	return shm_unlink(segment) < 0 ? -errno : 0;
}

static int posix_segment_list(void *conn, enum shmipc_kind kind,
			      int (*found)(const char *name, void *arg),
			      void *arg)
{
	const char *start = prefix(kind) + 1;
	size_t length = strlen(start);
	struct dirent *entry;
	DIR *dir;

	(void)conn;
	dir = opendir(SHM_DIR);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, start, length) &&
		    found(entry->d_name + length, arg))
			break;
	closedir(dir);
	return 0;
}

/*
 * sem_open(O_CREAT) applies the umask and leaves a temporary file behind if
 * it is killed at the wrong moment, so the file is built here, as it does it:
 * one sem_t.
 */
static int build_place(const char *name, mode_t mode)
{
	char path[PATH_ROOM];
	sem_t sem;
	int fd, r;

	memset(&sem, 0, sizeof(sem));
	if (sem_init(&sem, 1, 0) < 0)
		return -errno;
	fd = make_file(mode);
	if (fd < 0)
		return fd;
	r = fdmem_reserve(fd, sizeof(sem), false, SHM_DIR);
	if (r < 0)
		goto out;
	if (pwrite(fd, &sem, sizeof(sem), 0) != (ssize_t)sizeof(sem)) {
		r = -EIO;
		goto out;
	}
	snprintf(path, sizeof(path), SHM_DIR "/" SEM_FILE "%s", name + 1);
	r = link_file(fd, path);
out:
	close(fd);
	return r;
}

/* There is no place: was the segment unlinked, or only the place removed? */
static int no_place(const struct shmipc_segment *seg)
{
	char name[SEGMENT_MAX], path[PATH_ROOM];
	struct stat st;

	segment_name(name, seg->kind, seg->name);
	snprintf(path, sizeof(path), SHM_DIR "%s", name);
	if (lstat(path, &st) == 0 && st.st_ino == of(seg)->ino)
		return shmipc_backend_error(-EPROTO, "its kernel semaphore "
						     "was removed");
	return -ENOENT;
}

static int open_place(struct shmipc_segment *seg, const char *name)
{
	char path[PATH_ROOM];
	struct stat st;
	sem_t *place;

	/* sem_open(3) maps whatever is there, and a short file is SIGBUS. */
	snprintf(path, sizeof(path), SHM_DIR "/" SEM_FILE "%s", name + 1);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? no_place(seg) : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(sem_t))
		return shmipc_backend_error(-EPROTO, "its kernel semaphore is "
						     "damaged");
	place = sem_open(name, 0);
	if (place == SEM_FAILED)
		return errno == ENOENT ? no_place(seg) : -errno;
	of(seg)->place = place;
	return 0;
}

static int posix_place_create(struct shmipc_segment *seg, mode_t mode)
{
	char name[PLACE_MAX];
	int r;

	/*
	 * The creator must open it once more, so its own bits are on: he may
	 * change them anyhow. Nobody reaches it without the segment.
	 */
	place_name(name, of(seg)->ino);
	r = build_place(name, mode | 0600);
	if (r == -EEXIST)
		return -EAGAIN; /* left by a dead one with this number */
	if (r < 0)
		return r;
	r = open_place(seg, name);
	if (r < 0)
		remove_place(of(seg)->ino);
	return r;
}

static int posix_place_open(struct shmipc_segment *seg)
{
	char name[PLACE_MAX];

	place_name(name, of(seg)->ino);
	return open_place(seg, name);
}

static int posix_place_wait(struct shmipc_segment *seg,
			    const struct timespec *deadline)
{
	/* Returns EINTR for every handler, as it has a deadline: signal(7). */
	if (sem_clockwait(of(seg)->place, CLOCK_MONOTONIC, deadline) == 0)
		return 0;
	return -errno;
}

static void posix_place_post(struct shmipc_segment *seg)
{
	(void)sem_post(of(seg)->place); /* EOVERFLOW: tokens enough */
}

static void posix_place_close(struct shmipc_segment *seg)
{
	sem_close(of(seg)->place);
}

static void posix_place_remove(struct shmipc_segment *seg)
{
	remove_place(of(seg)->ino);
}

const struct shmipc_backend shmi_backend_posix = {
	.abi = SHMIPC_BACKEND_ABI,
	.caps = SHMIPC_CAP_OTHER_USERS,
	.name = "posix",
	.objects = "shm_open(3), sem_open(3)",
	.segment_size = sizeof(struct posix),
	.probe = posix_probe,
	.segment_create = posix_segment_create,
	.segment_publish = posix_segment_publish,
	.segment_open = posix_segment_open,
	.segment_close = posix_segment_close,
	.segment_stat = posix_segment_stat,
	.segment_unlink = posix_segment_unlink,
	.segment_list = posix_segment_list,
	.place_create = posix_place_create,
	.place_open = posix_place_open,
	.place_wait = posix_place_wait,
	.place_post = posix_place_post,
	.place_close = posix_place_close,
	.place_remove = posix_place_remove,
};
