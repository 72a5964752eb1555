#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/on_backend.sh" posix "${srcdir:-.}/tests/examples.sh"
