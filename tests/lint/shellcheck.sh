#!/bin/sh
# SPDX-License-Identifier: MIT
# Scripts for sh and bash, with the files that they read; .shellcheckrc has the
# exceptions.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046 # no name has a blank in it
exec shellcheck --format=gcc $(scripts)
