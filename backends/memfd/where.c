/* SPDX-License-Identifier: MIT */
/* The path of the broker's program; see start.h. */
#include <config.h>

#include "backends/memfd/start.h"

const char shmi_broker_path[] = SHMI_BROKER_PATH;
