/* SPDX-License-Identifier: MIT */
/*
 * Use marks: counting the users of a file of shared memory.
 *
 * Every user has a use mark in the file: a read lock on one byte, at a random
 * offset far beyond the contents, taken with F_OFD_SETLK on a description of
 * its own. The description is then mapped; its descriptor is closed, or kept
 * until the mapping ends. The kernel keeps the description, and so the mark,
 * exactly as long as any mapping or descriptor of it exists: over fork, until
 * munmap, exec, exit or SIGKILL. So the dead need no cleanup. Different offsets
 * make marks countable.
 *
 * An exported descriptor (fdmem_export()) has its own description and use mark,
 * and counts as a user even while it is in a socket and in no process. So a
 * process that imports it finds a mark at J2.
 *
 * A transient segment lives as long as it has a user, so a process may become a
 * user only while another user exists. Looking for a mark and making one are
 * two steps. One more byte, the gate, comes before the marks:
 *
 *   join    [J1] read lock on the gate   [J2] is there a mark? If not, unlock
 *           and check whether it is an orphan   [J3] make our own   [J4] unlock
 *   orphan  [S1] one query for any lock on gate and marks: it finds no lock, or
 *           that of R1
 *   remove  [R1] write lock on gate and marks, all at once: an orphan, and no
 *           process can join   [R2] remove its name   [R3] unlock
 *   unlink  read lock on the gate, remove the name, unlock
 *   close   find it by name, then unmap, then R1 to R3 if that works
 *
 * The kernel answers each query and takes each lock in one step. Once S1 is
 * true it stays true: a new mark needs an old one, seen at J2 by a process that
 * stays in the gate until it has its own. (The old one may disappear in
 * between. Then the segment lives on: the new user came first.) The creator has
 * its mark before the segment has its name. While the gate is locked either
 * way, none of our processes changes the file that the name leads to.
 *
 * No process waits for another: one that cannot get a lock looks again, or
 * leaves the work to others. A write lock needs write permission, so a process
 * that may only read can keep a segment in use, as any user can, and no more.
 *
 * Death. The kernel drops all locks. If killed before R2, an orphan stays an
 * orphan, and the next process to find it removes it. A child that another
 * thread forked while its parent was between J1 and J4 keeps the segment in use
 * as any forked child does. If forked between R1 and R3, with the parent killed
 * there, the segment cannot be opened until the child exits.
 *
 * Not on overlayfs: there a mapping belongs to another file, below, and marks
 * end with their descriptors.
 */
#ifndef SHMI_FDMEM_USEMARK_H
#define SHMI_FDMEM_USEMARK_H

/* Make a use mark; it lasts as long as this description. */
int usemark_set(int fd);

/*
 * Make a use mark in a transient segment.
 *   -ESTALE  it is an orphan
 *   -EAGAIN  another process is removing or joining it: look again
 */
int usemark_join(int fd);

/*
 * Check whether a transient segment has a user.
 *   -ESTALE  no: it is an orphan
 *   -EAGAIN  a process is joining, or finding that it cannot
 */
int usemark_look(int fd);

/* Count the use marks except those of this description. */
int usemark_count(int fd, unsigned *ret);

/*
 * Claim an orphan, to remove it: R1; R3 follows. Needs a writable fd.
 *   -EAGAIN  it is not an orphan, or another process claimed it
 */
int usemark_claim(int fd);

/*
 * Keep others from claiming it, to unlink it.
 *   -EAGAIN  another process claimed it: it is an orphan
 */
int usemark_enter(int fd);

/* Ends both. Not left to close(2): a forked child may have a copy. */
void usemark_leave(int fd);

#endif
