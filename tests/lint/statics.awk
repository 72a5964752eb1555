# SPDX-License-Identifier: MIT
# After c.awk; see statics.sh. Functions begin in the first column.

FNR == 1 {
	head = ""
	directive = 0
}

# Preprocessor lines, with those that continue them.
directive || bare ~ /^[ \t]*#/ {
	directive = bare ~ /\\$/
	next
}

head == "" && bare !~ /^(static|inline)[ \t]/ {
	next
}

# From `static' to the brace of the body, or to what shows that there is none.
{
	if (head == "")
		start = FNR
	head = head " " bare
}

bare ~ /\{/ && head ~ /[A-Za-z0-9_] *\(/ && head !~ /=[^(]*\{/ &&
head ~ /(^| )static / {
	match(head, /[A-Za-z_][A-Za-z0-9_]* *\(/)
	name = substr(head, RSTART, RLENGTH - 1)
	while (name ~ /^(__attribute__|_Alignas) *$/) {
		head = substr(head, RSTART + RLENGTH)
		if (!match(head, /[A-Za-z_][A-Za-z0-9_]* *\(/))
			break
		name = substr(head, RSTART, RLENGTH - 1)
	}
	sub(/ *$/, "", name)
	if (!(name in where)) {
		where[name] = FILENAME ":" start
		file[name] = FILENAME
	} else if (file[name] != FILENAME) {
		print FILENAME ":" start ": static function " name \
			"() exists in " where[name] ", too"
		findings++
	}
}

bare ~ /[{;]/ {
	head = ""
}

END {
	exit (findings > 0)
}
