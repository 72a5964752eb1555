#!/bin/sh
# SPDX-License-Identifier: MIT
# Layers: util/ knows of nothing else, core/ of util/, and backends/ of util/
# and of the public headers. core/ says what objects mean on every backend, so
# that it names no backend and calls nothing that only one backend uses.
. "$(dirname "$0")/files.sh"
# shellcheck disable=SC2046 # no name has a blank in it
exec "$AWK" -f "$lint/c.awk" -f "$lint/layers.awk" \
	$(c_files util core backends include tools bench examples)
