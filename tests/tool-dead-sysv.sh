#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/tool/apart.sh" \
	"${srcdir:-.}/tests/on_backend.sh" sysv \
	timeout -k 10 300 sh "${srcdir:-.}/tests/tool/dead.sh"
