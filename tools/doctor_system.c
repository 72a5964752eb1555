/* SPDX-License-Identifier: MIT */
/* doctor: checks of the system: kernel, /proc, /dev/shm, descriptors. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/doctor.h"

#define MIB (UINT64_C(1) << 20)

void check_kernel(struct doctor *d)
{
	unsigned major, minor;
	struct utsname name;

	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) != 2 || major > 4 ||
	    (major == 4 && minor >= 17)) {
		doctor_found(d, STATE_OK, "%s %s", name.sysname, name.release);
		return;
	}
	doctor_found(d, STATE_BAD, "%s %s is too old: libshmipc needs 4.17",
		     name.sysname, name.release);
	doctor_remedy(d, "run a newer kernel");
}

void check_proc(struct doctor *d)
{
	struct statfs fs;

	if (statfs("/proc", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
	    access("/proc/self/fd", X_OK) == 0) {
		doctor_found(d, STATE_OK, "is mounted");
		return;
	}
	doctor_found(d, STATE_BAD,
		     "is not mounted: locks and memfd do not work");
	doctor_remedy(d, "mount -t proc proc /proc");
}

/* ---- /dev/shm ------------------------------------------------------------ */

#define SHM_SMALL (64 * MIB) /* the default of containers */
#define SHM_FULL  MIB
#define SHM_REMOUNT                                                            \
	"mount -o remount,size=1G /dev/shm; for a container, "                 \
	"start it with --shm-size=1g"

/* Can posix use it at all? */
static bool is_shm_usable(struct doctor *d, const struct statfs *fs)
{
	if ((unsigned long)fs->f_type != TMPFS_MAGIC &&
	    (unsigned long)fs->f_type != RAMFS_MAGIC) {
		doctor_found(d, STATE_BAD,
			     "is not a tmpfs, so posix refuses it");
		doctor_remedy(d, "mount -t tmpfs -o mode=1777 tmpfs /dev/shm");
	} else if (fs->f_flags & ST_RDONLY) {
		doctor_found(d, STATE_BAD, "is mounted read-only");
		doctor_remedy(d, "mount -o remount,rw /dev/shm");
	} else if (access("/dev/shm", W_OK | X_OK) < 0) {
		doctor_found(d, STATE_BAD, "you cannot create files in it: %s",
			     strerror(errno));
		doctor_remedy(d, "chmod 1777 /dev/shm");
	} else {
		return true;
	}
	return false;
}

static void judge_shm_mode(struct doctor *d)
{
	struct stat st;

	if (stat("/dev/shm", &st) < 0 || (st.st_mode & 07777) == 01777)
		return;
	doctor_found(d, STATE_WARN,
		     "has mode %04o: others can remove your files, or cannot "
		     "create files",
		     (unsigned)st.st_mode & 07777);
	doctor_remedy(d, "chmod 1777 /dev/shm");
}

/* f_blocks is 0 without a limit, and always on ramfs. */
static void judge_shm_room(struct doctor *d, const struct statfs *fs)
{
	uint64_t block = (uint64_t)fs->f_bsize;
	uint64_t size = fs->f_blocks * block, left = fs->f_bavail * block;
	char size_text[16], left_text[16];
	enum state state = STATE_OK;

	if (!size) {
		doctor_found(d, STATE_OK, "no limit");
		return;
	}
	tool_format_size(size_text, size);
	tool_format_size(left_text, left);
	if (left < SHM_FULL)
		state = STATE_BAD;
	else if (size <= SHM_SMALL || left < size / 10)
		state = STATE_WARN;
	doctor_found(d, state, "%s, %s free%s", size_text, left_text,
		     state == STATE_OK	? ""
		     : left < SHM_FULL	? ": it is full"
		     : left < size / 10 ? ": it is nearly full"
					: ": it is small");
	if (left < size / 10)
		doctor_remedy(d, "remove what is not needed (shmipc ls, ls -l "
				 "/dev/shm), or " SHM_REMOUNT);
	else if (state != STATE_OK)
		doctor_remedy(d, SHM_REMOUNT);
}

static void judge_shm_inodes(struct doctor *d, const struct statfs *fs)
{
	if (!fs->f_files || fs->f_ffree > 100)
		return;
	doctor_found(d, STATE_BAD, "%ju of %ju inodes are free",
		     (uintmax_t)fs->f_ffree, (uintmax_t)fs->f_files);
	doctor_remedy(d, "mount -o remount,nr_inodes=1M /dev/shm, or remove "
			 "files in it");
}

void check_dev_shm(struct doctor *d)
{
	struct statfs fs;

	if (statfs("/dev/shm", &fs) < 0) {
		doctor_found(d, STATE_BAD, "%s", strerror(errno));
		doctor_remedy(d, "mkdir /dev/shm; mount -t tmpfs -o mode=1777 "
				 "tmpfs /dev/shm");
		return;
	}
	if (!is_shm_usable(d, &fs))
		return;
	judge_shm_mode(d);
	judge_shm_room(d, &fs);
	judge_shm_inodes(d, &fs);
}

/* ---- what memfd needs ---------------------------------------------------- */

void check_memfd_noexec(struct doctor *d)
{
	uint64_t value;

	if (!d->has_memfd)
		return;
	if (doctor_read_number("/proc/sys/vm/memfd_noexec", &value) < 0)
		doctor_found(d, STATE_OK,
			     "this kernel does not have the setting");
	else if (value < 2)
		doctor_found(d, STATE_OK, "%ju", (uintmax_t)value);
	else {
		doctor_found(d, STATE_WARN,
			     "%ju: memfd refuses regions whose mode has "
			     "execute permission",
			     (uintmax_t)value);
		doctor_remedy(d, "use modes such as 0600, or sysctl "
				 "vm.memfd_noexec=1");
	}
}

#define DESCRIPTORS_NONE 32
#define DESCRIPTORS_FEW	 256

void check_descriptors(struct doctor *d)
{
	struct rlimit limit;
	enum state state = STATE_OK;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < DESCRIPTORS_NONE)
		state = STATE_BAD;
	else if (limit.rlim_cur < DESCRIPTORS_FEW)
		state = STATE_WARN;
	doctor_found(d, state,
		     "%ju (hard limit %ju); an open memfd region takes one, a "
		     "semaphore two",
		     (uintmax_t)limit.rlim_cur, (uintmax_t)limit.rlim_max);
	if (state != STATE_OK)
		doctor_remedy(d, limit.rlim_max < DESCRIPTORS_FEW
					 ? "ask root to raise the hard limit "
					   "(limits.conf(5), LimitNOFILE= of a "
					   "service)"
					 : "ulimit -n 1024");
}
