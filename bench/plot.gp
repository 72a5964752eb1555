# SPDX-License-Identifier: MIT
# Two pictures of what `bench/bench --csv' says:
#
#   bench/bench --csv >bench.csv
#   gnuplot bench/plot.gp
#
# make bench-limits.svg, how far each row is from its limit, and
# bench-times.svg, what was measured. For other names:
#
#   gnuplot -e "csv='x.csv'; out='x'" bench/plot.gp
#
# Where a row is compared with several, the first is taken.

if (!exists("csv")) csv = "bench.csv"
if (!exists("out")) out = "bench"

# Of one backend: row, ratio / limit
limits(backend) = sprintf("< awk -F, -v b=%s '$2 == b && $10 != \"\" && " . \
	"!seen[$1]++ { print $1, $9 / $10 }' '%s'", backend, csv)

# Of one backend: row, ours, raw
times(backend) = sprintf("< awk -F, -v b=%s '$2 == b && $4 == \"ns\" && " . \
	"!seen[$1]++ { print $1, $5, $7 }' '%s'", backend, csv)

set terminal svg size 1000,600 dynamic background "white"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8 noborder
set boxwidth 0.9
set grid ytics
set xtics rotate by -35 nomirror
set key outside right top
set rmargin 16

set output out."-limits.svg"
set title "shmipc against the system: ratio of medians, in parts of the limit"
set ylabel "ratio / limit (less is better, 1 is just kept)"
set yrange [0:*]
plot limits("posix") using 2:xtic(1) title "posix", \
     limits("sysv") using 2:xtic(1) title "sysv", \
     limits("memfd") using 2:xtic(1) title "memfd", \
     1 with lines linewidth 2 linecolor rgb "red" title "limit"

set terminal svg size 1000,1300 dynamic background "white"
set output out."-times.svg"
set logscale y
set yrange [1:1e8]
set ylabel "ns, median"
set multiplot layout 3,1
do for [backend in "posix sysv memfd"] {
	set title backend
	plot times(backend) using 2:xtic(1) title "shmipc", \
	     times(backend) using 3:xtic(1) title "raw"
}
unset multiplot
