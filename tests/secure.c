/* SPDX-License-Identifier: MIT */
/*
 * A set-user-id program: it must not listen to its caller's SHMIPC_*, and must
 * start no broker. secure.sh makes it one, and says in the environment what it
 * must not believe.
 *
 * Exit status 0: so it is; 1: it is not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include <shmipc.h>

static int complain(const char *what)
{
	fprintf(stderr, "secure: %s: %s\n", what, shmipc_errmsg());
	return 1;
}

int main(void)
{
	struct shmipc_shm *shm;
	struct shmipc *ipc;
	int r;

	if (!getauxval(AT_SECURE))
		return complain("this is no set-user-id program");
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
