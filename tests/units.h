/* SPDX-License-Identifier: MIT */
/* The test cases of check_units that have a file of their own. */
#ifndef UNITS_H
#define UNITS_H

#include <check.h>

TCase *semword_case(void);
TCase *spin_case(void);
TCase *posix_case(void);
TCase *keys_case(void);
TCase *sysv_case(void);
TCase *wire_case(void);
TCase *broker_case(void);
TCase *client_case(void);

#endif
