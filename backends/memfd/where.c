/* SPDX-License-Identifier: MIT */
/* Where the broker's program is; compiled once for each reply. */
#include <config.h>

#include "backends/memfd/start.h"

const char shmi_broker_path[] = SHMI_BROKER_PATH;
