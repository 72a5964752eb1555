# SPDX-License-Identifier: MIT
# Which codes can a function return, by the comments of the headers? One pair a
# line: "shmipc_open -EINVAL"; and "segment_open -EPROTO" for an operation of a
# backend.
#
#   @retval -EA -EB	text: these codes
#   @return		text: the codes in it, and if it says "as shmipc_x()",
#			those of that function "but for" the ones named then

# All codes in a text, as " -EA -EB".
function codes(text, all) {
	while (match(text, /-E[A-Z0-9]+/)) {
		all = all " " substr(text, RSTART, RLENGTH)
		text = substr(text, RSTART + RLENGTH)
	}
	return all
}

# Those that it begins with.
function leading(text) {
	return match(text, /^[ \t]*(-E[A-Z0-9]+[ \t]*)+/) ? \
		codes(substr(text, 1, RLENGTH)) : ""
}

function end_of_return(i) {
	if (match(text, /as shmipc_[a-z_]+\(\)/))
		as = substr(text, RSTART + 3, RLENGTH - 5)
	if (i = index(text, "but for")) {
		but_for = codes(substr(text, i))
		text = substr(text, 1, i)
	}
	own = own codes(text)
	text = ""
}

function has(f, code, depth) {
	if (index(of[f] " ", " " code " "))
		return 1
	return depth < 9 && as_of[f] && has(as_of[f], code, depth + 1) &&
		!index(but_for_of[f] " ", " " code " ")
}

# ---- a function's comment, line by line
/^\/\*\*/ { in_comment = 1; own = as = but_for = text = "" }
in_comment && /@/ { end_of_return(); in_return = /@return/ }
in_comment && in_return { text = text " " $0 }
in_comment && /@retval/ {
	sub(/.*@retval/, "")
	own = own leading($0)
}
in_comment && /\*\// { end_of_return(); in_comment = in_return = 0; ended = 1 }

# ---- the declaration after it
ended && !in_comment && match($0, /shmipc_[a-z_]+\(/) {
	f = substr($0, RSTART, RLENGTH - 1)
	of[f] = own
	as_of[f] = as
	but_for_of[f] = but_for
	all = all own
	ended = 0
}

# ---- operations: codes at the start of lines, and then a pointer
/^struct shmipc_backend \{/ { in_table = 1 }
/^};/ { in_table = 0 }
in_table && /^\t\/\*/ { own = "" }
in_table && /^\t \* +-E/ {
	sub(/^\t \* +/, "")
	own = own leading($0)
}
in_table && match($0, /^\t(int|void) \(\*[a-z_]+/) {
	f = substr($0, RSTART, RLENGTH)
	sub(/.*\*/, "", f)
	of[f] = own
	all = all own
	own = ""
}

END {
	split(all, list, " ")
	for (i in list)
		known[list[i]]
	for (f in of)
		for (code in known)
			if (has(f, code, 0))
				print f, code
}
