# SPDX-License-Identifier: MIT
# The C of a manual page: the prototypes of its SYNOPSIS, and the structures
# that its DESCRIPTION shows. With -v examples=PREFIX instead its EXAMPLES, in
# files PREFIX1.c, PREFIX2.c, ...
function plain(text) {
	gsub(/\\&/, "", text)
	gsub(/\\-/, "-", text)
	gsub(/\\e/, "\\", text)
	return text
}

# Arguments of a macro as one: what stands in quotation marks, or all of it.
function joined(text, i, n, piece, all) {
	if (text !~ /^"/)
		return text
	n = split(text, piece, "\"")
	for (i = 2; i <= n; i += 2)
		all = all (i > 2 ? ", " : "") piece[i]
	return plain(all)
}

/^\.Sh / { section = $2 }
/^\.Ed/ { kind = "" }
kind == "begin" {
	kind = ""
	if (section == "DESCRIPTION" && /^struct shmipc_/)
		kind = "struct"
	if (section == "EXAMPLES" && /^#include/) {
		kind = "example"
		file = examples (++count) ".c"
	}
}
kind == "struct" && !examples { print plain($0) }
kind == "example" && examples { print plain($0) >file }
/^\.Bd -literal/ { kind = "begin" }
section != "SYNOPSIS" || examples { next }
/^\.Ft / { type = joined(substr($0, 5)) }
/^\.Fo / { name = $2; all = "" }
/^\.Fa / { all = all (all == "" ? "" : ", ") joined(substr($0, 5)) }
/^\.Fc/ { print "SHMIPC_API " type " " name "(" all ");" }
