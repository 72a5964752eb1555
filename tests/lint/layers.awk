# SPDX-License-Identifier: MIT
# After c.awk; see layers.sh.

BEGIN {
	may["util"] = "util include"
	may["core"] = "util include core"
	may["backends"] = "util include backends"
	may["include"] = "include"

	# System calls of which each backend has its own.
	calls = "(shm_(open|unlink)|sem_(open|unlink|close|init|destroy|" \
		"wait|trywait|timedwait|clockwait|post|getvalue)|" \
		"shm(get|at|dt|ctl)|sem(get|op|timedop|ctl)|" \
		"msg(get|snd|rcv|ctl)|mq_[a-z]+|memfd_create|" \
		"eventfd(_read|_write)?|mkfifo|ftok)"
	calls = "(^|[^A-Za-z0-9_.>])((SYS|__NR)_)?" calls "([^A-Za-z0-9_]|$)"
	backend = "posix|POSIX|sysv|SYSV|memfd|MEMFD|fdmem|FDMEM"
}

FNR == 1 {
	layer = FILENAME
	sub(/\/.*/, "", layer)
	offset_of = ""
}

{
	include = included_by(code)
}

include != "" && layer in may {
	target = resolve(FILENAME, include)
	of = target
	sub(/\/.*/, "", of)
	if (target != "" && !in_words(of, may[layer]))
		finding(layer "/ must not include " include)
}

layer == "core" && FILENAME != "core/backend.c" && include == "" {
	name = backend_named()
	if (name != "")
		finding("core/ names a backend outside core/backend.c: " name)
	if (match(bare, calls))
		finding("core/ uses what only one backend may: " \
			trimmed(substr(bare, RSTART, RLENGTH)))
}

# Also if a line ends after the parenthesis.
layer != "core" && include == "" {
	if ((offset_of bare) ~ /offsetof *\([ \t]*struct shmi_header[^a-z_]/)
		finding("an offset into struct shmi_header outside core/")
	offset_of = bare ~ /offsetof *\([ \t]*$/ ? "offsetof(" : ""
}

# An identifier or a word of a literal with the name of a backend in it; not
# posix_fallocate() and the like, which are the C library's.
function backend_named(    rest, word)
{
	rest = code
	while (match(rest, /[A-Za-z_][A-Za-z0-9_]*/)) {
		word = substr(rest, RSTART, RLENGTH)
		rest = substr(rest, RSTART + RLENGTH)
		if (word ~ ("(^|_)(" backend ")($|_)") &&
		    word !~ /^(posix_[a-z]+|_?POSIX_[A-Z_0-9]+)$/)
			return word
	}
	return ""
}

function in_words(word, words)
{
	return index(" " words " ", " " word " ") > 0
}

function trimmed(text)
{
	gsub(/[^A-Za-z0-9_]/, "", text)
	return text
}

END {
	exit (findings > 0)
}
