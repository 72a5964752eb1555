#!/bin/sh
# SPDX-License-Identifier: MIT
# Print every object of ours on this machine, a line each, found without the
# library: by the names of files, the keys of segments and the size of sets.
#
# The tests of root have objects of other users, too. Those of anybody else have
# not, and what other users do meanwhile is their own affair.
user=$(id -u)
# shellcheck disable=SC2012 # names of ours have no white space
ls -nd /dev/shm/*shmipc* 2>/dev/null |
	awk -v u="$user" '(u == 0 || $3 == u) { print "file", $NF }'
awk -v u="$user" 'NR > 1 && (u == 0 || $8 == u) &&
	$1 < 0 && sprintf("%x", $1 + 4294967296) ~ /^c5/ {
	print "segment", $1, $2 }' /proc/sysvipc/shm
awk -v u="$user" 'NR > 1 && (u == 0 || $5 == u) && $1 < 0 && $4 == 7 {
	print "set", $1, $2 }' /proc/sysvipc/sem
for process in /proc/[0-9]*; do
	read -r name 2>/dev/null <"$process/comm" || continue
	[ "$name" = shmipc-broker ] || continue
	# Not one that is dead and not yet reaped.
	awk -v u="$user" -v pid="${process#/proc/}" '
		$1 == "State:" { lives = $2 !~ /[ZX]/ }
		$1 == "Uid:" && lives && (u == 0 || $3 == u) {
			print "process", pid }' "$process/status" 2>/dev/null
done
exit 0
