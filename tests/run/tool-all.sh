#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/lib/on_backend.sh" posix \
	timeout -k 10 300 sh "${srcdir:-.}/tests/tool/all.sh"
