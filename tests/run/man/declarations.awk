# SPDX-License-Identifier: MIT
# The prototypes and structures of a piece of C, one a line, for comparison:
# without comments, attributes, and blanks that do not matter.
function squeezed(text) {
	gsub(/__attribute__.*/, ";", text)
	gsub(/[ \t]+/, " ", text)
	while (match(text, / [^A-Za-z0-9_. ]|[^A-Za-z0-9_. ] |^ | $/)) {
		if (substr(text, RSTART, 1) != " ")
			RSTART++
		text = substr(text, 1, RSTART - 1) substr(text, RSTART + 1)
	}
	return text
}

function show(text, pattern, rest) {
	while (match(text, pattern)) {
		rest = substr(text, RSTART + RLENGTH)
		print squeezed(substr(text, RSTART, RLENGTH))
		text = rest
	}
}

/^#/ { next }
{ text = text " " $0 }
END {
	while (i = index(text, "/*")) {
		rest = substr(text, i)
		text = substr(text, 1, i - 1)
		text = text substr(rest, index(rest, "*/") + 2)
	}
	show(text, "struct shmipc_[a-z_]* *[{][^}]*[}]")
	show(text, "SHMIPC_API [^;]*;")
}
