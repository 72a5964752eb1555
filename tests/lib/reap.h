/* SPDX-License-Identifier: MIT */
/*
 * Children whose memory is known to be gone.
 *
 * wait(2) tells of a death when the process is gone, which need not be the end
 * of its memory: a process that reads /proc/PID/cmdline, stat or maps, as ps(1)
 * does, holds that memory for some microseconds, or for as long as it does not
 * run. Two such readers delay the end in a third of all deaths. Until then the
 * mappings stand, and so do the locks behind them: the dead process is still a
 * user. A test that asks right after wait(2) would fail now and then, on a busy
 * machine.
 *
 * So each child maps a file of its own with a lock behind it, and a process
 * that waits for the child waits for the end of that lock too.
 */
#ifndef TESTS_REAP_H
#define TESTS_REAP_H

#include <sys/types.h>

/* fork(2). Not for more than 256 children at a time. */
pid_t reap_fork(void);

/*
 * After wait(2): until the memory of this child is gone too, at most 10 s; 0,
 * or -1 if it took longer. Children that reap_fork() did not make have none.
 */
int reap_wait(pid_t pid);

#endif
