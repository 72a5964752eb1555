/* SPDX-License-Identifier: MIT */
/*
 * How many SIGINT come of one key? Asks for the key ten times, by a line
 * "ready", and prints how many signals came in all. Two that come at the same
 * time are one; ten times they are not.
 */
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define KEYS 10

int main(void)
{
	struct timespec patience = { .tv_sec = 20 };
	struct timespec quiet = { .tv_nsec = 50000000 };
	sigset_t interrupt;
	int count = 0;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	for (int i = 0; i < KEYS; i++) {
		printf("\nready\n"); /* "^C" is shown, too */
		fflush(stdout);
		if (sigtimedwait(&interrupt, NULL, &patience) < 0)
			break;
		do
			count++;
		while (sigtimedwait(&interrupt, NULL, &quiet) == SIGINT);
	}
	printf("\n%d\n", count);
	return 42;
}
