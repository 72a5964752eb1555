#!/bin/sh
# SPDX-License-Identifier: MIT
# Run a test of the command where nobody else's objects are: with a /dev/shm and
# a System V name space of its own. An ordinary user has them as root of a
# user name space.
#
# usage: unshare.sh COMMAND...
for unshare_self in "unshare -m -i" "unshare -r -m -i"; do
	# shellcheck disable=SC2086 # words are meant
	$unshare_self mount -t tmpfs shmipc-test /dev/shm 2>/dev/null ||
		continue
	# shellcheck disable=SC2093 # the first that works
	exec $unshare_self sh -c '
		mount -t tmpfs -o mode=1777 shmipc-test /dev/shm &&
		exec "$@"' sh "$@"
done
echo "unshare.sh: no name spaces, neither as root nor in a user name space"
exit 77
