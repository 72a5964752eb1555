/* SPDX-License-Identifier: MIT */
/* The test cases of check_units that have a file of their own. */
#ifndef UNITS_H
#define UNITS_H

#include <check.h>

TCase *semword_case(void);
TCase *random_case(void);
TCase *spin_case(void);
TCase *posix_case(void);
TCase *keys_case(void);
TCase *kind_case(void);
TCase *sysv_case(void);
TCase *sysv_gc_case(void);
TCase *wire_case(void);
TCase *broker_case(void);
TCase *client_case(void);
TCase *journal_case(void);
TCase *order_case(void);
TCase *supervisor_case(void);
TCase *life_case(void);
TCase *server_case(void);
TCase *binding_case(void);
TCase *run_case(void);
TCase *walk_case(void);
TCase *fake_case(void);

/*
 * This program as the server of a supervisor that a test has told to start it.
 * fake_server.c says what it does. Returns the exit status.
 */
int fake_server(void);

#endif
