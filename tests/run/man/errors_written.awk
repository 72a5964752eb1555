# SPDX-License-Identifier: MIT
# Which codes can a function return, by a manual page? As errors_declared.awk.
# ERRORS is made of lists; what is named between two of them has the codes of
# the second. An operation of a backend has a list inside of its item.
function say(functions, i, j, n, f) {
	n = split(functions, f, " ")
	for (i = 1; i <= n; i++)
		for (j = 1; j <= NF; j++)
			if ($j ~ /^\\-E/)
				print f[i], substr($j, 2)
}

/^\.S[hs] / { section = $2; here = "" }
/^\.Bl / { depth++; listed = 1 }
/^\.El/ { depth-- }
section == "ERRORS" && /^\.Fn / && !depth {
	if (listed)
		here = ""
	listed = 0
	here = here " " $2
}
section == "Operations" && /^\.It Fn / { here = $3 }
(section == "ERRORS" || section == "Operations") && /^\.It Er / { say(here) }
