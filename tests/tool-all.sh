#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/on_backend.sh" posix \
	timeout 300 sh "${srcdir:-.}/tests/tool/all.sh"
