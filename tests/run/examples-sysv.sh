#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/lib/on_backend.sh" sysv \
	"${srcdir:-.}/tests/run/examples.sh"
