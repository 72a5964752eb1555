/* SPDX-License-Identifier: MIT */
/* What the server gives up before it listens to anybody. */
#ifndef SHMI_MEMFD_CONFINE_H
#define SHMI_MEMFD_CONFINE_H

/*
 * No new privileges by exec, for good; and, where libseccomp was there at
 * build time, no system calls but those that a server makes.
 */
int confine(void);

#endif
