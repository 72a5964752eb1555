/* SPDX-License-Identifier: MIT */
/*
 * usage: broker cold|idle|kill|restart|hostile COUNT
 *        broker killing MS COMMAND...
 *
 *   cold     COUNT times, 32 clients want a broker that does not exist yet
 *   idle     COUNT times, somebody comes, when the broker is about to leave
 *   kill     COUNT times, the server is killed while names come and go
 *   restart  COUNT times, the server is killed when there are 4,096 names
 *   hostile  COUNT packets of hostile clients, while others are served
 *   killing  batches COMMAND, and kills all servers every MS milliseconds
 *
 * In the directory $SHMIPC_RUNTIME_DIR, where there must be no broker before.
 *
 * Exit status 0: all was well; 1: it was not, stderr says what was seen; 77:
 * the backend does not work here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/broker/broker.h"

const char program[] = "broker";

static const struct {
	const char *name;
	void (*run)(unsigned long count);
} tests[] = {
	{ "cold", cold },	{ "idle", idle },	{ "kill", kills },
	{ "restart", restart }, { "hostile", hostile },
};

static int run(const char *name, unsigned long count)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (strcmp(name, tests[i].name))
			continue;
		tests[i].run(count);
		return complaints() > 0;
	}
	fprintf(stderr, "broker: there is no test called %s\n", name);
	return 2;
}

/* Is there what all of this stands on? */
static bool works_here(void)
{
	if (!getenv("SHMIPC_RUNTIME_DIR") ||
	    access("/proc/self/task", X_OK) < 0 ||
	    access("/proc/thread-self/children", R_OK) < 0) {
		fprintf(stderr, "broker: no SHMIPC_RUNTIME_DIR, or no "
				"/proc/PID/task/TID/children\n");
		return false;
	}
	if (shmipc_open(&ipc, "memfd") < 0) {
		fprintf(stderr, "broker: %s\n", shmipc_errmsg());
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || atol(argv[2]) < 1 ||
	    (argc > 3) != (strcmp(argv[1], "killing") == 0)) {
		fprintf(stderr, "usage: broker cold|idle|kill|restart|hostile "
				"COUNT\n"
				"       broker killing MS COMMAND...\n");
		return 2;
	}
	children_begin();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || !works_here())
		return 77;
	setenv("SHMIPC_BACKEND", "memfd", 1);
	if (argc > 3)
		return killing(strtoul(argv[2], NULL, 10), argv + 3);
	status = run(argv[1], strtoul(argv[2], NULL, 10));
	shmipc_close(ipc);
	(void)await_no_broker();
	return status || complaints();
}
