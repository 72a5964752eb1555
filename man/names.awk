# SPDX-License-Identifier: MIT
# The names that a page has beside that of its file, one a line: those in its
# NAME section. A manual finds it under each of them.
FNR == 1 {
	page = FILENAME
	sub(/.*\//, "", page)
	sub(/\.[0-9]$/, "", page)
}
/^\.Sh / { in_name = $2 == "NAME" }
in_name && /^\.Nm / && $2 != page { print $2 }
