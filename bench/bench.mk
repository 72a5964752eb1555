# SPDX-License-Identifier: MIT
# The measurements. Linked with the shared library, as a user's program is: what
# a call through the PLT costs belongs to it.
check_PROGRAMS += bench/bench
bench_bench_SOURCES = bench/bench.c bench/bench.h \
	bench/crew.c \
	bench/gate.c bench/gate.h \
	bench/handover.c \
	bench/keeper.c \
	bench/kind.h \
	bench/lines.c bench/lines.h \
	bench/lock.c \
	bench/many.c \
	bench/memory.c bench/memory.h \
	bench/objects.c \
	bench/own.c \
	bench/pair.c \
	bench/roundtrip.c \
	bench/run.c bench/run.h \
	bench/sample.c \
	bench/size.c \
	bench/supervise.c bench/supervise.h \
	bench/table.c bench/table.h
bench_bench_CPPFLAGS = $(AM_CPPFLAGS) \
	-DBENCH_BROKER='"$(abs_top_builddir)/shmipc-broker"'
bench_bench_LDADD = libshmipc.la

EXTRA_DIST += bench/plot.gp

# All backends; two minutes. BENCH_FLAGS=--row=pair measures less.
## bench: all measurements; BENCH_FLAGS=--row=pair runs fewer
bench: all
	$(MAKE) $(AM_MAKEFLAGS) bench/bench
	bench/bench $(BENCH_FLAGS)
.PHONY: bench
