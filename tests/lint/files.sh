# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Which files the rules look at. Read by the other scripts with `.'; each rule
# runs at the top of the source tree and may be given a folder, so that the
# self-test can run it on a copy with a fault in it.

# Names in one order, and bytes as characters.
LC_ALL=C
export LC_ALL
AWK=${AWK:-awk}

# Where the rules are.
# shellcheck disable=SC2034 # for those that read this file
lint=$(cd "$(dirname "$0")" && pwd)
build=$(pwd)
cd "${1:-${srcdir:-.}}" || exit 1

# For the tools that compile: flags, and how many at once.
# shellcheck disable=SC2034 # for those that read this file
{
	flags="-D_GNU_SOURCE -I$build -Iinclude -I. -DBENCH_BROKER=__FILE__ \
		-DSHMI_BROKER_PATH=__FILE__ -DTOOL_BROKER_PATH=__FILE__"
	jobs=$(getconf _NPROCESSORS_ONLN)
}

# Tracked files, and new ones that git does not ignore. A tarball has no git:
# there it is every file below the folders that may have sources.
tracked() {
	if [ -e .git ]; then
		git ls-files --cached --others --exclude-standard
	else
		find . -type f ! -path '*/.*/*' ! -path './build*' |
			sed 's|^\./||' |
			grep -E '^[a-z]+/|^[A-Z]+$|\.(ac|am|md|sh)$'
	fi | while read -r file; do
		[ -f "$file" ] && echo "$file"
	done | sort
}

# C files below some folders, of which some may not exist.
c_files() {
	folders=$(echo "$*" | tr ' ' '|')
	tracked | grep -E "^($folders)/.*\.[ch]\$"
}

# The library: what is subject to the rules on layers.
library() {
	c_files util core backends include
}

# Scripts for sh and bash: by name, or by first line.
scripts() {
	tracked | while read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*.[ch1-8] | *.awk | *.mk | *.pml) ;;
		*)
			head -n 1 "$file" | LC_ALL=C grep -q '^#!.*sh$' &&
				echo "$file"
			;;
		esac
	done
}
