#!/bin/sh
# SPDX-License-Identifier: MIT
exec "${srcdir:-.}/tests/tool/unshare.sh" \
	"${srcdir:-.}/tests/lib/on_backend.sh" memfd \
	timeout -k 10 300 sh "${srcdir:-.}/tests/tool/many.sh"
