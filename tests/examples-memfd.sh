#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/on_backend.sh" memfd "${srcdir:-.}/tests/examples.sh"
