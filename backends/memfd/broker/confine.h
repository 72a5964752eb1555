/* SPDX-License-Identifier: MIT */
/* What the server gives up before it reads from clients. */
#ifndef SHMI_MEMFD_CONFINE_H
#define SHMI_MEMFD_CONFINE_H

#include <stdbool.h>

/* Was this built with libseccomp, so that confine() takes system calls away? */
extern const bool confine_works;

/*
 * Give up gaining privileges by exec, and, if built with libseccomp, all system
 * calls but those that a server makes.
 */
int confine(void);

#endif
