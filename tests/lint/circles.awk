# SPDX-License-Identifier: MIT
# After c.awk; see circles.sh.

function module(file)
{
	sub(/\.[ch]$/, "", file)
	return file
}

FNR == 1 {
	from = module(FILENAME)
	if (!(from in edges))
		order[++modules] = from
	edges[from] = edges[from] ""
}

included_by(code) != "" {
	to = resolve(FILENAME, included_by(code))
	if (!(to in known))
		next
	to = module(to)
	if (to == from || (from, to) in line)
		next
	edges[from] = edges[from] " " to
	line[from, to] = FILENAME ":" FNR
}

# Depth first; an edge back to a module that is being visited closes a circle.
function visit(from, path,    to, i, n)
{
	state[from] = "open"
	path = path from
	n = split(edges[from], to, " ")
	for (i = 1; i <= n; i++) {
		if (state[to[i]] == "open") {
			findings++
			print line[from, to[i]] ": a circle of includes: " \
				circle(path, to[i])
		} else if (state[to[i]] == "")
			visit(to[i], path " ")
	}
	state[from] = "done"
}

function circle(path, start,    part, i, n, text)
{
	n = split(path, part, " ")
	for (i = 1; i <= n && part[i] != start; i++)
		;
	for (; i <= n; i++)
		text = text part[i] " -> "
	return text start
}

END {
	for (i = 1; i <= modules; i++)
		if (state[order[i]] == "")
			visit(order[i], "")
	exit (findings > 0)
}
