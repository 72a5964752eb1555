# SPDX-License-Identifier: MIT
# Splits each line of C, for the rules that come after this file on the command
# line of awk:
#
#   code      the line without its comments
#   bare      the same, and with empty string literals
#   comment   the text of its comments
#   literal   the contents of its string literals
#
# Also: finding(message) reports the line that is being read, and resolve(file,
# included) tells which of the files given to awk an #include names.

BEGIN {
	for (i = 1; i < ARGC; i++)
		known[ARGV[i]] = 1
}

FNR == 1 {
	in_comment = 0
}

{
	split_line($0)
}

function split_line(line,    end, at)
{
	code = bare = comment = literal = ""
	while (line != "") {
		if (in_comment) {
			end = index(line, "*/")
			if (!end) {
				comment = comment line
				return
			}
			comment = comment substr(line, 1, end - 1) " "
			line = substr(line, end + 2)
			in_comment = 0
			code = code " "
			bare = bare " "
		}
		at = match(line, /["']|\/\*|\/\//)
		if (!at) {
			code = code line
			bare = bare line
			return
		}
		code = code substr(line, 1, at - 1)
		bare = bare substr(line, 1, at - 1)
		line = substr(line, at)
		if (line ~ /^\/\*/) {
			in_comment = 1
			line = substr(line, 3)
		} else if (line ~ /^\/\//) {
			comment = comment substr(line, 3)
			return
		} else {
			at = substr(line, 1, 1)
			if (at == "\"" && match(line, /^"([^"\\]|\\.)*"/))
				literal = literal substr(line, 2, RLENGTH - 2)
			else if (at != "'" || !match(line, /^'([^'\\]|\\.)*'/))
				RLENGTH = 1
			code = code substr(line, 1, RLENGTH)
			bare = bare at at
			line = substr(line, RLENGTH + 1)
		}
	}
}

function finding(message)
{
	print FILENAME ":" FNR ": " message
	findings++
}

function folder(file)
{
	return file ~ /\// ? substr(file, 1, match(file, /\/[^\/]*$/)) : ""
}

# "x.h" is beside the file or below the top, <x.h> below include/ or the top.
# Nothing for a header of the system.
function resolve(file, included,    name, near)
{
	name = substr(included, 2, length(included) - 2)
	near = tidy(folder(file) name)
	if (included ~ /^"/ && near in known)
		return near
	if (("include/" name) in known)
		return "include/" name
	name = tidy(name)
	if (name in known)
		return name
	return included ~ /^"/ ? name : ""
}

function tidy(path)
{
	while (sub(/[^\/]+\/\.\.\//, "", path) || sub(/(^|\/)\.\//, "/", path))
		sub(/^\//, "", path)
	return path
}

# What a line includes, with its quotes or brackets, or nothing.
function included_by(line)
{
	if (line !~ /^[ \t]*#[ \t]*include[ \t]*["<]/)
		return ""
	match(line, /["<][^">]*[">]/)
	return substr(line, RSTART, RLENGTH)
}
