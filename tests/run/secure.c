/* SPDX-License-Identifier: MIT */
/*
 * A set-user-id program, or one with capabilities: it must not listen to its
 * caller's SHMIPC_*, and must start no broker. secure.sh makes it one, and says
 * in the environment what it must not believe.
 *
 * usage: secure [grant PROGRAM]; with arguments, gives PROGRAM a capability
 *
 * Exit status 0: so it is; 1: it is not; 77: cannot be tried here.
 */
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/xattr.h>

#include <shmipc.h>

static int complain(const char *what)
{
	fprintf(stderr, "secure: %s: %s\n", what, shmipc_errmsg());
	return 1;
}

/* As setcap(8) does, which is not everywhere: capabilities(7). */
static int grant(const char *program)
{
	struct vfs_cap_data any = {
		.magic_etc =
			htole32(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE),
		.data[0].permitted = htole32(1U << CAP_SYS_NICE),
	};

	if (setxattr(program, "security.capability", &any, sizeof(any), 0) <
	    0) {
		perror(program);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct shmipc_shm *shm;
	struct shmipc *ipc;
	int r;

	if (argc == 3 && !strcmp(argv[1], "grant"))
		return grant(argv[2]);
	if (!getauxval(AT_SECURE)) {
		printf("secure: privileges are not given to programs here, by "
		       "nosuid or no_new_privs: not tried\n");
		return 77;
	}
	if (shmipc_open(&ipc, NULL) < 0)
		return complain("no backend");
	if (strcmp(shmipc_backend_name(ipc), "posix") != 0)
		return complain("SHMIPC_BACKEND was believed");
	shmipc_close(ipc);

	/* Where there is no memfd, there is nothing to start. */
	if (shmipc_open(&ipc, "memfd") < 0)
		return 0;
	r = shmipc_shm_open(ipc, &shm, "secure", 8, SHMIPC_CREATE, 0600);
	if (r != -ECONNREFUSED)
		return complain("a broker was started, or trusted");
	if (!strstr(shmipc_errmsg(), "set-user-id"))
		return complain("the sentence does not say why");
	shmipc_close(ipc);
	return 0;
}
