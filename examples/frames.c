/* SPDX-License-Identifier: MIT */
/*
 * Pass a stream of frames through a ring in shared memory. Start the receiver
 * first: frames receive >COPY, and then: frames send <FILE
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <shmipc.h>

#define SLOTS 8
struct frame {
	size_t number, size; /* number: from 1; size 0 marks the end */
	char bytes[65536];
};

int main(int argc, char **argv)
{
	int send = argc == 2 && !strcmp(argv[1], "send"), failed = 1, err;
	unsigned flags = send ? 0 : SHMIPC_CREATE | SHMIPC_TRANSIENT;
	struct shmipc *ipc = NULL;
	struct shmipc_shm *shm = NULL;
	struct shmipc_sem *empty = NULL, *full = NULL; /* count slots */
	struct timespec deadline;

	if (shmipc_open(&ipc, NULL) < 0 ||
	    shmipc_sem_open(ipc, &empty, "ring.0", SLOTS, flags, 0600) < 0 ||
	    shmipc_sem_open(ipc, &full, "ring.1", 0, flags, 0600) < 0 ||
	    shmipc_shm_open(ipc, &shm, "ring", SLOTS * sizeof(struct frame),
			    flags, 0600) < 0)
		goto out;
	for (size_t i = 1, size = 1; size > 0; i++) {
		struct frame *f = shmipc_shm_addr(shm);

		f += i % SLOTS;
		clock_gettime(CLOCK_MONOTONIC, &deadline);
		deadline.tv_sec += 5; /* later, assume that the peer is gone */
		do
			err = shmipc_sem_timedwait(send ? empty : full,
						   &deadline);
		while (err == -EINTR);
		if (err < 0 || (!send && f->number != i))
			goto out;
		if (send)
			f->size = fread(f->bytes, 1, sizeof(f->bytes), stdin);
		size = send ? f->size : fwrite(f->bytes, 1, f->size, stdout);
		f->number = i;
		shmipc_sem_post(send ? full : empty);
	}
	failed = ferror(stdin) || ferror(stdout) || fflush(stdout);
out:
	if (failed)
		fprintf(stderr, "frames: failed: %s\n", shmipc_errmsg());
	shmipc_shm_close(shm);
	shmipc_sem_close(full);
	shmipc_sem_close(empty);
	shmipc_close(ipc);
	return failed;
}
