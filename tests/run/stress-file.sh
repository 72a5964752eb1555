#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/lib/on_backend.sh" file \
	"${srcdir:-.}/tests/stress/stress.sh"
