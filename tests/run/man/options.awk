# SPDX-License-Identifier: MIT
# The commands of shmipc(1) and their long options, by what its page says on how
# to call them: lines "sem", "sem --timeout".
/^\.Sh / { in_commands = $2 == "COMMANDS" }
/^\.It Xo/ && in_commands { in_usage = 1; command = ""; next }
/^\.Xc/ { in_usage = 0 }
in_usage && command == "" {
	command = $2
	print command
}
in_usage {
	while (match($0, /(Fl|\|) -[a-z][-a-z]*/)) {
		option = substr($0, RSTART, RLENGTH)
		sub(/.* /, "", option)
		print command, "-" option
		$0 = substr($0, RSTART + RLENGTH)
	}
}
