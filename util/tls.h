/* SPDX-License-Identifier: MIT */
/*
 * Thread-local storage that exists from the start. The default model allocates
 * it on first touch in a library that was loaded with dlopen(3), which must not
 * happen in a signal handler, and finds it by a call; initial-exec does
 * neither. It takes all of a library's variables from a small reserve of the
 * loader, about 1,600 bytes for all libraries, so they must be small:
 * tests/run/loaded.c. musl has no such reserve, and allocates at thread
 * creation anyway.
 */
#ifndef SHMI_TLS_H
#define SHMI_TLS_H

#ifdef __GLIBC__
#define SHMI_TLS __attribute__((tls_model("initial-exec")))
#else
#define SHMI_TLS
#endif

#endif
