#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs first: notes what of ours is on the machine already, for after.sh.
"${srcdir:-.}/tests/lib/objects.sh" >tests/run/objects.before
