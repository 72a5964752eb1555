# SPDX-License-Identifier: MIT
# After c.awk; see kinds.sh.

BEGIN {
	constant = "SHMIPC_(SHM|SEM|SEMSET|QUEUE)([^A-Za-z0-9_]|$)"
	variable = "(^|[^A-Za-z0-9_])kind"
	left = variable " *[=!]="
	right = "[=!]= *([A-Za-z0-9_.>()-]*[^A-Za-z0-9_])?kind" \
		"([^A-Za-z0-9_(]|$)"
}

# The files that implement one kind each, and the table of all.
FILENAME ~ /^core\/(kind|shm|sem|semset|queue)\.[ch]$/ {
	next
}

FNR == 1 {
	backend = FILENAME ~ /^(backends|util)\//
	tool = FILENAME ~ /^tools\//
	before = ""
}

# Lines are joined where an operator begins or ends one.
{
	text = before bare
	before = bare ~ /([=!]=|[^A-Za-z0-9_]kind)[ \t]*$/ ? bare : ""
}

backend && (text ~ left || text ~ right) {
	finding("a backend compares kinds (kind ==): ask the core")
	next
}

backend && text ~ ("(^|[^A-Za-z0-9_])" constant) {
	finding("a backend names a kind")
	next
}

bare ~ (variable "[])]* *\\)? *\\{?$") && bare ~ /(^|[^A-Za-z0-9_])switch *\(/ {
	finding("a switch over kinds outside core/kind.c")
	next
}

text ~ ("[=!]= *" constant) || text ~ ("case +" constant) ||
text ~ ("SHMIPC_(SHM|SEM|SEMSET|QUEUE) *[=!]=") {
	finding("a comparison with one kind outside core/kind.c")
	next
}

!tool && text ~ ("(^|[^A-Za-z0-9_])" constant) {
	finding("core/ names a kind outside core/kind.c and the kind's file")
}

END {
	exit (findings > 0)
}
