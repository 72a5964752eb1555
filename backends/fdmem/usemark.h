/* SPDX-License-Identifier: MIT */
/*
 * Who uses a file of shared memory?
 *
 * Every user has a mark in it: a read lock on one byte, at a random offset far
 * behind the bytes, taken with F_OFD_SETLK on a description of his own that is
 * then mapped and whose descriptor is then closed, or kept up to the end of the
 * mapping. The kernel keeps the description, and so the mark, exactly as long
 * as any mapping or descriptor of it: over fork, until munmap, exec, exit or
 * SIGKILL. Nobody has to tidy up for the dead. Different offsets make the marks
 * countable.
 *
 * A descriptor that is handed over (fdmem_export()) has a description and a
 * mark of its own, and is a user like any other, also while it is in a socket
 * and in no process. So who imports from it finds a mark at J2.
 *
 * A transient segment lives as long as it has a user, so nobody may become its
 * user without there being one. Looking for a mark and making one are two
 * steps. In front of the marks there is one byte more, the gate:
 *
 *   join    [J1] read lock on the gate   [J2] is there a mark? If not, unlock
 *           and see whether it is an orphan   [J3] make our own   [J4] unlock
 *   orphan   [S1] one question for any lock on gate and marks: there is none, or
 *           that of R1
 *   remove  [R1] write lock on gate and marks, all at once: it is an orphan, and
 *           nobody can join   [R2] take its name away   [R3] unlock
 *   unlink  read lock on the gate, take the name away, unlock
 *   close   find it by name, then unmap, then R1 to R3 if that works
 *
 * The kernel answers each question and takes each lock in one step. Once S1 is
 * true it stays so: a new mark needs an old one, seen at J2 by somebody who is
 * in the gate until he has his own. (The old one may go in between. Then the
 * segment lives on: he came first.) The creator has his mark before the segment
 * has its name. With the gate locked either way, a name that leads here does
 * so until it is unlocked, as far as we are concerned.
 *
 * Nobody waits for anybody: who cannot have a lock looks again, or leaves
 * things to others. A write lock takes write permission, so whoever may only
 * read can keep a segment in use, which he can anyhow, and no more.
 *
 * Death. The kernel drops all locks. Killed before R2, an orphan stays an orphan,
 * and the next who comes removes it. A child that another thread forked while
 * its parent was between J1 and J4 keeps the segment in use as any forked
 * child does; if between R1 and R3, and the parent was killed there, nobody
 * can open it until the child ends.
 *
 * Not on overlayfs: there a mapping is one of another file, below, and marks go
 * with their descriptors.
 */
#ifndef SHMI_FDMEM_USEMARK_H
#define SHMI_FDMEM_USEMARK_H

/* Make a mark; it lasts as long as this description. */
int usemark_set(int fd);

/*
 * Make a mark in a transient segment.
 *   -ESTALE  it is an orphan
 *   -EAGAIN  somebody is removing it, or joins just now: look again
 */
int usemark_join(int fd);

/*
 * Has a transient segment a user?
 *   -ESTALE  no: it is an orphan
 *   -EAGAIN  somebody is joining just now, or seeing that he cannot
 */
int usemark_look(int fd);

/* How many marks, but those of this description, are there? */
int usemark_count(int fd, unsigned *ret);

/*
 * Claim an orphan, to remove it: R1 and R3. Takes a descriptor for writing.
 *   -EAGAIN  it is none, or somebody else claimed it
 */
int usemark_claim(int fd);

/*
 * Keep others from claiming it, to unlink it.
 *   -EAGAIN  somebody claimed it: it is an orphan
 */
int usemark_enter(int fd);

/* The end of both. Not left to close(2): a forked child may have a copy. */
void usemark_leave(int fd);

#endif
