# SPDX-License-Identifier: MIT
# After c.awk; see prose.sh. Collects paragraphs, since a sentence may be longer
# than a line, and looks for the patterns of prose.rules in each.

BEGIN {
	FS = "\t"
	while ((getline rule < rules) > 0) {
		if (rule ~ /^(#|$)/)
			continue
		split(rule, field, "\t")
		pattern[++patterns] = expanded(field[1])
		initial[patterns] = field[1] ~ /^\^/
		advice[patterns] = field[2]
	}
	if (!patterns) {
		print "prose.awk: no rules in " rules
		exit failed = 2
	}
}

# Texts have blanks around them, so that each word has an edge.
function expanded(regex)
{
	sub(/^\^/, "(^|[.:;!?)] ) *[\"(]?", regex)
	gsub(/</, "(^|[^A-Za-z0-9_-])", regex)
	gsub(/>/, "($|[^A-Za-z0-9_-])", regex)
	return regex
}

FNR == 1 {
	end_of_paragraph("c")
	end_of_paragraph("m")
	is_c = FILENAME ~ /\.[ch]$/
	is_manual = FILENAME ~ /\.[1-8]$/
	is_code = FILENAME ~ /\.(sh|awk|mk|am|ac)$|^\.ci\//
}

is_c {
	sub(/^[ \t]*\*/, "", comment)
	add("c", comment)
	if (/\*\/[ \t]*$/)
		end_of_paragraph("c")
	add("m", literal)
	next
}

is_manual && /^\.(Sh|Ss|Pp|It|Bl|El|Bd|Ed)/ {
	end_of_paragraph("c")
}

is_manual {
	sub(/^\.[A-Z][a-z] /, "")
	add("c", $0)
	next
}

# Comments, and the literals of commands that print them.
is_code {
	if (match($0, /(^|[ \t])(#|dnl )/))
		add("c", substr($0, RSTART + RLENGTH))
	else
		end_of_paragraph("c")
	literal = ""
	rest = $0
	sub(/(^|[ \t])#.*/, "", rest)
	while (match(rest, /"[^"]*"/)) {
		literal = literal substr(rest, RSTART + 1, RLENGTH - 2)
		rest = substr(rest, RSTART + RLENGTH)
	}
	add("m", literal)
	next
}

# Plain text; what is in `...` is code.
{
	gsub(/`[^`]*`/, "``")
	if (/^(#|=|-)/)
		end_of_paragraph("c")
	add("c", $0)
}

# Two streams, so that a message does not cut a comment in two.
function add(stream, line)
{
	gsub(/[ \t]+/, " ", line)
	sub(/^ /, "", line)
	sub(/ $/, "", line)
	if (line == "" || line !~ /[A-Za-z]/) {
		end_of_paragraph(stream)
		return
	}
	if (text[stream] == "") {
		name[stream] = FILENAME
		lines[stream] = 0
	}
	lines[stream]++
	number[stream, lines[stream]] = FNR
	begin[stream, lines[stream]] = length(text[stream]) + 1
	text[stream] = text[stream] line " "
}

function end_of_paragraph(stream,    i)
{
	if (text[stream] != "")
		for (i = 1; i <= patterns; i++)
			search(stream, i)
	text[stream] = ""
}

function search(stream, i,    rest, at, start, size, words)
{
	rest = text[stream]
	at = 0
	while (match(rest, pattern[i])) {
		start = RSTART
		size = RLENGTH
		words = substr(rest, start, size)
		rest = substr(rest, start + size)
		if (!initial[i] || !is_question(rest))
			report(stream, at + start + leading(words), words,
			       advice[i])
		at += start + size - 1
	}
}

# How much of a match is not yet its first word.
function leading(words)
{
	match(words, /[A-Za-z]/)
	return RSTART - 1
}

function is_question(after)
{
	return match(after, /[.?!]( |$)/) && substr(after, RSTART, 1) == "?"
}

function report(stream, at, words, what,    line)
{
	for (line = lines[stream]; begin[stream, line] > at; line--)
		;
	gsub(/^[^A-Za-z]+|[^A-Za-z]+$/, "", words)
	print name[stream] ":" number[stream, line] ": \"" words "\": " what
	findings++
}

END {
	end_of_paragraph("c")
	end_of_paragraph("m")
	exit failed ? failed : (findings > 0)
}
