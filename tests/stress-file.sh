#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/on_backend.sh" file "${srcdir:-.}/tests/stress.sh"
