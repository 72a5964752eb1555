# SPDX-License-Identifier: MIT
# See style.sh.

function finding(line, message)
{
	print name ":" line ": " message
	findings++
}

# Columns of a line; a byte that continues a character of UTF-8 has no column.
function columns(text,    n, at)
{
	gsub(/[\200-\277]/, "", text)
	while ((at = index(text, "\t")) > 0) {
		n += at - 1
		n += 8 - n % 8
		text = substr(text, at + 1)
	}
	return n + length(text)
}

function end_of_file()
{
	if (name == "")
		return
	if (is_source && !licence)
		finding(1, "no SPDX-License-Identifier in the first lines")
	if (is_long && lines > 600)
		finding(lines, "more than 600 lines")
}

FNR == 1 {
	end_of_file()
	name = FILENAME
	is_source = name ~ source && name !~ /\.pc\.in$/
	is_long = name ~ /\.([ch]|sh)$/
	licence = 0
	lines = 0
}

{
	lines++
}

FNR <= 3 && /SPDX-License-Identifier: / {
	licence = 1
}

/[ \t]$/ {
	finding(FNR, "blanks at the end of the line")
}

/\r$/ {
	finding(FNR, "a carriage return at the end of the line")
}

# Addresses cannot be wrapped, nor can the rows of tables.
length($0) > 40 && columns($0) > 80 && !/https?:\/\/[^ ]*$/ &&
!(name ~ /\.md$/ && /^\|/) && name !~ /\.rules$/ {
	finding(FNR, "more than 80 columns")
}

name !~ /^tests\/lint\// &&
/(^|[^A-Za-z0-9_X])(TODO|FIXME|XXX)($|[^A-Za-z0-9_X])/ {
	finding(FNR, "left to do: finish it, or file it")
}

END {
	end_of_file()
	exit (findings > 0)
}
