# SPDX-License-Identifier: MIT
# Reads what lcov wrote; see coverage.sh. Lines that were not run, as ranges.

function close_range()
{
	if (from)
		ranges = ranges " " (from == last ? from : from "-" last)
	from = 0
}

/^SF:/ {
	file = substr($0, 4)
	if (index(file, top) == 1)
		file = substr(file, length(top) + 1)
	ranges = ""
	lines = run = from = 0
}

/^DA:/ {
	split(substr($0, 4), field, ",")
	lines++
	if (field[2] > 0) {
		run++
		close_range()
	} else {
		if (!from)
			from = field[1]
		last = field[1]
	}
}

/^end_of_record/ {
	close_range()
	if (ranges != "")
		printf "%5.1f %%  %s:%s\n", 100 * run / lines, file, ranges
	all_lines += lines
	all_run += run
}

END {
	if (!all_lines) {
		print "coverage: nothing was counted"
		exit 1
	}
	share = 100 * all_run / all_lines
	printf "coverage: %.1f %% of %d lines of the library; limit %s %%\n",
		share, all_lines, limit
	exit (share < limit)
}
