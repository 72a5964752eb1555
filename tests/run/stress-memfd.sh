#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/lib/on_backend.sh" memfd \
	"${srcdir:-.}/tests/stress/stress.sh"
