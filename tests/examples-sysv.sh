#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/on_backend.sh" sysv "${srcdir:-.}/tests/examples.sh"
