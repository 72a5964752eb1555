# SPDX-License-Identifier: MIT
# The demo, and other programs to copy from. They are linked statically, so that
# they run from the build tree without libtool's wrapper scripts. All except
# the demo are plain C11.
examples = examples/child.c examples/frames.c examples/once.c \
	examples/parent.c examples/pool.c
noinst_PROGRAMS += $(examples:.c=)
examples_child_SOURCES = examples/child.c
examples_child_LDADD = libshmipc-intree.la
examples_frames_SOURCES = examples/frames.c
examples_frames_CFLAGS = -std=c11 -pedantic $(SHMIPC_CFLAGS)
examples_frames_LDADD = libshmipc-intree.la
examples_once_SOURCES = examples/once.c
examples_once_CFLAGS = -std=c11 -pedantic $(SHMIPC_CFLAGS)
examples_once_LDADD = libshmipc-intree.la
examples_parent_SOURCES = examples/parent.c
examples_parent_LDADD = libshmipc-intree.la
examples_pool_SOURCES = examples/pool.c
examples_pool_CFLAGS = -std=c11 -pedantic $(SHMIPC_CFLAGS)
examples_pool_LDADD = libshmipc-intree.la

examplesdir = $(docdir)/examples
dist_examples_DATA = $(examples)
EXTRA_DIST += examples/demo.sh

.PHONY: demo
## demo: parent and child, on all backends
demo: all
	$(AM_V_at)$(SHELL) $(srcdir)/examples/demo.sh examples

# These tests kill programs and so make garbage. They must not run while other
# tests count or remove garbage.
examples_tests = tests/run/examples-posix.sh tests/run/examples-sysv.sh
if MEMFD
examples_tests += tests/run/examples-memfd.sh
endif
# Not with sanitizers, which make starting a process so slow that the deadlines
# in the examples pass.
if !SANITIZERS
TESTS += $(examples_tests)
endif
check_PROGRAMS += tests/run/pool_dies
tests_run_pool_dies_SOURCES = tests/run/pool_dies.c
tests_run_pool_dies_LDADD = libshmipc-intree.la
EXTRA_DIST += tests/run/examples.sh $(examples_tests)

examples_logs = $(filter $(examples_tests:.sh=.log),$(TEST_LOGS))
$(examples_logs): \
	$(filter tests/run/units.log $(conformance:.sh=.log),$(TEST_LOGS))
$(filter $(stress:.sh=.log),$(TEST_LOGS)): $(examples_logs)
