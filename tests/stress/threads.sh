#!/bin/sh
# SPDX-License-Identifier: MIT
# Threads that share handles, on each backend.
status=77
for backend in posix sysv memfd; do
	"${srcdir:-.}/tests/lib/on_backend.sh" $backend \
		tests/stress/threads 1200000
	case $? in
	0) [ $status -eq 77 ] && status=0 ;;
	77) ;;
	*) status=1 ;;
	esac
done
exit $status
